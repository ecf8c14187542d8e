"""`Metric`: what is reported of a stream of batches."""

import abc
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config, parts
from .._typing import Array, ArrayLike
from ..objectives import Objective

State: TypeAlias = Any
"""A small pytree of arrays: what a metric remembers of the data so far."""


class Observed(NamedTuple):
    """A batch as a metric sees it; what the fields are is said at `Metric.update`."""

    outputs: Any
    targets: Any
    where: ArrayLike | None = None
    weight: ArrayLike | None = None


class Metric(Config):
    """A monoid of pure functions: summarise batches, join summaries, read the value.

    The state is a small pytree whose structure, shapes and dtypes never change, and through which
    no gradient flows, so a metric lives inside `jit`, `lax.scan`, `vmap` and `shard_map`. For every
    metric, updating with all the data equals merging the states of its parts, however it was split.

    A new metric defines `init`, `add`, `merge` and `compute`; `objectives.score` evaluates an
    objective of what was observed.

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
        if isinstance(value, dict):
            return "Collect them: `metrics.collect(**metrics)`."
        return "Wrap an objective: `metrics.Mean(objective)`." if callable(value) else ""

    @abc.abstractmethod
    def init(self) -> State:
        """The state of no data, the identity of `merge`."""

    @abc.abstractmethod
    def add(self, state: State, seen: Observed) -> State:
        """The state after one more batch; `update` is how it is called."""

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

        Raises:
            TypeError: for what is no array, such as a list of labels, and for arrays of a dtype
                that the metric does not take.
            ValueError: for shapes that do not fit, and for concrete values out of range.
        """
        _check.arrays(
            type(self).__name__, outputs=outputs, targets=targets, where=where, weight=weight
        )
        own = jax.eval_shape(self.init)
        structures: list[Any] = [jax.tree.structure(tree) for tree in (state, own)]
        if structures[0] != structures[1]:
            raise TypeError(
                f"{type(self).__name__}: state must be one that `init` makes, with the structure "
                f"{_structure(own)}, got {_structure(state)}."
            )
        return self.add(state, Observed(outputs, targets, where, weight))

    @abc.abstractmethod
    def merge(self, earlier: State, later: State) -> State:
        """The state of two stretches of data in time order; associative."""

    @abc.abstractmethod
    def compute(self, state: State) -> Any:
        """The value; NaN where there is nothing to report on."""

    @property
    def stepwise(self) -> bool:
        """Whether steps may be observed apart; not so where an objective inside says no."""
        return all(part.stepwise for part in parts(self, (Metric, Objective)))

    def steps(self, seen: Observed) -> tuple[int, ...]:
        """The shape `[T, *batch]` of the steps of a batch."""
        if seen.where is not None:
            return jnp.shape(seen.where)
        if not jax.tree_util.all_leaves([seen.outputs]):
            raise ValueError(
                f"{type(self).__name__}: outputs that are a tree do not say which of their axes "
                "are steps. Pass `where`, as `jnp.ones((T, *batch), bool)`."
            )
        return jnp.shape(seen.outputs)[:-1]

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


def _structure(state: State) -> str:
    """The nodes of a tree by their names."""
    named = jax.tree.map(lambda leaf: ..., state)
    return repr(named).replace("Ellipsis", "...")


def check_metric(who: str, metric: Any) -> None:
    """Raise where `metric` is none: an objective, as a rule."""
    _check.kind(who, "metric", metric, Metric)


def check_stepwise(who: str, metric: Metric) -> None:
    """Raise for a metric whose steps cannot be observed apart."""
    if not metric.stepwise:
        raise TypeError(
            f"{who}: the steps of {metric!r} depend on each other, and it would see each of them "
            "alone. Update it with whole sequences."
        )


def several(state: State, sizes: tuple[int, ...]) -> State:
    """The state once for each row of leading axes."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (*sizes, *leaf.shape)), state)
