"""How stable recurrent networks are: 8 seeds, 4 learning rates and 3 cells on handwritten digits.

    python examples/evaluate_stability.py

One accuracy of one run says little. Here scikit-learn's digits, 8 rows of 8 pixels, are read row by
row, all runs of a cell by one compiled program. Printed are the interquartile mean, the worst run,
the share that diverged, and how much of the variance the cell, the learning rate and the seed
explain; beside them what classifiers reach that see all pixels at once. The setting that is best on
the validation part is scored on the test part, which chose nothing.
"""

import argparse
import json
import operator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from jaxrnn import cells, data, evaluation, metrics, networks, objectives, training

HIDDEN, BATCH, CHANCE = 32, 32, 0.1
RATES = [3e-4, 3e-3, 3e-2, 3e-1]
CELLS = {kind.__name__: kind(8, HIDDEN) for kind in (cells.Elman, cells.LSTM, cells.GRU)}
OPTIMIZER = optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)
ACCURACY, MORE = "validation/accuracy", operator.gt
DIVERGED = evaluation.CountedAs(CHANCE)


def main(options: argparse.Namespace) -> None:
    """Sweep each cell, compare, score the chosen setting, and write all of it."""
    options.out.mkdir(parents=True, exist_ok=True)
    train, validation, test = parts(options.seed)
    batches = data.Shuffled(train, batch=BATCH, seed=options.seed, target_axis=0)
    sweeps = {}
    for name in [*CELLS][: options.cells]:
        sweeps[name] = sweep(name, batches, validation, options)
        print(f"{name}: {sweeps[name]!r}, run {sweeps[name].ran}", flush=True)
    swept = training.join(sweeps, by="cell")
    swept.to_csv(options.out / "members.csv")
    runs = evaluation.runs_of(
        swept.settings, swept.seeds, np.where(swept.diverged, np.nan, swept.scores(ACCURACY))
    )
    figures = judged(runs, jax.random.key(options.seed))
    figures["baselines"] = baselines(train, test)
    figures["chosen"] = chosen(runs, sweeps, test)
    tell(figures)
    (options.out / "result.json").write_text(json.dumps(figures, indent=1) + "\n")
    picture(swept, runs, options)
    title, said = "How stable are three cells on digits?", {"seed": options.seed}
    place = options.out / "stability.html"
    evaluation.report_sweep(place, swept, column=ACCURACY, better=MORE, title=title, settings=said)
    print(f"\nwritten to {options.out}: result.json, members.csv, stability.png, stability.html")


def parts(seed: int) -> tuple[data.Batch, data.Batch, data.Batch]:
    """Training, validation and test, `[T, B, features]`; the last two have 360 digits each."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows, labels = digits.images.swapaxes(0, 1) / 16, digits.target.astype(np.int32)
    split = data.stratified_split(labels, test=360, validation=360, seed=seed)
    read, held, test = (data.Batch(np.float32(rows[:, part]), labels[part]) for part in split)
    return read, held, test


def network(name: str) -> networks.Layer:
    """A cell whose last state says the class."""
    read, say = networks.Recurrent(CELLS[name]), networks.Dense(HIDDEN, 10)
    return networks.stack(read, networks.LastPool(), say)


def sweep(
    name: str, batches: data.Dataset, held: data.Batch, options: argparse.Namespace
) -> training.Sweep:
    """Train a cell with every learning rate from every seed."""
    scores = metrics.collect(accuracy=metrics.accuracy())
    return training.sweep(
        training.Trainer(network(name), objectives.CrossEntropy(), OPTIMIZER, scores),
        batches,
        {"learning_rate": RATES},
        seeds=range(options.seeds),
        steps=options.steps,
        every=options.steps // 10,
        validation=held,
        keep=training.FinalParams(),
    )


def judged(runs: evaluation.Runs, key: jax.Array) -> dict[str, Any]:
    """How good and how stable each cell and each setting is, and what that depends on."""
    table = [*zip(runs.values[0], runs.scores, strict=True)]
    shares = evaluation.sensitivity(runs.scores, runs.names, diverged=DIVERGED)
    return {
        "cells": {name: summary(scores, key) for name, scores in table},
        "settings": [
            {"cell": name, "learning_rate": rate} | summary(seeds[None], key)
            for name, scores in table
            for rate, seeds in zip(runs.values[1], scores, strict=True)
        ],
        "sensitivity": shares.settings
        | {"interactions": shares.interactions, "seeds": shares.seeds},
    }


def summary(scores: np.ndarray, key: jax.Array) -> dict[str, float]:
    """Accuracies `[settings, seeds]` in a few numbers."""
    found = evaluation.stability(scores, key, diverged=DIVERGED, better=MORE)
    middle = found.interquartile_mean
    interval = {"interquartile_mean": middle.value, "low": middle.low, "high": middle.high}
    return interval | {name: getattr(found, name) for name in ("worst", "spread", "diverged")}


def baselines(train: data.Batch, test: data.Batch) -> dict[str, float]:
    """Test accuracies of classifiers that see all pixels at once."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    flat = [np.swapaxes(part.inputs, 0, 1).reshape(-1, 64) for part in (train, test)]
    models = {"logistic regression": LogisticRegression(max_iter=1000), "kernel (SVC)": SVC()}
    return {
        name: float(model.fit(flat[0], train.targets).score(flat[1], test.targets))
        for name, model in models.items()
    }


def chosen(
    runs: evaluation.Runs, sweeps: dict[str, training.Sweep], test: data.Batch
) -> dict[str, Any]:
    """The setting with the best mean on the validation part, scored on the test part."""
    means = np.nan_to_num(runs.scores, nan=CHANCE).mean(-1)
    cell, rate = np.unravel_index(means.argmax(), means.shape)
    setting = {"cell": runs.values[0][cell], "learning_rate": runs.values[1][rate]}
    swept = sweeps[setting["cell"]]
    scores = []
    for member in swept.groups()[rate][1]:
        params = swept.params_of(member)
        said = training.predict(network(setting["cell"]), params, test.inputs).argmax(-1)
        scores.append(np.mean(said == test.targets))
    return setting | {"mean": float(np.mean(scores)), "worst": float(np.min(scores))}


def tell(figures: dict[str, Any]) -> None:
    """Print the figures as they are written."""
    print("\naccuracy on the validation part middle half [95 %]         worst  spread diverged")
    rows = [(f"{s['cell']}, rate {s['learning_rate']:g}", s) for s in figures["settings"]]
    for name, found in [*rows, *((f"{c}, all rates", s) for c, s in figures["cells"].items())]:
        print(
            f"  {name:26} {found['interquartile_mean']:14.3f} [{found['low']:.3f}, "
            f"{found['high']:.3f}] {found['worst']:9.3f} {found['spread']:7.3f} "
            f"{found['diverged']:8.0%}"
        )
    shares = ", ".join(f"{name} {share:.0%}" for name, share in figures["sensitivity"].items())
    print(f"\nof the variance of all runs: {shares}\n\naccuracy on the test part")
    for name, accuracy in figures["baselines"].items():
        print(f"  {name:26} {accuracy:.3f}")
    best = figures["chosen"]
    name = f"{best['cell']}, rate {best['learning_rate']:g}"
    print(f"  {name:26} {best['mean']:.3f} on average, worst seed {best['worst']:.3f}")


def picture(swept: training.Sweep, runs: evaluation.Runs, options: argparse.Namespace) -> None:
    """Accuracies by learning rate, and the share of the runs above each accuracy."""
    from matplotlib.figure import Figure

    figure = Figure((12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, (name, scores) in enumerate(zip(runs.values[0], runs.scores, strict=True)):
        spots = np.arange(len(RATES)) + 0.15 * (index - 1)
        left.plot(spots, np.nanmedian(scores, -1), color=f"C{index}", label=name)
        left.plot(spots, scores, ".", color=f"C{index}", alpha=0.5)
    left.set(ylabel="accuracy", xlabel="learning rate, every seed and the median")
    left.set_xticks(range(len(RATES)), [f"{rate:g}" for rate in RATES])
    left.legend(frameon=False)
    profiles = {
        name: evaluation.performance_profile(
            scores, jax.random.key(options.seed), diverged=DIVERGED, better=MORE
        )
        for name, scores in zip(runs.values[0], runs.scores, strict=True)
    }
    evaluation.plot_profiles(profiles, xlabel="accuracy", axes=right)
    figure.savefig(options.out / "stability.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/evaluate_stability"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="a few steps, two seeds, one cell")
    given = parser.parse_args()
    given.cells = 3
    if given.smoke:
        given.steps, given.seeds, given.cells = 10, 2, 1
    main(given)
