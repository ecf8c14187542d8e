"""Which cell remembers? Selective copying and parity, for gates that read the state and not.

    python examples/which_cell.py               some minutes

Selective copying: k symbols stand at random places among blanks, and are to be repeated in order.
Parity: is the number of ones so far odd? It is learnt on the first 40 bits, and tested on bits 40
to 256. One layer of a cell does each, trained from several seeds by one sweep; intervals are those
of the mean over seeds, at 95 %. Beside the cells stand ridge regression, which sees all symbols at
once, and what others published.
"""

import argparse
import json
import operator
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from jaxrnn import cells, evaluation, networks, objectives, tasks, training

COPIERS = {  # about 60,000 parameters each, with their embedding of 32 or 128 numbers
    "GRU": cells.GRU(32, 128),
    "minGRU": cells.MinGRU(128, 216),
    "minLSTM": cells.MinLSTM(128, 144),
}
TRACKERS = {
    "sLSTM": cells.SLSTM(16, 32),
    "DeltaNet [-1, 1]": cells.DeltaNet(16, 32, heads=2, scale=2.0),
    "DeltaNet [0, 1]": cells.DeltaNet(16, 32, heads=2, scale=1.0),
    "mLSTM": cells.MLSTM(16, 32, heads=2),
}
PUBLISHED = {  # exact match of two seeds at most; scaled accuracy (Grazzi et al., ICLR 2025)
    "GRU": {"32, 4": 1.0, "64, 4": 1.0, "32, 8": 0.382, "64, 8": 0.357},
    "minGRU": {"32, 4": 0.389, "64, 4": 0.356, "32, 8": 0.001, "64, 8": 0.0},
    "minLSTM": {"32, 4": 0.424, "64, 4": 0.406, "32, 8": 0.0, "64, 8": 0.0},
    "sLSTM": 1.0,
    "DeltaNet [-1, 1]": 1.0,
    "DeltaNet [0, 1]": 0.02,
    "mLSTM": 0.09,
}
TRAINED, TESTED, HELD_OUT, ENDS = 40, 256, 1000, ("low", "high")
NORMAL = jax.nn.initializers.normal(1.0)  # the embedding, as in PyTorch


def main(options: argparse.Namespace) -> None:
    """Train all, score all, draw."""
    from matplotlib.figure import Figure

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "result.json").open("a").close()  # what cannot be written is said at once
    result = {"copying": copying(options), "parity": parity(options)}
    (options.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    figure = Figure((14, 4.6), layout="constrained")
    draw(figure.subplots(1, 3, width_ratios=[1.3, 1, 1]), result)
    figure.savefig(options.out / "which_cell.png", dpi=120)
    print(f"\nwrote {options.out}/: result.json, which_cell.png")


def copying(options: argparse.Namespace) -> dict[str, Any]:
    """The share of sequences of which all k symbols are right, and that of each symbol."""
    print(f"selective copying, {options.steps} steps: share of exact matches, in [] published")
    found: dict[str, Any] = {}
    for span, k in options.sizes:
        task, size = tasks.SelectiveCopy(span, k), f"{span}, {k}"
        given = task.batch(HELD_OUT, key=jax.random.key(options.seed + 1))
        asked = np.asarray(given.targets[span:])
        for name in options.copiers:
            outputs, facts = trained(COPIERS[name], task, 32, 1e-2, given, options)
            right = outputs[:, span:].argmax(-1) == asked
            score = summary(right.all(1).mean(-1), options) | facts
            score["by_symbol"] = right.mean(-1).tolist()
            found.setdefault(name, {})[size] = score
            tell(f"L = {span}, k = {k}: {name}", score, PUBLISHED[name][size])
        right = ridge(task, given.inputs, span, k, options) == asked
        score = {"mean": float(right.all(0).mean()), "by_symbol": right.mean(-1).tolist()}
        found.setdefault("ridge", {})[size] = score
        tell(f"L = {span}, k = {k}: ridge", score)
    return found


def parity(options: argparse.Namespace) -> dict[str, Any]:
    """Scaled accuracy, 0 by chance and 1 at best, on bits beyond those that were trained on."""
    print(f"\nparity, {options.parity_steps} steps: scaled accuracy at bits 40 to 256")
    given = tasks.parity(options.tested).batch(HELD_OUT, key=jax.random.key(options.seed + 1))
    task, found = tasks.parity(TRAINED), {}
    for name in options.trackers:
        outputs, facts = trained(TRACKERS[name], task, 64, 1e-2, given, options)
        scaled = 2 * (outputs.argmax(-1) == np.asarray(given.targets)).mean(-1) - 1
        score = summary(scaled[:, TRAINED - 1 :].mean(-1), options) | facts
        found[name] = score | {"by_bit": scaled.tolist()}
        tell(name, score, PUBLISHED[name])
    right = ridge(task, given.inputs, TRAINED, 1, options) == np.asarray(given.targets[TRAINED - 1])
    found[name := f"ridge, at bit {TRAINED}"] = {"mean": float(2 * right.mean() - 1)}
    tell(name, found[name])
    return found


def trained(
    cell: cells.Cell, task: Any, batch: int, rate: float, given: Any, options: argparse.Namespace
) -> tuple[np.ndarray, dict[str, Any]]:
    """Logits of the network of every seed, `[seeds, T, N, classes]`; seconds and parameters."""
    began = time.perf_counter()
    network = networks.stack(
        networks.Embedding(task.vocab, cell.input_shape[0], NORMAL),
        networks.Recurrent(cell),
        networks.Dense(cell.output_shape[0], task.targets),
    )
    steps = options.steps if isinstance(task, tasks.SelectiveCopy) else options.parity_steps
    adam = optax.adamw(optax.cosine_onecycle_schedule(steps, rate))
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), adam)
    loss = objectives.IgnoreIndex(objectives.CrossEntropy(), task.targets)
    trainer = training.Trainer(network, loss, optimizer)
    batches = tasks.Drawn(lambda key: task.batch(batch, key=key), options.seed)
    outputs = []
    for seed in range(options.seeds):
        key = jax.random.key(seed)
        run = training.fit(trainer, batches, steps=steps, every=steps, key=key, progress=None)
        outputs.append(training.predict(network, run.state.params, given.inputs, batch=100))
    count = sum(leaf.size for leaf in jax.tree.leaves(run.state.params))
    return np.stack(outputs), {"seconds": time.perf_counter() - began, "parameters": count}


def ridge(task: Any, inputs: Any, read: int, last: int, options: argparse.Namespace) -> np.ndarray:
    """What a linear map of all symbols read says at the last steps, `[last, N]`."""
    learn = task.batch(32 * options.steps, key=jax.random.key(options.seed))  # as many as a network

    def features(symbols: Any) -> np.ndarray:
        hot = np.eye(task.vocab)[np.asarray(symbols[:read])].swapaxes(0, 1)
        return hot.reshape(symbols.shape[1], -1)  # a blank or a bit at each step, so 1 is a sum

    x, y = features(learn.inputs), np.eye(task.targets)[np.asarray(learn.targets[-last:])]
    weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)
    return (features(inputs) @ weights).argmax(-1)


def summary(scores: np.ndarray, options: argparse.Namespace) -> dict[str, Any]:
    """The mean over seeds with its interval, and each seed."""
    found = evaluation.stability(scores, jax.random.key(options.seed), better=operator.gt)
    mean = {"mean": found.mean.value, "low": found.mean.low, "high": found.mean.high}
    return mean | {"worst": found.worst, "seeds": scores.tolist()}


def tell(name: str, score: dict[str, Any], published: float | None = None) -> None:
    """One line of a table."""
    interval = "[{low:.3f}, {high:.3f}]".format(**score) if "low" in score else ""
    beside = "" if published is None else f"   published {published:.3f}"
    print(f"  {name:38} {score['mean']:6.3f} {interval:15}{beside}", flush=True)


def draw(panels: Any, result: dict[str, Any]) -> None:
    """Exact matches by size, accuracy by symbol, and parity by length."""
    bars, symbols, bits = panels
    copied = result["copying"]
    sizes = list(next(iter(copied.values())))
    for index, (name, scores) in enumerate(copied.items()):
        at, color = np.arange(len(sizes)) + 0.2 * index - 0.3, f"C{index}"
        means = np.array([score["mean"] for score in scores.values()])
        ends = [[score.get(end, score["mean"]) for score in scores.values()] for end in ENDS]
        bars.bar(at, means, 0.18, color=color, label=name)
        bars.errorbar(at, means, np.abs(ends - means), fmt="none", ecolor="black", capsize=2)
        bars.plot(at, [PUBLISHED.get(name, {}).get(size, np.nan) for size in sizes], "kx")
        each = np.atleast_2d(scores[sizes[-1]]["by_symbol"])
        symbols.plot(np.arange(1, each.shape[1] + 1), each.mean(0), color=color, marker=".")
    bars.set(ylabel="exact matches", title="selective copying; x published", ylim=(0, 1.05))
    bars.set_xticks(range(len(sizes)), [f"L, k = {size}" for size in sizes])
    bars.legend(frameon=False)
    symbols.set(xlabel="which of the symbols", ylabel="accuracy", title=f"L, k = {sizes[-1]}")
    for index, name in enumerate(filter(TRACKERS.__contains__, result["parity"])):
        curves = np.array(result["parity"][name]["by_bit"])
        bits.plot(np.arange(1, curves.shape[1] + 1), curves.T, color=f"C{index}", linewidth=0.4)
        bits.plot(np.arange(1, curves.shape[1] + 1), curves.mean(0), color=f"C{index}", label=name)
    bits.axvspan(0, TRAINED, color="0.9")
    bits.set(xlabel="bit", ylabel="scaled accuracy", title="parity; grey: trained on")
    bits.legend(frameon=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600, help="of selective copying")
    parser.add_argument("--parity-steps", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the data")
    parser.add_argument("--out", type=Path, default=Path("out/which_cell"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="two cells, two seeds, a few steps")
    given = parser.parse_args()
    given.sizes, given.tested = [(32, 4), (64, 4), (32, 8), (64, 8)], TESTED
    given.copiers, given.trackers = list(COPIERS), list(TRACKERS)
    if given.smoke:
        given.steps = given.parity_steps = 10
        given.seeds, given.sizes, given.tested = 2, [(32, 4)], 48
        given.copiers, given.trackers = ["minGRU"], ["sLSTM"]
    main(given)
