"""Errors of point forecasts: RMSE, MAE, MASE, sMAPE."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import _check
from .._checked import checked
from .._numerics import real
from .._typing import Array, ArrayLike, Leaf
from ..metrics import Mean, Metric, map_value
from ..objectives import Objective, SquaredError


class AbsoluteError(Objective):
    """The absolute error of every step in units of `scale`, averaged over the features."""

    scale: Leaf

    def values(self, outputs: Any, targets: Any) -> Array:
        y, t = _pair("mae or mase", outputs, targets)
        scale = jnp.asarray(self.scale).astype(y.dtype)
        sizes = zip(scale.shape[::-1], y.shape[:0:-1], strict=False)
        if scale.ndim >= y.ndim > 1 or any(a not in (1, b) for a, b in sizes):
            raise ValueError(
                f"mase: scale must be a number, or fit the series, [*batch, features] = "
                f"{y.shape[1:]}, got {scale.shape}."
            )
        return jnp.mean(jnp.abs(y - t) / jnp.broadcast_to(scale, y.shape), axis=-1)


class SymmetricError(Objective):
    """Twice the absolute error by the sum of both sizes, averaged over the features."""

    def values(self, outputs: Any, targets: Any) -> Array:
        y, t = _pair("smape", outputs, targets)
        size = jnp.abs(y) + jnp.abs(t)
        both_0 = size == 0
        return jnp.mean(2 * jnp.abs(y - t) / jnp.where(both_0, 1, size), axis=-1)


def _pair(who: str, outputs: Any, targets: Any) -> tuple[Array, Array]:
    _check.one_array(who, outputs=outputs, targets=targets)
    if jnp.shape(outputs) != jnp.shape(targets) or jnp.ndim(outputs) == 0:
        raise ValueError(
            f"{who}: outputs and targets must have one shape [T, *batch, features], got "
            f"{_check.describe(outputs)} and {_check.describe(targets)}. Give a single feature its "
            "own axis: `targets[..., None]`."
        )
    y = real(who, "outputs", outputs)
    return y, real(who, "targets", targets).astype(y.dtype)


def rmse() -> Metric:
    r"""Root mean squared error, $\sqrt{\mathrm{mean}\,(\hat y - y)^2}$, in the unit of the targets.

    One root of one mean, over all steps and features that count; never a mean of batches' roots.

    Shapes: outputs and targets `[T, *batch, features]`, equal.

    Raises:
        TypeError: in `update`, for outputs or targets that are not real floating numbers.
        ValueError: in `update`, for shapes that differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.rmse()
        >>> outputs, targets = jnp.array([[1.0], [7.0]]), jnp.zeros((2, 1))
        >>> print(metric.compute(metric.update(metric.init(), outputs, targets)))
        5.0
    """
    return map_value(Mean(SquaredError()), jnp.sqrt)


def mae() -> Metric:
    r"""Mean absolute error, $\mathrm{mean}\,|\hat y - y|$, in the unit of the targets.

    The forecast that makes it least is the median. Shapes and errors as of `rmse`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.mae()
        >>> outputs, targets = jnp.array([[1.0], [7.0]]), jnp.zeros((2, 1))
        >>> print(metric.compute(metric.update(metric.init(), outputs, targets)))
        4.0
    """
    return Mean(AbsoluteError(1.0))


@checked
def mase(scale: ArrayLike) -> Metric:
    """Mean absolute scaled error: the absolute error in units of `scale`, averaged.

    With `scale=seasonal_scale(train, period)` it is 1 for forecasts that err as much as the
    seasonal naive forecast of one step errs within the training series, and below 1 for better
    ones. Series of different sizes compare, and zeros do no harm.

    Shapes: outputs and targets `[T, *batch, features]`, equal.

    Args:
        scale: a number, or one for each feature, `[features]`, or series, `[*batch, features]`.

    Raises:
        TypeError: in `update`, for outputs or targets that are not real floating numbers.
        ValueError: for a scale that is not finite and above 0, if it can be read; in `update`, for
            shapes that do not fit.

    Reference:
        Hyndman & Koehler (2006), Another Look at Measures of Forecast Accuracy, International
        Journal of Forecasting 22

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> train = jnp.array([[1.0], [3.0], [1.0], [3.0]])
        >>> metric = evaluation.mase(evaluation.seasonal_scale(train))
        >>> outputs, targets = jnp.array([[1.0], [7.0]]), jnp.zeros((2, 1))
        >>> print(metric.compute(metric.update(metric.init(), outputs, targets)))
        2.0
    """
    array = _check.numbers("mase", "scale", scale)
    if array.dtype == bool or jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(f"mase: scale must be real, got {_check.describe(array)}.")
    if not _check.holds(lambda scale: np.isfinite(scale) & (scale > 0), array):
        raise ValueError(
            f"mase: scale must be finite and above 0, got {np.asarray(array)}. A training series "
            "that repeats itself exactly has none; leave such series out, or use `mae`."
        )
    return Mean(AbsoluteError(array.astype(jnp.result_type(float))))


@checked
def seasonal_scale(train: ArrayLike, period: int = 1) -> Array:
    r"""What the seasonal naive forecast errs within the training series, for `mase`.

        scale = mean_t |y_t - y_(t - period)|

    Shapes: `train` is `[T, *batch, features]`; the scale `[*batch, features]`.

    Args:
        train: the training part of the series alone, without the test part.
        period: the length of a season in steps; 1 is the naive forecast, the last value.

    Raises:
        TypeError: for a series that is not real and floating, and for a period that is no integer.
        ValueError: for a period below 1, a series that is no longer than it, a value that is not
            finite, and a series that repeats itself exactly, whose scale would be 0. Values are
            checked where they can be read.

    Reference:
        Hyndman & Koehler (2006), Another Look at Measures of Forecast Accuracy, International
        Journal of Forecasting 22

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> print(evaluation.seasonal_scale(jnp.array([[1.0], [3.0], [2.0], [5.0]]), period=2))
        [1.5]
    """
    _check.sizes("seasonal_scale", period=period)
    y = real("seasonal_scale", "train", train)
    if y.ndim == 0 or y.shape[0] <= period:
        raise ValueError(
            f"seasonal_scale: train must be longer than the period of {period}, [T, *batch, "
            f"features], got {_check.describe(y)}."
        )
    if not _check.holds(np.isfinite, y):
        place = tuple(map(int, np.argwhere(~np.isfinite(np.asarray(y)))[0]))
        raise ValueError(
            f"seasonal_scale: train must be finite, got {np.asarray(y)[place]} at {list(place)}. "
            "Leave out missing values."
        )
    scale = jnp.mean(jnp.abs(y[period:] - y[:-period]), axis=0)
    if not _check.holds(lambda scale: scale > 0, scale):
        raise ValueError(
            f"seasonal_scale: train repeats itself exactly after {period} steps, as a constant "
            "series does, so that the scale is 0. Leave such series out, or use `mae`."
        )
    return scale


def smape() -> Metric:
    r"""Symmetric mean absolute percentage error, $\mathrm{mean}\;2|\hat y-y|/(|\hat y|+|y|)$.

    A share in [0, 2], not a percentage: 0 is the best, and where both are 0 the error is 0. It
    means little for series that cross 0, where any error counts 2. Shapes and errors as of `rmse`.

    Reference:
        Makridakis (1993), Accuracy Measures: Theoretical and Practical Concerns, International
        Journal of Forecasting 9; in this form Makridakis et al. (2020), The M4 Competition

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.smape()
        >>> outputs, targets = jnp.array([[3.0], [0.0]]), jnp.array([[1.0], [0.0]])
        >>> print(metric.compute(metric.update(metric.init(), outputs, targets)))
        0.5
    """
    return Mean(SymmetricError())
