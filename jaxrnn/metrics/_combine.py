"""New metrics from old: several at once, another value, other inputs, a selection."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Array, ArrayLike
from ._metric import Metric, State, check_metric


class Collect(Metric):
    """Several metrics in one pass; states and values are dictionaries."""

    metrics: dict[str, Metric]

    def init(self) -> State:
        """The state of every metric."""
        return {name: metric.init() for name, metric in self.metrics.items()}

    def update(
        self,
        state: State,
        outputs: Any,
        targets: Any,
        *,
        where: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> State:
        """Update every metric with the same batch."""
        return {
            name: metric.update(state[name], outputs, targets, where=where, weight=weight)
            for name, metric in self.metrics.items()
        }

    def merge(self, earlier: State, later: State) -> State:
        """Merge one by one."""
        return {n: metric.merge(earlier[n], later[n]) for n, metric in self.metrics.items()}

    def all_reduce(self, state: State, axis_name: Any) -> State:
        """Reduce one by one."""
        return {n: metric.all_reduce(state[n], axis_name) for n, metric in self.metrics.items()}

    def compute(self, state: State) -> dict[str, Any]:
        """The value of every metric, by name."""
        return {name: metric.compute(state[name]) for name, metric in self.metrics.items()}


def collect(**metrics: Metric) -> Metric:
    """Several metrics in one pass; the value is a dictionary by name. Nests.

    Raises:
        TypeError: for what is not a metric.

    Example:
        >>> from jaxrnn import metrics
        >>> scores = metrics.collect(test=metrics.collect(nll=metrics.nll()))
        >>> scores.compute(scores.init())
        {'test': {'nll': Array(nan, dtype=float32)}}
    """
    for name, metric in metrics.items():
        _check.kind("collect", name, metric, Metric)
    return Collect(metrics)


class Around(Metric):
    """A metric around another, whose state it shares."""

    metric: Metric

    def init(self) -> State:
        """The other's state of no data."""
        return self.metric.init()

    def merge(self, earlier: State, later: State) -> State:
        """Merge as the other does."""
        return self.metric.merge(earlier, later)

    def all_reduce(self, state: State, axis_name: Any) -> State:
        """Reduce as the other does."""
        return self.metric.all_reduce(state, axis_name)

    def compute(self, state: State) -> Any:
        """The other's value."""
        return self.metric.compute(state)


class MapValue(Around):
    """A metric whose value passes through a function."""

    function: Callable[..., Any] = jax.tree.static()

    def update(
        self,
        state: State,
        outputs: Any,
        targets: Any,
        *,
        where: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> State:
        """Update the other."""
        return self.metric.update(state, outputs, targets, where=where, weight=weight)

    def compute(self, state: State) -> Any:
        """The function of the other's value."""
        return self.function(self.metric.compute(state))


def map_value(metric: Metric, function: Callable[..., Any]) -> Metric:
    """The metric whose value is `function(value)`; data and states stay as they are.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> perplexity = metrics.map_value(metrics.nll(), jnp.exp)
    """
    check_metric("map_value", metric)
    _check.function("map_value", "function", function)
    return MapValue(metric, function)


class MapInputs(Around):
    """A metric whose outputs and targets pass through a function first."""

    function: Callable[..., tuple[Any, Any]] = jax.tree.static()

    def update(
        self,
        state: State,
        outputs: Any,
        targets: Any,
        *,
        where: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> State:
        """Update the other with what the function gives."""
        return self.metric.update(
            state, *self.function(outputs, targets), where=where, weight=weight
        )


def map_inputs(metric: Metric, function: Callable[..., tuple[Any, Any]]) -> Metric:
    """The metric that sees `outputs, targets = function(outputs, targets)`.

    For a network with several heads, or targets that hold more than one thing. `where` is passed
    on, so the function keeps the time and batch axes.

    Example:
        >>> from jaxrnn import metrics
        >>> def symbols(outputs, targets):
        ...     return outputs["symbol"], targets["symbol"]
        >>> nll = metrics.map_inputs(metrics.nll(), symbols)
    """
    check_metric("map_inputs", metric)
    _check.function("map_inputs", "function", function)
    return MapInputs(metric, function)


def check_where(who: str, name: str, given: Array, where: ArrayLike) -> None:
    """Raise unless `where` is bool and has the shape of what a function gave, one a step."""
    if jnp.shape(where) != given.shape:
        raise ValueError(
            f"{who}: {name} and where must both have one a step, [T, *batch], got {name} "
            f"{given.shape} and where {jnp.shape(where)}. Broadcast them."
        )
    _check.flags(who, "where", where, given.shape)


class Masked(Around):
    """A metric of selected steps only."""

    keep: Callable[..., Array] = jax.tree.static()

    def update(
        self,
        state: State,
        outputs: Any,
        targets: Any,
        *,
        where: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> State:
        """Update the other with the steps that are both valid and selected."""
        keep = jnp.asarray(self.keep(outputs, targets))
        if keep.dtype != bool:
            raise TypeError(f"masked: keep must give bool, got {keep.dtype}. Return a comparison.")
        if where is not None:
            check_where("masked", "keep", keep, where)
            keep &= jnp.asarray(where)
        return self.metric.update(state, outputs, targets, where=keep, weight=weight)


def masked(metric: Metric, keep: Callable[..., Array]) -> Metric:
    """The metric over the steps where `keep(outputs, targets) -> Bool[T, *batch]` is True.

    It narrows `where`, never widens it: padding stays out whatever `keep` says of it.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> def spaces(outputs, targets):
        ...     return targets == 0
        >>> nll = metrics.masked(metrics.nll(), spaces)
        >>> state = nll.update(nll.init(), jnp.zeros((3, 4)), jnp.array([0, 1, 0]))
        >>> print(state.weight.value())
        2.0
    """
    check_metric("masked", metric)
    _check.function("masked", "keep", keep)
    return Masked(metric, keep)
