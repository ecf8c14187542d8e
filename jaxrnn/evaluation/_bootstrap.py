"""Intervals of any metric, by resampling whole sequences."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._checked import checked
from .._typing import Array, ArrayLike, Key
from ..metrics import Metric, Observed
from ._estimate import BCa, Ends, IntervalEstimate, check_resampling, estimate


@checked
def sequence_states(
    metric: Metric,
    outputs: Any,
    targets: Any,
    *,
    where: ArrayLike | None = None,
    weight: ArrayLike | None = None,
) -> Any:
    """A metric's state of every sequence apart, with a leading axis `[sequences]`.

    What `bootstrap_interval` resamples. Join several batches with
    `jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *states)`.

    Shapes: outputs and targets `[T, batch, ...]`; `where` and `weight` `[T, batch]`.

    Args:
        metric: what is measured.
        outputs: what the network gave.
        targets: what it should have given, or `None`.
        where: `Bool[T, batch]`, False at padding.
        weight: `Real[T, batch]`, how many times each step counts.

    Raises:
        TypeError: for a metric that is none, and what the metric does not take.
        ValueError: for arrays without an axis of sequences, or with different ones; and what the
            metric raises.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> states = evaluation.sequence_states(
        ...     evaluation.mae(), jnp.ones((5, 3, 1)), jnp.zeros((5, 3, 1)))
        >>> print(states.weight.value())
        [5. 5. 5.]
    """
    _check.kind("sequence_states", "metric", metric, Metric)
    _check.arrays("sequence_states", outputs=outputs, targets=targets, where=where, weight=weight)
    seen = Observed(outputs, targets, where, weight)
    sizes = {jnp.shape(leaf)[1:2] for leaf in jax.tree.leaves(seen)}
    if len(sizes) != 1 or sizes == {()}:
        raise ValueError(
            "sequence_states: outputs, targets, where and weight must be [T, batch, ...] with one "
            f"number of sequences, got {sorted(sizes)}. Give a single sequence an axis of its own."
        )
    # In the whole batch first, where labels and weights can be read and are checked.
    metric.update(metric.init(), outputs, targets, where=where, weight=weight)
    return _states(metric, seen)


@jax.jit
def _states(metric: Metric, seen: Observed) -> Any:
    return jax.vmap(lambda own: metric.add(metric.init(), own), in_axes=1)(seen)


@checked
def bootstrap_interval(
    metric: Metric,
    states: Any,
    key: Key,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    ends: Ends = BCa(),  # noqa: B008  (a frozen noun)
) -> IntervalEstimate:
    """A metric's value with an interval, by resampling sequences with replacement.

    Steps of one sequence depend on each other: resampled alone, they give intervals that are far
    too narrow. Sequences are drawn whole, as often as there are; their states are merged, and the
    value is read from that, so a ratio such as a perplexity, an F1 or an AUROC is that of every
    resample. Sequences without a step that counts are no data and are not drawn.

    The interval is about the sequences, which are taken to be independent: not windows of one
    series that overlap or touch. It does not hold the spread between training runs, see
    `interquartile_mean`. It needs tens of sequences to cover what it says.

    Args:
        metric: what was measured.
        states: of `sequence_states`, with a leading axis of sequences.
        key: for random numbers.
        level: how often the interval should hold the truth.
        resamples: how many.
        ends: `BCa()` or `Percentile()`.

    Returns:
        `IntervalEstimate(value, low, high, error)`, each of the structure of the metric's value. An
        end is NaN where it is not defined: where the metric is NaN in a resample, as an AUROC is of
        a single class, and for `BCa()` where no resample lies on one side of the value.

    Raises:
        TypeError: for states that are not the metric's.
        ValueError: for fewer than two sequences with data, a level outside (0, 1), and fewer than
            two resamples.

    Reference:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap; `scipy.stats.bootstrap`

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> errors = jax.random.normal(jax.random.key(0), (20, 50, 1))
        >>> metric = evaluation.mae()
        >>> states = evaluation.sequence_states(metric, errors, jnp.zeros_like(errors))
        >>> found = evaluation.bootstrap_interval(metric, states, jax.random.key(1), resamples=200)
        >>> bool(found.low < found.value < found.high)
        True
    """
    states = _with_data("bootstrap_interval", metric, states)
    return _estimate("bootstrap_interval", metric, (states,), key, level, resamples, ends)


@checked
def bootstrap_difference(
    metric: Metric,
    states: Any,
    others: Any,
    key: Key,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    ends: Ends = BCa(),  # noqa: B008  (a frozen noun)
) -> IntervalEstimate:
    """How much larger a metric is for one model than for another, on the same sequences.

    Both models are resampled together, so what makes a sequence hard for both drops out, and the
    interval is narrower than the two models' own suggest. Where it does not hold 0, they differ.

    Args:
        metric: what was measured.
        states: those of the first model, of `sequence_states`.
        others: those of the second model, of the same sequences in the same order.
        key: for random numbers.
        level: how often the interval should hold the truth.
        resamples: how many.
        ends: `BCa()` or `Percentile()`.

    Returns:
        `IntervalEstimate(value, low, high, error)` of the first model's value less the second's.

    Raises:
        TypeError: for states that are not the metric's.
        ValueError: for fewer than two sequences with data, other sequences, a level outside (0, 1),
            and fewer than two resamples.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> errors = jax.random.normal(jax.random.key(0), (20, 50, 1))
        >>> metric = evaluation.mae()
        >>> worse, better = (
        ...     evaluation.sequence_states(metric, scale * errors, jnp.zeros_like(errors))
        ...     for scale in (1.1, 1.0))
        >>> found = evaluation.bootstrap_difference(
        ...     metric, worse, better, jax.random.key(1), resamples=200)
        >>> bool(found.low > 0)
        True
    """
    who = "bootstrap_difference"
    n, m = (_count(who, metric, tree) for tree in (states, others))
    if n != m:
        raise ValueError(
            f"{who}: both models need the states of the same sequences, got {n} and {m}."
        )
    there = _data(metric, states) | _data(metric, others)
    both = tuple(jax.tree.map(lambda leaf: leaf[there], tree) for tree in (states, others))
    _check_enough(who, int(there.sum()))
    return _estimate(who, metric, both, key, level, resamples, ends)


def _estimate(
    who: str,
    metric: Metric,
    models: tuple[Any, ...],
    key: Key,
    level: float,
    resamples: int,
    ends: Ends,
) -> IntervalEstimate:
    check_resampling(who, key, level, resamples)
    structure = jax.tree.structure(jax.eval_shape(metric.compute, jax.eval_shape(metric.init)))
    shapes = [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(metric.compute, metric.init()))]
    count = len(jax.tree.leaves(models[0])[0])

    def statistic(drawn: np.ndarray) -> np.ndarray:
        rows = jnp.asarray(drawn.reshape(-1, drawn.shape[-1]))
        values = [np.asarray(_resampled(metric, states, rows), float) for states in models]
        value = values[0] - values[1] if len(values) > 1 else values[0]
        return value.reshape(*drawn.shape[:-1], -1)

    found = estimate(
        (np.arange(count),), statistic, key, level=level, resamples=resamples, ends=ends
    )
    borders = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]

    def tree(values: np.ndarray) -> Any:
        parts = np.split(values, borders)
        leaves = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return jax.tree.unflatten(structure, leaves)

    return IntervalEstimate(*map(tree, found))


@jax.jit
def _resampled(metric: Metric, states: Any, rows: Array) -> Array:
    """The values of resamples, `[resamples, values]`; a row says which states are merged."""

    def one(row: Array) -> Array:
        def step(state: Any, index: Array) -> tuple[Any, None]:
            return metric.merge(state, jax.tree.map(lambda leaf: leaf[index], states)), None

        value = metric.compute(jax.lax.scan(step, metric.init(), row)[0])
        dtype = jnp.result_type(float)
        return jnp.concatenate([jnp.ravel(leaf).astype(dtype) for leaf in jax.tree.leaves(value)])

    return jax.vmap(one)(rows)


def _with_data(who: str, metric: Metric, states: Any) -> Any:
    """The states of sequences that hold any data, or raise for fewer than two."""
    _count(who, metric, states)
    there = _data(metric, states)
    _check_enough(who, int(there.sum()))
    return jax.tree.map(lambda leaf: leaf[there], states)


def _check_enough(who: str, count: int) -> None:
    if count < 2:
        raise ValueError(
            f"{who}: needs at least two sequences with steps that count, got {count}. The steps of "
            "one series depend on each other and cannot be resampled; evaluate several series, or "
            "windows that lie far apart."
        )


def _data(metric: Metric, states: Any) -> np.ndarray:
    """Which states differ from that of no data."""

    def changed(leaf: Array, none: Array) -> np.ndarray:
        return np.any((np.asarray(leaf) != np.asarray(none)).reshape(len(leaf), -1), axis=-1)

    found = [*map(changed, jax.tree.leaves(states), jax.tree.leaves(metric.init()))]
    return np.logical_or.reduce(found)


def _count(who: str, metric: Metric, states: Any) -> int:
    """How many states there are, or raise."""
    _check.kind(who, "metric", metric, Metric)
    own = jax.eval_shape(metric.init)
    structures: list[Any] = [jax.tree.structure(tree) for tree in (states, own)]
    leaves = zip(jax.tree.leaves(states), jax.tree.leaves(own), strict=False)
    if structures[0] != structures[1] or any(
        jnp.shape(given)[1:] != leaf.shape or jnp.ndim(given) == 0 for given, leaf in leaves
    ):
        raise TypeError(
            f"{who}: states must be those of the metric with a leading axis of sequences, as "
            "`sequence_states` makes them."
        )
    return len(jax.tree.leaves(states)[0])
