"""`Metric`: what is reported of a stream of batches."""

import abc
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config
from .._typing import Array, ArrayLike

State: TypeAlias = Any
"""A small pytree of arrays: what a metric remembers of the data so far."""


class Metric(Config):
    """A monoid of pure functions: summarise batches, join summaries, read the value.

    The state is a small pytree whose structure, shapes and dtypes never change, and through which
    no gradient flows, so a metric lives inside `jit`, `lax.scan`, `vmap` and `shard_map`. For every
    metric, updating with all the data equals merging the states of its parts, however it was split.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> scores = metrics.collect(nll=metrics.nll(), accuracy=metrics.accuracy())
        >>> state = scores.init()
        >>> for _ in range(3):
        ...     state = scores.update(state, jnp.zeros((5, 2, 4)), jnp.zeros((5, 2), int))
        >>> {name: round(float(value), 4) for name, value in scores.compute(state).items()}
        {'nll': 1.3863, 'accuracy': 1.0}
    """

    @classmethod
    def _remedy(cls, value: Any) -> str:
        """How to make a metric of it."""
        if isinstance(value, dict):
            return "Collect them: `metrics.collect(**metrics)`."
        return "Wrap an objective: `metrics.Mean(objective)`." if callable(value) else ""

    @abc.abstractmethod
    def init(self) -> State:
        """The state of no data, the identity of `merge`."""

    @abc.abstractmethod
    def update(
        self,
        state: State,
        outputs: Any,
        targets: Any,
        *,
        where: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> State:
        """The state after one more batch.

        Args:
            state: of `init`, `update` or `merge`.
            outputs: what the network gave, `[T, *batch, features]`.
            targets: what it should have given.
            where: `Bool[T, *batch]`, False at padding, which changes nothing.
            weight: `Real[T, *batch]`, how many times each step counts; by default once. It is how
                `weighted`, `grouped` and `bootstrapped` reach the metric inside them.
        """

    @abc.abstractmethod
    def merge(self, earlier: State, later: State) -> State:
        """The state of two stretches of data in time order; associative."""

    @abc.abstractmethod
    def compute(self, state: State) -> Any:
        """The value; NaN where there is nothing to report on."""

    def all_reduce(self, state: State, axis_name: Any) -> State:
        """The state of all devices along a mesh axis, the same on each, inside `shard_map`.

        By default the devices' states are merged in the order of the axis. A metric that depends on
        time order overrides it, for shards of a batch are simultaneous.
        """
        index, size = jax.lax.axis_index(axis_name), jax.lax.axis_size(axis_name)

        def gather(leaf: Array) -> Array:
            # A sum of rows that are 0 on all devices but one: exact, and the same everywhere.
            rows = jnp.zeros((size, *leaf.shape), leaf.dtype).at[index].set(leaf)
            return jax.lax.psum(rows, axis_name)  # type: ignore[no-untyped-call]

        states = jax.tree.map(gather, state)
        first = jax.tree.map(lambda leaf: leaf[0], states)
        rest = jax.tree.map(lambda leaf: leaf[1:], states)
        return jax.lax.scan(lambda a, b: (self.merge(a, b), None), first, rest)[0]


def check_metric(who: str, metric: Any) -> None:
    """Raise where `metric` is none: an objective, as a rule."""
    _check.kind(who, "metric", metric, Metric)


def several(state: State, sizes: tuple[int, ...]) -> State:
    """The state once for each row of leading axes."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (*sizes, *leaf.shape)), state)
