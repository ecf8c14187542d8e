"""`bootstrapped`: a standard error for any metric, in one pass."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._typing import Array, Key
from ._metric import Metric, Observed, State, check_metric, several
from ._weights import times


class Bootstrap(NamedTuple):
    """A metric's value with its standard error."""

    value: Any
    error: Any


class BootstrapState(NamedTuple):
    """A metric's own state, those of its replicates, and the number of updates so far."""

    whole: State
    replicates: State
    updates: Array


class Bootstrapped(Metric):
    """A metric with replicates, each of which sees every sequence a random number of times."""

    metric: Metric
    key: Key
    replicates: int = jax.tree.static()
    shared_axes: int = jax.tree.static(default=1)

    def __post_init__(self) -> None:
        _check.sizes("bootstrapped", replicates=self.replicates)
        if self.replicates < 2:
            raise ValueError(
                f"bootstrapped: replicates must be at least 2, got {self.replicates}. Take 100."
            )
        if self.shared_axes < 0:
            raise ValueError(
                f"bootstrapped: shared_axes must be at least 0, got {self.shared_axes}"
            )

    def init(self) -> BootstrapState:
        whole = self.metric.init()
        return BootstrapState(whole, several(whole, (self.replicates,)), jnp.zeros((), jnp.int32))

    def add(self, state: State, seen: Observed) -> BootstrapState:
        of_numbers = jnp.issubdtype(self.key.dtype, jnp.uint32)  # as older keys are
        if jnp.ndim(self.key) > of_numbers:
            raise ValueError(
                f"bootstrapped: key must be one key, got an array {self.key.shape}. For several, "
                "`jax.vmap` over the configuration that holds them."
            )
        steps = self.steps(seen)
        shape = (1,) * min(self.shared_axes, len(steps)) + steps[self.shared_axes :]

        # Only the weights differ between replicates, so that `vmap` evaluates the steps once.
        def one(state: State, key: Array) -> State:
            drawn = times(seen.weight, jnp.broadcast_to(_poisson(key, shape), steps))
            return self.metric.add(state, seen._replace(weight=drawn))

        keys = jax.random.split(jax.random.fold_in(self.key, state.updates), self.replicates)
        whole = self.metric.add(state.whole, seen)
        return BootstrapState(whole, jax.vmap(one)(state.replicates, keys), state.updates + 1)

    def steps(self, seen: Observed) -> tuple[int, ...]:
        return self.metric.steps(seen)

    def merge(self, earlier: State, later: State) -> BootstrapState:
        return BootstrapState(
            self.metric.merge(earlier.whole, later.whole),
            jax.vmap(self.metric.merge)(earlier.replicates, later.replicates),
            earlier.updates + later.updates,
        )

    def all_reduce(self, state: State, axis_name: Any) -> BootstrapState:
        def reduce(state: State) -> State:
            return self.metric.all_reduce(state, axis_name)

        return BootstrapState(
            reduce(state.whole),
            jax.vmap(reduce)(state.replicates),
            jax.lax.pmax(state.updates, axis_name),  # type: ignore[no-untyped-call]
        )

    def compute(self, state: State) -> Bootstrap:
        values = jax.vmap(self.metric.compute)(state.replicates)
        error = jax.tree.map(lambda leaf: jnp.nanstd(leaf, axis=0, ddof=1), values)
        return Bootstrap(self.metric.compute(state.whole), error)


def _poisson(key: Key, shape: tuple[int, ...]) -> Array:
    """Draws of mean 1 for a key of any kind, by the inverse of the distribution function."""
    # Of more than 12, whose probability is 6e-11, float32 draws cannot tell.
    below = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(13)])
    uniform = jax.random.uniform(key, shape, jnp.float32)[..., None]
    edges = jnp.broadcast_to(jnp.asarray(below, jnp.float32), (*shape, below.size))
    return jnp.sum(uniform >= edges, axis=-1).astype(jnp.float32)


def bootstrapped(
    metric: Metric, key: Key, *, replicates: int = 100, shared_axes: int = 1
) -> Metric:
    """The metric with its standard error, by a Poisson bootstrap in one pass over the data.

    Every replicate counts every sequence a Poisson(1) number of times; the spread of the
    replicates' values estimates the error that the value has because the sequences are a sample.
    All the steps of a sequence share their weight, for they depend on each other: steps drawn one
    by one give an error that is too small. Where a batch continues the sequences of the one before,
    the pieces are drawn one by one, so they should be longer than the dependence reaches.

    Draws depend on the key and on the number of updates so far. What is summarised apart and merged
    later therefore needs keys of its own, `jax.random.fold_in(key, part)`: device by device, with
    `jax.lax.axis_index` inside `shard_map`, and stretch by stretch. With one key for all of them
    the parts draw alike, and the error is wrong.

    Args:
        metric: the metric; its values are numbers or trees of numbers.
        key: of `jax.random.key`.
        replicates: how many; the error of the error is a share of about
            `1 / sqrt(2 * replicates)`.
        shared_axes: how many leading axes of the steps share a weight. 1 for `[T, *batch]`; 0 for
            outputs pooled over time, `[*batch, features]`, and for independent steps.

    Returns:
        A metric whose value is `Bootstrap(value, error)`. The value is the metric's own. Replicates
        that drew no data at all do not enter the error.

    Raises:
        TypeError: for sizes that are not integers.
        ValueError: for fewer than 2 replicates, a negative `shared_axes`, and in `update`, without
            `where`, for outputs that are a tree and a metric that does not say what their steps
            are, as a mean of an objective does.

    Reference:
        Chamandy, Muralidharan, Najmi and Naidu, Estimating uncertainty for massive data streams,
        Google technical report, 2012

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.bootstrapped(metrics.accuracy(), jax.random.key(0))
        >>> outputs, labels = jnp.zeros((1, 2500, 2)), jnp.arange(2500)[None] % 2
        >>> value, error = metric.compute(metric.update(metric.init(), outputs, labels))
        >>> print(f"{value:.1f} +- {error:.2f}")
        0.5 +- 0.01
    """
    check_metric("bootstrapped", metric)
    return Bootstrapped(metric, key, replicates, shared_axes)
