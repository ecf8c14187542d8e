"""Handwritten digits, read row by row: stacked Elman, LSTM and GRU, and what else reads them.

    python examples/digits_rows.py               about a minute

An image of scikit-learn's digits is a sequence of 8 rows of 8 pixels. Two layers of a cell read it,
and the last state is classified: as one of ten digits, by cross-entropy over the classes; then as
odd or even, by that of one yes or no. Cell and strength of the baselines, which read all pixels at
once, are chosen on held-out images; the test images are read once.
"""

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxrnn import cells, heads, networks, objectives, training

CELLS = {"Elman": cells.Elman, "LSTM": cells.LSTM, "GRU": cells.GRU}
COLORS = {"Elman": "#999999", "LSTM": "#0b559f", "GRU": "#d1495b"}
HIDDEN, BATCH, EVERY, SAID = 64, 64, 50, "{:>22} {mean:.4f}, held out {held_out:.4f}"


class Task(NamedTuple):
    """What is asked of an image, and how the answer is read from the outputs."""

    outputs: int
    loss: objectives.ObjectiveLike
    target: Any
    answer: Any


DIGIT = Task(10, objectives.CrossEntropy(0.05), lambda y: y, lambda z: z.argmax(-1))
PARITY = Task(1, heads.Bernoulli().loss, lambda y: y[:, None] % 2, lambda z: 1 * (z[:, 0] > 0))
TASKS = {"ten digits": DIGIT, "odd or even": PARITY}


def main(options: argparse.Namespace) -> None:
    """Train, choose, test, draw."""
    from matplotlib.figure import Figure

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "result.json").open("a").close()  # what cannot be written is said at once
    parts = split(options.seed)
    result: dict[str, Any] = {name: len(digits) for name, (_, digits) in parts.items()}
    print(", ".join(f"{count} images for {name}" for name, count in result.items()))
    figure, names = Figure((13, 8.4), layout="constrained"), options.cells
    panels = figure.subplots(len(TASKS), 3)
    for axes, (name, task) in zip(panels, TASKS.items(), strict=True):
        print(f"\n{name}: share of the test images that are read right")
        found, answers = study(task, names, parts, options)
        names = [max(names, key=lambda cell: found[cell]["held_out"])]  # the odd are left to it
        print(f"{'best on held-out':>22} {names[0]}")
        result[name] = {"chosen": names[0], **found}
        axes[0].set_title(name, loc="left")
        draw(axes, result[name], task, answers[names[0]], *parts["test"])
    (options.out / "result.json").write_text(json.dumps(result, indent=2))
    figure.savefig(options.out / "digits_rows.png", dpi=120)
    print(f"\nwrote {options.out}/: result.json, digits_rows.png")


def split(seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rows `[8, N, 8]` and digits `[N]` in three parts, with like shares of every digit."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, digits = load_digits(return_X_y=True)
    rows = (images / 16).astype(np.float32).reshape(-1, 8, 8)
    cut = partial(train_test_split, random_state=seed)
    rest, test, of_rest, of_test = cut(rows, digits, test_size=360, stratify=digits)
    learn, held, of_learn, of_held = cut(rest, of_rest, test_size=180, stratify=of_rest)
    three = {"training": (learn, of_learn), "choices": (held, of_held), "test": (test, of_test)}
    return {name: (rows.swapaxes(0, 1), digits) for name, (rows, digits) in three.items()}


def study(task: Task, names: list[str], parts: Any, options: argparse.Namespace) -> tuple[Any, Any]:
    """Cells and baselines on one task: their scores, and the cells' answers by seed."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    learn, held, test = ((rows, task.target(digits)) for rows, digits in parts.values())
    keys = jax.random.split(jax.random.key(options.seed), options.seeds)
    found, answers = {}, {}
    for name in names:
        began = time.perf_counter()
        layers = [networks.Recurrent(CELLS[name](size, HIDDEN)) for size in (8, HIDDEN)]
        network = networks.stack(*layers, networks.LastPool(), networks.Dense(HIDDEN, task.outputs))
        run = partial(train, network, task, options.steps)
        run = jax.jit(training.over_members(run, (None, 0)), compiler_options=options.compiler)
        params, curves = jax.device_get(run((learn, held), keys))
        members = [jax.tree.map(lambda leaf, n=n: leaf[n], params) for n in range(len(keys))]
        outputs = [training.predict(network, member, test[0], batch=360) for member in members]
        answers[name] = np.stack([task.answer(logits) for logits in outputs])
        right = (answers[name] == test[1].ravel()).mean(1)
        seconds, held_out = time.perf_counter() - began, float(curves[:, -1].mean())
        found[name] = {"seeds": right.tolist(), "mean": right.mean(), "worst": right.min()}
        found[name] |= {"held_out": held_out, "by_step": curves.tolist(), "seconds": seconds}
        print(SAID.format(name, **found[name]) + ", worst {worst:.4f}".format(**found[name]))
    logistic = partial(LogisticRegression, max_iter=5000)
    baselines = {"logistic regression": logistic, "SVM, Gaussian kernels": SVC}
    flat = [(x.swapaxes(0, 1).reshape(-1, 64), y.ravel()) for x, y in (learn, held, test)]
    for name, kind in baselines.items():
        fitted = {c: kind(C=c).fit(*flat[0]) for c in options.strengths}
        c = max(fitted, key=lambda c: fitted[c].score(*flat[1]))
        held_out, right = (fitted[c].score(*part) for part in flat[1:])
        found[name] = {"C": c, "held_out": held_out, "mean": right}
        print(SAID.format(name, **found[name]) + f", C = {c:g}")
    return found, answers


def train(network: Any, task: Task, steps: int, images: Any, key: Any) -> tuple[Any, Any]:
    """One seed: the last parameters, and the accuracy on held-out images on the way."""
    adam = optax.adam(optax.cosine_decay_schedule(3e-3, steps))
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), adam)
    trainer = training.Trainer(network, task.loss, optimizer)
    (rows, targets), held = images

    def step(state: training.TrainState, key: jax.Array) -> tuple[training.TrainState, None]:
        for_choice, for_noise = jax.random.split(key)
        at = jax.random.randint(for_choice, (BATCH,), 0, len(targets))
        return trainer.step(state, (disturbed(for_noise, rows[:, at]), targets[at]))[0], None

    def advance(state: training.TrainState, keys: jax.Array) -> tuple[training.TrainState, Any]:
        state, _ = jax.lax.scan(step, state, keys)
        outputs = network.apply(state.params, held[0])[1]
        return state, (task.answer(outputs) == held[1].ravel()).mean()

    start, order = jax.random.split(key)
    keys = jax.random.split(order, (steps // EVERY, EVERY))
    state, accuracy = jax.lax.scan(advance, trainer.init(start), keys)
    return state.params, accuracy


def disturbed(key: jax.Array, rows: jax.Array) -> jax.Array:
    """Images with some noise, of which some are moved by a pixel, up or down and sideways."""
    for_noise, for_moves = jax.random.split(key)
    moves = jax.random.choice(for_moves, 3, (rows.shape[1], 2), p=jnp.array([0.1, 0.8, 0.1]))
    cut = jax.vmap(lambda image, at: jax.lax.dynamic_slice(image, at, (8, 8)), (1, 0), 1)
    moved = cut(jnp.pad(rows, ((1, 1), (0, 0), (1, 1))), moves)
    return moved + 0.1 * jax.random.normal(for_noise, moved.shape)


def draw(axes: Any, found: Any, task: Task, answers: Any, rows: Any, digits: Any) -> None:
    """How accuracy grew, which answers were given for which, and what was misread most often."""
    from sklearn.metrics import ConfusionMatrixDisplay

    curves, confused, images = axes
    for name in filter(found.__contains__, CELLS):
        at = EVERY * np.arange(1, len((each := np.array(found[name]["by_step"])).T) + 1)
        curves.plot(at, each.T, color=COLORS[name], linewidth=0.5)
        curves.plot(at, each.mean(0), color=COLORS[name], linewidth=2, label=name)
    curves.set(xlabel="step", ylabel="held-out accuracy", ylim=(0.8, 1.005))
    curves.legend()
    known = task.target(digits).ravel()
    counts = ConfusionMatrixDisplay.from_predictions
    counts(np.tile(known, len(answers)), answers.ravel(), ax=confused, cmap="Blues", colorbar=False)
    confused.set(xlabel="read as", ylabel="is", title=f"{found['chosen']}, all seeds")
    worst = np.argsort(-(wrong := (answers != known).sum(0)), kind="stable")[:8]
    shown = rows[:, worst] * (wrong[worst, None] > 0)
    images.imshow(shown.reshape(8, 2, 32).swapaxes(0, 1).reshape(16, 32), cmap="gray_r")
    for place, at in enumerate(worst[wrong[worst] > 0]):
        said = f" {digits[at]}: {wrong[at]} of {len(answers)}"
        images.text(place % 4 * 8 - 0.5, place // 4 * 8 - 0.5, said, size=7, va="top", color="red")
    images.set(xticks=[], yticks=[], title="most often misread, by how many")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--seeds", type=int, default=5, help="how many networks of each cell")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the networks")
    parser.add_argument("--out", type=Path, default=Path("out/digits_rows"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="one cell, two seeds, a few steps")
    options = parser.parse_args()
    options.cells, options.compiler, options.strengths = list(CELLS), None, (0.1, 1.0, 10.0, 100.0)
    if options.smoke:  # compiled in a third of the time, to run slower
        options.cells, options.steps, options.seeds = ["Elman"], EVERY, 2
        options.compiler, options.strengths = {"xla_backend_optimization_level": 0}, (1.0,)
    if min(options.steps // EVERY, options.seeds) < 1:
        raise ValueError(f"--steps must be at least {EVERY}, and --seeds at least 1")
    return options


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", os.cpu_count())  # the seeds are divided among them
    try:
        main(parse())
    except (OSError, ValueError) as error:  # something that a user can mend: no traceback
        raise SystemExit(f"digits_rows: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("\ndigits_rows: stopped") from None
