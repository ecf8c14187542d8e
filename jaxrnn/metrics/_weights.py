"""How much each step counts, where steps do not count alike."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._checked import checked
from .._typing import Array, ArrayLike
from ._combine import Around, given
from ._metric import Metric, Observed, check_metric


@checked
def weigh(counted: Array, weight: ArrayLike | None) -> Array:
    """How much every step counts: `counted` of an objective, times the weight.

    What a metric of your own does with the `weight` that it observes. A step that does not count
    has weight 0, whatever `weight` holds there.

    Args:
        counted: how much every step counts by itself, the second part of `objectives.score`.
        weight: `Real[T, *batch]`, or None, which leaves `counted` as it is.

    Raises:
        TypeError: for a weight that is bool or complex.
        ValueError: for a weight of another shape, and for a concrete one that is negative or not
            finite at a step that counts.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> print(metrics.weigh(jnp.array([1.0, 1.0, 0.0]), jnp.array([2.0, 0.5, jnp.nan])))
        [2.  0.5 0. ]
    """
    if weight is None:
        return counted
    factor = _numbers(weight)
    if factor.shape != counted.shape:
        raise ValueError(
            f"weight: one number a step, {counted.shape}, got {factor.shape}. Broadcast it."
        )
    if _check.concrete(factor) and _check.concrete(counted):
        seen = np.asarray(factor, np.float64)[np.asarray(counted) != 0]
        wrong = seen[~(np.isfinite(seen) & (seen >= 0))]
        if wrong.size:
            raise ValueError(f"weight: must be finite and at least 0, got {wrong[0]}.")
    return jnp.where(counted == 0, 0, counted * factor.astype(counted.dtype))


def total(values: Array, weight: Array) -> Array:
    """The weighted sum; a step of weight 0 adds nothing, be its value infinite."""
    return jnp.sum(jnp.where(weight == 0, 0, values * weight))


def times(weight: ArrayLike | None, factor: ArrayLike) -> Array:
    """A weight and another on top of it."""
    factor = _numbers(factor)
    if weight is None:
        return factor
    dtype, given = jnp.result_type(float), _numbers(weight)
    if given.shape != factor.shape:
        raise ValueError(
            f"weight: one number a step, got {given.shape} and, on top of it, {factor.shape}. "
            "Broadcast them."
        )
    return given.astype(dtype) * factor.astype(dtype)


def _numbers(weight: ArrayLike) -> Array:
    """Weights, or raise for flags."""
    array = _check.numbers("update", "weight", weight)
    if array.dtype == bool or jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(
            f"weight: expected real numbers, got {array.dtype}. What selects steps is `where`, or "
            "`masked`."
        )
    return array


class WeightedMetric(Around):
    """A metric whose steps weigh as much as a function says."""

    function: Callable[..., Array] = jax.tree.static()

    def see(self, seen: Observed) -> Observed:
        factor = given("weighted", "weight", self.function, seen)
        return seen._replace(weight=times(seen.weight, factor))


@checked
def weighted(metric: Metric, weight: Callable[..., Array]) -> Metric:
    r"""The metric in which a step counts `weight(outputs, targets) -> Real[T, *batch]` times.

    A mean becomes $\sum_i w_i v_i / \sum_i w_i$. Weights multiply: with those of a metric around
    this one, and with what `where` leaves. A step of weight 0 adds nothing, even if its value is
    infinite, and what the function returns at padding is dropped.

    Args:
        metric: the metric.
        weight: the weights, finite and at least 0.

    Raises:
        TypeError: in `update`, for weights that are flags or complex; flags select, see `masked`.
        ValueError: in `update`, for weights of another shape than `[T, *batch]`, and for concrete
            weights that are negative or not finite. Inside `jit` those enter the sums as they are.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> def rare_symbols_count_double(outputs, targets):
        ...     return jnp.where(targets > 1, 2.0, 1.0)
        >>> metric = metrics.weighted(metrics.accuracy(), rare_symbols_count_double)
        >>> state = metric.update(metric.init(), jnp.zeros((3, 4)), jnp.array([0, 1, 2]))
        >>> print(metric.compute(state))
        0.25
    """
    check_metric("weighted", metric)
    _check.function("weighted", "weight", weight)
    return WeightedMetric(metric, weight)
