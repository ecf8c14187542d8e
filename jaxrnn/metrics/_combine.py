"""New metrics from old: several at once, another value, other inputs, a selection."""

import abc
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._checked import checked
from .._typing import Array, ArrayLike
from ._metric import Metric, Observed, State, check_metric


class Collect(Metric):
    """Several metrics in one pass; states and values are dictionaries."""

    metrics: dict[str, Metric]

    def init(self) -> State:
        return {name: metric.init() for name, metric in self.metrics.items()}

    def add(self, state: State, seen: Observed) -> State:
        return {name: metric.add(state[name], seen) for name, metric in self.metrics.items()}

    def steps(self, seen: Observed) -> tuple[int, ...]:
        first = next(iter(self.metrics.values()), None)
        return super().steps(seen) if first is None else first.steps(seen)

    def merge(self, earlier: State, later: State) -> State:
        return {n: metric.merge(earlier[n], later[n]) for n, metric in self.metrics.items()}

    def all_reduce(self, state: State, axis_name: Any) -> State:
        return {n: metric.all_reduce(state[n], axis_name) for n, metric in self.metrics.items()}

    def compute(self, state: State) -> dict[str, Any]:
        return {name: metric.compute(state[name]) for name, metric in self.metrics.items()}


@checked
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
    """A metric around another, whose state it shares; it changes what the other sees."""

    metric: Metric

    @abc.abstractmethod
    def see(self, seen: Observed) -> Observed:
        """The batch as the other is to see it."""

    def init(self) -> State:
        return self.metric.init()

    def add(self, state: State, seen: Observed) -> State:
        return self.metric.add(state, self.see(seen))

    def steps(self, seen: Observed) -> tuple[int, ...]:
        return self.metric.steps(seen)

    def merge(self, earlier: State, later: State) -> State:
        return self.metric.merge(earlier, later)

    def all_reduce(self, state: State, axis_name: Any) -> State:
        return self.metric.all_reduce(state, axis_name)

    def compute(self, state: State) -> Any:
        return self.metric.compute(state)


class MapValue(Around):
    """A metric whose value passes through a function."""

    function: Callable[..., Any] = jax.tree.static()

    def see(self, seen: Observed) -> Observed:
        return seen

    def compute(self, state: State) -> Any:
        return self.function(self.metric.compute(state))


@checked
def map_value(metric: Metric, function: Callable[..., Any]) -> Metric:
    """The metric whose value is `function(value)`; data and states stay as they are.

    Of no data the value is NaN, and the function is called with it.

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

    def see(self, seen: Observed) -> Observed:
        given = self.function(seen.outputs, seen.targets)
        if not isinstance(given, tuple) or len(given) != 2:
            raise TypeError(
                "map_inputs: the function must return a pair, outputs and targets, got "
                f"{type(given).__name__}"
            )
        return seen._replace(outputs=given[0], targets=given[1])

    def steps(self, seen: Observed) -> tuple[int, ...]:
        return self.metric.steps(self.see(seen))


@checked
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


def given(who: str, name: str, function: Callable[..., Any], seen: Observed) -> Array:
    """What a function of outputs and targets says of every step, or raise for what is no array."""
    value = function(seen.outputs, seen.targets)
    if not _check.is_array(value):
        raise TypeError(
            f"{who}: {name} must give an array [T, *batch], one value a step, got "
            f"{type(value).__name__}"
        )
    return jnp.asarray(value)


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

    def see(self, seen: Observed) -> Observed:
        keep = given("masked", "keep", self.keep, seen)
        if keep.dtype != bool:
            raise TypeError(f"masked: keep must give bool, got {keep.dtype}. Return a comparison.")
        if seen.where is not None:
            check_where("masked", "keep", keep, seen.where)
            keep &= jnp.asarray(seen.where)
        return seen._replace(where=keep)


@checked
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
