"""Which cell remembers? Selective copying and parity, for gates that read the state and not.

    python examples/which_cell.py               some minutes: parity, and copying 4 symbols of 32
    python examples/which_cell.py --full        the whole table

Selective copying: k symbols stand at random places among L steps, and are to be said in their order
at the end. Parity: is the number of ones so far odd? It is learnt on the first 40 bits, and tested
on bits 40 to 256. One layer of a cell does each. All learning rates and seeds of a cell are one
sweep; the rate is chosen on validation data, and its seeds are scored on test data, with the
interval of their mean at 95 %. Beside the cells stand ridge regression, which sees all symbols at
once, and what others published. A run that was stopped goes on where it was.
"""

import argparse
import functools
import json
import operator
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from jaxrnn import cells, data, evaluation, metrics, networks, objectives, tasks, training

CELLS = {  # copiers have about 60,000 parameters, with the embedding and what reads the state
    "GRU": cells.GRU(32, 112),
    "minGRU": cells.MinGRU(128, 172),
    "minLSTM": cells.MinLSTM(128, 124),
    "sLSTM": cells.SLSTM(16, 32),
    "DeltaNet [-1, 1]": cells.DeltaNet(16, 32, heads=2, scale=2.0),
    "DeltaNet [0, 1]": cells.DeltaNet(16, 32, heads=2, scale=1.0),
    "mLSTM": cells.MLSTM(16, 32, heads=2),
}
PUBLISHED = {  # scaled accuracy (Grazzi et al., ICLR 2025); exact matches of one or two seeds
    "parity": {"sLSTM": 1.0, "DeltaNet [-1, 1]": 1.0, "DeltaNet [0, 1]": 0.02, "mLSTM": 0.09},
    "copying 32, 4": {"GRU": 1.0, "minGRU": 0.389, "minLSTM": 0.424},
    "copying 64, 4": {"GRU": 1.0, "minGRU": 0.356, "minLSTM": 0.406},
    "copying 32, 8": {"GRU": 0.382, "minGRU": 0.001, "minLSTM": 0.0},
    "copying 64, 8": {"GRU": 0.357, "minGRU": 0.0, "minLSTM": 0.0},
}
RATES = {"parity": [0.01, 0.03, 0.1], "copying": [0.003, 0.01, 0.03]}
TRAINED, TESTED, ACCURACY = 40, 256, "validation/accuracy"
NORMAL = jax.nn.initializers.normal(1.0)  # an embedding, as in PyTorch
UNIFORM = jax.nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # a kernel, likewise


def main(options: argparse.Namespace) -> None:
    """Train all, score all, draw; the figures are written as they are found."""
    options.out.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {}
    for title in options.titles:
        print(title, flush=True)
        result[title] = {"ridge": {"mean": {"value": ridge(title, options)}}}
        print(f"  ridge regression {result[title]['ridge']['mean']['value']:6.3f}", flush=True)
        for name, published in [*PUBLISHED[title].items()][options.cells]:
            row = trained(title, name, options) | {"published": published}
            result[title][name] = row
            interval = "{value:6.3f} [{low:.3f}, {high:.3f}]".format(**row["mean"])
            more = "at rate {learning_rate:g}, published {published:.3f}".format(**row)
            print(f"  {name:16} {interval} {more}", flush=True)
            (options.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    draw(result, options.out / "which_cell.png")
    print(f"wrote {options.out}/: result.json, which_cell.png")


def copying(title: str) -> tasks.SelectiveCopy:
    """The task of a size."""
    span, k = title.removeprefix("copying").split(",")
    return tasks.SelectiveCopy(int(span), int(k))


def drawn(title: str, length: int, size: int, key: jax.Array) -> data.Batch:
    """Sequences: a parity for every bit, `[T, N]`, or k symbols for the last state, `[N, k]`."""
    if title == "parity":
        return tasks.parity(length).batch(size, key=key)
    task = copying(title)
    inputs, targets = task.batch(size, key=key)[:2]
    return data.Batch(inputs[: task.span], targets[task.span :].T)  # the markers left out


def held_out(title: str, options: argparse.Namespace, seed: int) -> data.Batch:
    """Other sequences; those of parity are longer than what is trained on."""
    make = jax.jit(drawn, static_argnums=(0, 1, 2))
    return make(title, TESTED, options.held, jax.random.key(options.seed + seed))


def by_label(outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Logits for each label, where the last state says several."""
    return outputs.reshape(*targets.shape, -1), targets


def score(title: str, right: np.ndarray) -> Any:
    """Bits from bit 40 on, 0 by chance and 1 at best; or sequences with all k symbols right."""
    if title == "parity":
        return 2 * right[..., TRAINED - 1 :, :].mean((-2, -1)) - 1
    return right.all(-1).mean(-1)


def network(title: str, cell: Any) -> networks.Layer:
    """An embedding, the cell, and what reads its states."""
    inputs, hidden = cell.input_shape[0], cell.output_shape[0]
    if title == "parity":
        embedding = networks.Embedding(2, inputs, NORMAL)
        return networks.stack(embedding, networks.Recurrent(cell), networks.Dense(hidden, 2))
    task = copying(title)
    return networks.stack(
        networks.Embedding(task.vocab, inputs, NORMAL),
        networks.Recurrent(cell),
        networks.LastPool(),
        networks.LayerNorm(hidden),
        networks.Dense(hidden, 64, kernel_init=UNIFORM),
        networks.Activation(jax.nn.gelu),
        networks.Dense(64, task.length * task.symbols, kernel_init=UNIFORM),
    )


def sweep(title: str, name: str, options: argparse.Namespace) -> training.Sweep:
    """Train a cell with every learning rate from every seed; each is saved when it is done."""
    steps, size = (options.parity_steps, 64) if title == "parity" else (options.steps, 32)
    cycle = optax.cosine_onecycle_schedule(steps, 1.0)

    def optimizer(learning_rate: Any) -> optax.GradientTransformation:
        clip, step = optax.clip_by_global_norm(1.0), optax.scale(learning_rate)
        return optax.chain(clip, optax.adamw(cycle), step)

    return training.sweep(
        training.Trainer(
            network(title, CELLS[name]),
            objectives.map_inputs(objectives.CrossEntropy(), by_label),
            optax.inject_hyperparams(optimizer)(learning_rate=0.01),
            metrics.collect(accuracy=metrics.map_inputs(metrics.accuracy(), by_label)),
        ),
        tasks.Drawn(functools.partial(drawn, title, TRAINED, size), options.seed),
        {"learning_rate": RATES[title.split()[0]]},
        seeds=range(options.seeds),
        steps=steps,
        every=max(1, steps // 5),
        validation=held_out(title, options, 1),
        members=training.OneByOne(),
        keep=training.FinalParams(),
        directory=options.out / title / name,
    )


def trained(title: str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Choose the learning rate on the validation data, and score its seeds on the test data."""
    swept, test = sweep(title, name, options), held_out(title, options, 2)
    accuracy = np.nan_to_num(swept.scores(ACCURACY))  # a member that diverged is right nowhere
    means = {s["learning_rate"]: float(accuracy[m].mean()) for s, m in swept.groups()}
    best, scores = max(means, key=means.__getitem__), []
    for member in np.flatnonzero([setting["learning_rate"] == best for setting in swept.settings]):
        params = swept.params_of(member)
        said = training.predict(network(title, CELLS[name]), params, test.inputs, batch=100)
        scores.append(score(title, by_label(said, test.targets)[0].argmax(-1) == test.targets))
    key = jax.random.key(options.seed)
    return {
        "mean": evaluation.stability(np.array(scores), key, better=operator.gt).mean._asdict(),
        "seeds": np.array(scores).tolist(),
        "learning_rate": best,
        "validation": means,
        "diverged": int(swept.diverged.sum()),
        "parameters": networks.parameter_count(params),
    }


def ridge(title: str, options: argparse.Namespace) -> float:
    """A linear map of all symbols, to all k of them or to the parity of 40 bits."""

    def read(seed: int) -> tuple[np.ndarray, np.ndarray]:
        symbols, labels = map(np.asarray, held_out(title, options, seed)[:2])
        if title == "parity":
            symbols, labels = symbols[:TRAINED], labels[TRAINED - 1, :, None]
        hot = np.eye(10)[symbols.T]  # it sums to 1 at a step, which is a bias
        return hot.reshape(len(hot), -1), labels

    x, y = map(np.concatenate, zip(*map(read, range(3, 23)), strict=True))
    targets = np.eye(10)[y].reshape(len(y), -1)
    weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ targets)
    test, asked = read(2)
    right = by_label(test @ weights, asked)[0].argmax(-1) == asked
    return float(2 * right.mean() - 1 if title == "parity" else score(title, right))


def draw(result: dict[str, Any], place: Path) -> None:
    """The intervals of each task, published scores as crosses, and ridge regression as a line."""
    from matplotlib.figure import Figure

    figure = Figure((3.4 * len(result), 3), layout="constrained")
    for axes, (title, rows) in zip(figure.subplots(1, len(result)), result.items(), strict=True):
        axes.axvline(rows["ridge"]["mean"]["value"], color="grey", linestyle=":")
        found = {name: row for name, row in rows.items() if name != "ridge"}
        evaluation.plot_intervals(
            {name: evaluation.IntervalEstimate(**row["mean"]) for name, row in found.items()},
            xlabel="scaled accuracy" if title == "parity" else "exact matches",
            axes=axes,
        )
        axes.plot([row["published"] for row in found.values()], range(len(found)), "kx")
        axes.set(title=title, xlim=(-0.05, 1.05))
    figure.savefig(place, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="copying of all four sizes")
    parser.add_argument("--steps", type=int, default=600, help="of selective copying")
    parser.add_argument("--parity-steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the data")
    parser.add_argument("--devices", type=int, default=os.cpu_count(), help="cores that train")
    parser.add_argument("--out", type=Path, default=Path("out/which_cell"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="two cells, two seeds, a few steps")
    given = parser.parse_args()
    given.titles = [*PUBLISHED] if given.full else ["parity", "copying 32, 4"]
    given.cells, given.held = slice(None), 1000
    if given.smoke:
        given.steps, given.parity_steps, given.seeds, given.held = 5, 5, 2, 50
        given.cells, given.out = slice(1), given.out / "smoke"
    jax.config.update("jax_num_cpu_devices", given.devices)
    main(given)
