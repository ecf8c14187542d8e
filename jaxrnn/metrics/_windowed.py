"""`windowed`: the last updates only."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import _check
from .._checked import checked
from .._typing import Array
from ._metric import Metric, Observed, State, check_metric, several


class WindowState(NamedTuple):
    """The newest updates, each with a state of its own, the newest last."""

    states: State
    filled: Array
    """How many of the last states hold an update: at most the length of the window."""


class Windowed(Metric):
    """A metric of the last updates."""

    metric: Metric
    length: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("windowed", length=self.length)

    def init(self) -> WindowState:
        return WindowState(several(self.metric.init(), (self.length,)), jnp.zeros((), jnp.int32))

    def add(self, state: State, seen: Observed) -> WindowState:
        # The oldest drops out.
        new = self.metric.add(self.metric.init(), seen)
        states = jax.tree.map(
            lambda old, new: jnp.concatenate([old[1:], new[None]]), state.states, new
        )
        return WindowState(states, jnp.minimum(state.filled + 1, self.length))

    def steps(self, seen: Observed) -> tuple[int, ...]:
        return self.metric.steps(seen)

    def merge(self, earlier: State, later: State) -> WindowState:
        """The last updates of the earlier stretch followed by the later one."""

        def leaf(a: Array, b: Array) -> Array:
            return jax.lax.dynamic_slice_in_dim(
                # What the later stretch left empty is filled from the end of the earlier one.
                jnp.concatenate([a, jnp.roll(b, later.filled, 0)]),
                later.filled,
                self.length,
            )

        states = jax.tree.map(leaf, earlier.states, later.states)
        return WindowState(states, jnp.minimum(earlier.filled + later.filled, self.length))

    def all_reduce(self, state: State, axis_name: Any) -> WindowState:
        """Reduce update by update, the newest of every device together."""
        states = jax.vmap(lambda state: self.metric.all_reduce(state, axis_name))(state.states)
        return WindowState(states, jax.lax.pmax(state.filled, axis_name))  # type: ignore[no-untyped-call]

    def compute(self, state: State) -> Any:
        """The value of all the updates in the window together."""
        return self.metric.compute(_merged(self.metric, state.states))


@jax.jit
def _merged(metric: Metric, states: State) -> State:
    """The states of all updates as one."""
    oldest = jax.tree.map(lambda leaf: leaf[0], states)
    newer = jax.tree.map(lambda leaf: leaf[1:], states)
    return jax.lax.scan(lambda a, b: (metric.merge(a, b), None), oldest, newer)[0]


@checked
def windowed(metric: Metric, length: int) -> Metric:
    """The metric over the last `length` updates, as if they had been all the data.

    The window slides by whole updates, of which it keeps one state each: a batch of nothing but
    padding is an update as well. `merge` keeps the last `length` updates of both stretches in time
    order, so it is associative, and splitting a stream between updates changes nothing; splitting
    one update into two does. On several devices, each of which sees a share of every batch,
    `all_reduce` joins the newest update of every device, then the one before it, and so on.

    Args:
        metric: the metric.
        length: the number of updates.

    Raises:
        TypeError: for a length that is not an integer.
        ValueError: for a length below 1.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> def first(outputs, targets):
        ...     return outputs[..., 0]
        >>> recent = metrics.windowed(metrics.Mean(first), 3)
        >>> state = recent.init()
        >>> for x in [0.0, 1.0, 2.0, 3.0, 4.0]:
        ...     state = recent.update(state, jnp.full((1, 1), x), None)
        >>> print(recent.compute(state))
        3.0
    """
    check_metric("windowed", metric)
    return Windowed(metric, length)
