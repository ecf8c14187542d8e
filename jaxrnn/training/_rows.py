"""A row of the history: what it says of the training, and of the held-out batches."""

import math
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from ._evaluation import evaluate
from ._placement import Placement
from ._run import Run
from ._trainer import Trainer, scoring_of


def row(
    trainer: Trainer, run: Run, validation: Iterable[Any] | None, placement: Placement
) -> dict[str, Any]:
    """The row of a run at a step."""
    window = run.window
    row = {
        "step": run.step,
        "train/loss": window.mean_loss(),
        "train/gradient_norm": window.gradient_norm / max(window.steps, 1),
    }
    if trainer.penalty is not None:
        row["train/penalty"] = window.penalty / max(window.steps, 1)
    if window.uncounted:
        row["train/uncounted"] = window.uncounted / window.offered
    if trainer.metrics is not None:
        row |= _named("train", trainer.metrics.compute(run.state.metrics))
    if validation is not None:
        params = run.state.params
        evaluation = evaluate(scoring_of(trainer), params, validation, placement)
        row["validation/loss"] = float(evaluation.loss)
        if evaluation.uncounted:
            row["validation/uncounted"] = float(evaluation.uncounted)
        row |= _named("validation", evaluation.metrics)
    return row


def columns(trainer: Trainer, validation: Iterable[Any] | None) -> dict[str, Any]:
    """The row of no data, which every row has the columns of."""
    scores = None if trainer.metrics is None else trainer.metrics.compute(trainer.metrics.init())
    row = {"step": 0, "train/loss": math.nan, "train/gradient_norm": math.nan}
    if trainer.penalty is not None:
        row["train/penalty"] = math.nan
    row |= _named("train", scores)
    if validation is not None:
        row |= {"validation/loss": math.nan} | _named("validation", scores)
    return row


def _named(part: str, values: Any) -> dict[str, Any]:
    return {name: value.tolist() for name, value in named(part, values).items()}


def named(part: str, values: Any) -> dict[str, np.ndarray]:
    """Metrics as columns: `{"accuracy": 0.5}` of the training as `{"train/accuracy": 0.5}`."""
    leaves = jax.tree.leaves_with_path(values)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    return {
        f"{part}/{name or 'metric'}": np.asarray(leaf)
        for name, (_, leaf) in zip(names, leaves, strict=True)
    }
