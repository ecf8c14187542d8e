"""`EarlyStopping`: stop when the held-out score no longer improves."""

import math
import operator
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from .. import _check
from .._config import Config


class Standing(NamedTuple):
    """How a run stands: plain numbers, saved with every checkpoint."""

    best: float | None = None
    """The best score so far; `None` before the first."""

    step: int = 0
    """The step at which it was reached."""

    waited: int = 0
    """How many scores came since."""


@typing.final
class EarlyStopping(Config):
    """Stop once `patience` rows in a row bring no improvement; `fit` then restores the best.

    A score improves when it is better than the best one by more than `min_delta`.

    Args:
        patience: how many rows without improvement end the training.
        metric: a column of the history.
        min_delta: how much better counts as better.
        better: `operator.lt` where smaller is better, `operator.gt` where larger is.

    Raises:
        ValueError: `patience` is below 1, or the history has no such column.

    Example:
        >>> stopping, standing = EarlyStopping(patience=2), Standing()
        >>> for step, loss in enumerate([3.0, 2.0, 2.5, 2.2]):
        ...     standing = stopping.update(standing, {"step": step, "validation/loss": loss})
        >>> standing, stopping.done(standing)
        (Standing(best=2.0, step=1, waited=2), True)
    """

    patience: int = jax.tree.static(default=5)
    metric: str = jax.tree.static(default="validation/loss")
    min_delta: float = 0.0
    better: Callable[[Any, Any], Any] = jax.tree.static(default=operator.lt)

    def __post_init__(self) -> None:
        """Check the patience."""
        _check.sizes("EarlyStopping", patience=self.patience)

    def update(self, standing: Standing, row: Mapping[str, Any]) -> Standing:
        """Take one row of the history into account."""
        if self.metric not in row:
            raise ValueError(
                f"EarlyStopping: there is no {self.metric!r} in the history, "
                f"which has {', '.join(row)}. Pass fit(validation=...) or name another metric."
            )
        score = float(row[self.metric])
        best = standing.best
        if best is None:
            improves = not math.isnan(score)
        else:
            improves = self.better(score, best) and abs(score - best) > float(self.min_delta)
        if improves:
            return Standing(best=score, step=row["step"])
        return standing._replace(waited=standing.waited + 1)

    def done(self, standing: Standing) -> bool:
        """Whether training should stop."""
        return standing.waited >= self.patience
