"""`per_step`: one value for each time step."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import ArrayLike
from ._metric import Metric, State


class PerStep(Metric):
    """A metric for each time step apart; the states carry a leading time axis."""

    metric: Metric
    length: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Refuse a length below 1."""
        _check.sizes("per_step", length=self.length)

    def init(self) -> State:
        """The other's state, once for each step."""
        return jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (self.length, *leaf.shape)), self.metric.init()
        )

    def update(
        self, state: State, outputs: Any, targets: Any, *, where: ArrayLike | None = None
    ) -> State:
        """Update every step with its own part of the batch."""
        for leaf in jax.tree.leaves((outputs, targets, where)):
            if jnp.shape(leaf)[:1] != (self.length,):
                raise ValueError(
                    f"per_step: outputs, targets and where must have {self.length} steps on their "
                    f"first axis, got {_check.describe(leaf)}. Pad them, with `where` False there."
                )

        def step(state: State, outputs: Any, targets: Any, where: Any) -> State:
            return self.metric.update(state, outputs, targets, where=where)

        return jax.vmap(step)(state, outputs, targets, where)

    def merge(self, earlier: State, later: State) -> State:
        """Merge step by step."""
        return jax.vmap(self.metric.merge)(earlier, later)

    def all_reduce(self, state: State, axis_name: Any) -> State:
        """Reduce step by step."""
        return jax.vmap(lambda state: self.metric.all_reduce(state, axis_name))(state)

    def compute(self, state: State) -> Any:
        """The values, with a leading time axis."""
        return jax.vmap(self.metric.compute)(state)


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
    return PerStep(metric, length)
