"""`per_step`: one value for each time step."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import ArrayLike
from ._metric import Metric, State, check_metric
from ._rows import Rows


class PerStep(Rows):
    """A metric for each time step apart; the states carry a leading time axis."""

    length: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Refuse a length below 1."""
        _check.sizes("per_step", length=self.length)

    @property
    def rows(self) -> int:
        """The number of steps."""
        return self.length

    def update(
        self,
        state: State,
        outputs: Any,
        targets: Any,
        *,
        where: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> State:
        """Update every step with its own part of the batch."""
        for leaf in jax.tree.leaves((outputs, targets, where, weight)):
            if jnp.shape(leaf)[:1] != (self.length,):
                raise ValueError(
                    f"per_step: outputs, targets, where and weight must have {self.length} steps "
                    f"on their first axis, got {_check.describe(leaf)}. Pad them, with `where` "
                    "False there."
                )

        def step(state: State, outputs: Any, targets: Any, where: Any, weight: Any) -> State:
            return self.metric.update(state, outputs, targets, where=where, weight=weight)

        return jax.vmap(step)(state, outputs, targets, where, weight)


def per_step(metric: Metric, length: int) -> Metric:
    """The metric for each of `length` time steps apart: its value gains a leading axis `[T]`.

    `per_step(nll(), T)` is the surprisal profile: how the loss falls as context grows.

    Args:
        metric: the metric of one step; it sees outputs `[*batch, features]`.
        length: the number of steps of every batch.

    Raises:
        TypeError: for a length that is not an integer.
        ValueError: for a length below 1, and in `update` for batches of another length.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> profile = metrics.per_step(metrics.accuracy(), 3)
        >>> state = profile.update(profile.init(), jnp.zeros((3, 8, 4)), jnp.zeros((3, 8), int))
        >>> print(profile.compute(state))
        [1. 1. 1.]
    """
    check_metric("per_step", metric)
    return PerStep(metric, length)
