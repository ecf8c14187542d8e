"""`per_step`: one value for each time step."""

import jax
import jax.numpy as jnp

from .. import _check
from .._checked import checked
from ._metric import Metric, Observed, State, check_metric, check_stepwise
from ._rows import Rows


class PerStep(Rows):
    """A metric for each time step apart; the states carry a leading time axis."""

    length: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("per_step", length=self.length)

    @property
    def rows(self) -> int:
        return self.length

    def add(self, state: State, seen: Observed) -> State:
        for leaf in jax.tree.leaves(seen):
            if jnp.shape(leaf)[:1] != (self.length,):
                raise ValueError(
                    f"per_step: outputs, targets, where and weight must have {self.length} steps "
                    f"on their first axis, got {_check.describe(leaf)}. Pad them, with `where` "
                    "False there."
                )
        return jax.vmap(self.metric.add)(state, seen)


@checked
def per_step(metric: Metric, length: int) -> Metric:
    """The metric for each of `length` time steps apart: its value gains a leading axis `[T]`.

    `per_step(nll(), T)` is the surprisal profile: how the loss falls as context grows.

    Args:
        metric: the metric of one step; it sees outputs `[*batch, features]`.
        length: the number of steps of every batch.

    Raises:
        TypeError: for a length that is not an integer, and for a metric that is not `stepwise`.
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
    check_stepwise("per_step", metric)
    return PerStep(metric, length)
