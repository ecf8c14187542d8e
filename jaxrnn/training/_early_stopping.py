"""`EarlyStopping`: stop when the held-out score no longer improves."""

import math
import operator
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import _check
from .._config import Config


class Standing(NamedTuple):
    """How a run stands: plain numbers and what they are of, saved with every checkpoint."""

    best: float | None = None
    """The best score so far; `None` before the first that is a number."""

    step: int = 0
    """The step at which it was reached."""

    waited: int = 0
    """How many scores came since."""

    criterion: str | None = None
    """What the scores are and which of two is better; `None` before the first."""


@typing.final
class EarlyStopping(Config):
    """Stop once `patience` rows in a row bring no improvement; `fit` then restores the best.

    A score improves when it is better than the best one by more than `min_delta`. NaN never does.
    A run that goes on from a checkpoint may wait longer or shorter than before (`patience`,
    `min_delta`); scores of another `metric`, or compared by another `better`, are an error.

    Args:
        patience: how many rows without improvement end the training.
        metric: a column of the history that holds one number.
        min_delta: how much better counts as better.
        better: `operator.lt` where smaller is better, `operator.gt` where larger is.

    Raises:
        TypeError: the column is not one number.
        ValueError: `patience` is below 1, `min_delta` is negative or not finite, the history has
            no such column, or the standing is that of another criterion.

    Example:
        >>> stopping, standing = EarlyStopping(patience=2), Standing()
        >>> for step, loss in enumerate([3.0, 2.0, 2.5, 2.2]):
        ...     standing = stopping.update(standing, {"step": step, "validation/loss": loss})
        >>> standing.best, standing.step, standing.waited, stopping.done(standing)
        (2.0, 1, 2, True)
    """

    patience: int = jax.tree.static(default=5)
    metric: str = jax.tree.static(default="validation/loss")
    min_delta: float = 0.0
    better: Callable[[Any, Any], Any] = jax.tree.static(default=operator.lt)

    def __post_init__(self) -> None:
        _check.sizes("EarlyStopping", patience=self.patience)
        _check.at_least_0("EarlyStopping", min_delta=self.min_delta)
        _check.number("EarlyStopping", min_delta=self.min_delta)

    @property
    def criterion(self) -> str:
        """What is compared, and by which function."""
        named: Any = self.better if hasattr(self.better, "__qualname__") else type(self.better)
        return f"{self.metric} by {named.__module__}.{named.__qualname__}"

    def update(self, standing: Standing, row: Mapping[str, Any]) -> Standing:
        """Take one row of the history into account."""
        _check.kind("EarlyStopping", "standing", standing, Standing)
        _check.kind("EarlyStopping", "row", row, Mapping)
        self.check(standing)
        self.check_columns(row)
        score = float(row[self.metric])
        best = standing.best
        if best is None:
            improves = not math.isnan(score)
        else:
            improves = self.better(score, best) and abs(score - best) > float(self.min_delta)
        if improves:
            return Standing(best=score, step=row["step"], criterion=self.criterion)
        return standing._replace(waited=standing.waited + 1, criterion=self.criterion)

    def done(self, standing: Standing) -> bool:
        """Whether training should stop."""
        _check.kind("EarlyStopping", "standing", standing, Standing)
        return standing.waited >= self.patience

    def check(self, standing: Standing) -> None:
        """Raise where the standing is that of another criterion."""
        if standing.criterion not in (None, self.criterion):
            raise ValueError(
                f"EarlyStopping: the run so far was judged by {standing.criterion}, and "
                f"{self.criterion} cannot be compared with it. Pass the same metric and better, or "
                "start a new run in another directory."
            )

    def check_columns(self, row: Mapping[str, Any]) -> None:
        """Raise unless a row has the column, and one number in it."""
        if self.metric not in row:
            raise ValueError(
                f"EarlyStopping: there is no {self.metric!r} in the history, "
                f"which has {', '.join(row)}. Pass fit(validation=...) or name another metric."
            )
        shape = np.shape(row[self.metric])
        if shape:
            raise TypeError(
                f"EarlyStopping: {self.metric!r} must be one number, got a list of shape {shape}. "
                "Make one of them, as `metrics.map_value(metric, jnp.mean)` does, or name another "
                "metric."
            )
