"""`ema`: older updates fade."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import _check
from .._checked import checked
from .._typing import Array, Leaf
from ._metric import Metric, Observed, State, check_metric


class EmaState(NamedTuple):
    """Another metric's state, older updates scaled down, and over how many updates."""

    faded: State
    updates: Array


class Ema(Metric):
    """A metric in which an update counts `decay` times as much as the one after it."""

    metric: Metric
    decay: Leaf

    def init(self) -> EmaState:
        state = self.metric.init()
        if not all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(state)):
            raise TypeError(
                f"ema: it scales the state of the metric inside, which must be made of sums, but "
                f"that of {self.metric!r} holds counters of updates. Put `ema` inside of it."
            )
        return EmaState(state, jnp.zeros((), jnp.int32))

    def add(self, state: State, seen: Observed) -> EmaState:
        new = self.metric.add(self.metric.init(), seen)
        return self.merge(state, EmaState(new, jnp.ones((), jnp.int32)))

    def steps(self, seen: Observed) -> tuple[int, ...]:
        return self.metric.steps(seen)

    def merge(self, earlier: State, later: State) -> EmaState:
        _check.number("ema", decay=self.decay)
        factor = jnp.asarray(self.decay, jnp.float32) ** later.updates.astype(jnp.float32)
        faded = jax.tree.map(
            # What has faded entirely is gone, be it infinite.
            lambda leaf: jnp.where(factor == 0, 0, leaf * factor.astype(leaf.dtype)),
            earlier.faded,
        )
        return EmaState(self.metric.merge(faded, later.faded), earlier.updates + later.updates)

    def all_reduce(self, state: State, axis_name: Any) -> EmaState:
        """Reduce as the other does: devices see shares of the same updates."""
        faded = self.metric.all_reduce(state.faded, axis_name)
        return EmaState(faded, jax.lax.pmax(state.updates, axis_name))  # type: ignore[no-untyped-call]

    def compute(self, state: State) -> Any:
        return self.metric.compute(state.faded)


@checked
def ema(metric: Metric, decay: Leaf) -> Metric:
    """The exponential mean: an update counts `decay` times as much as the one after it.

        sum_k decay^(n-k) s_k / sum_k decay^(n-k) w_k

    for updates 1 .. n with sums s_k over weights w_k. Where all weigh the same it is the usual
    m_k = decay * m_{k-1} + (1 - decay) * v_k with its bias corrected, m_n / (1 - decay^n): it
    starts at the first value, not at 0. A batch of few valid steps counts less than a full one, and
    one of padding alone adds nothing. Fading acts on the sums, so a perplexity is the exponential
    of the faded mean.

    `merge` fades the earlier stretch by the later one's number of updates: it is associative, it
    depends on order, and splitting a stream between updates changes nothing; splitting one update
    into two does.

    Args:
        metric: a metric whose state is made of sums, as `Mean` and all that is built of it.
        decay: in `[0, 1)`; a leaf, so `vmap` sweeps it.

    Raises:
        TypeError: in `init`, for a metric whose state counts updates, as `windowed` and `ema` do.
        ValueError: for a concrete `decay` outside `[0, 1)`; in `update`, for one that is not one
            number.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> def first(outputs, targets):
        ...     return outputs[..., 0]
        >>> smooth = metrics.ema(metrics.Mean(first), 0.9)
        >>> state = smooth.init()
        >>> for x in [1.0, 2.0, 5.0]:
        ...     state = smooth.update(state, jnp.full((1, 1), x), None)
        >>> print(f"{smooth.compute(state):.4f}")
        2.8081
    """
    check_metric("ema", metric)
    _check.fraction("ema", decay=decay)
    return Ema(metric, decay)
