"""Scores of forecasts that are distributions: CRPS, pinball loss, coverage and width."""

import abc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._checked import checked
from .._numerics import drop
from .._typing import Array
from ..heads import Head
from ..metrics import Mean, Metric
from ..objectives import Objective
from ._forecast import Distribution, Forecast, check_levels, pinball_of


class OfForecast(Objective):
    """A score of every step, averaged over the coordinates of its target; for metrics alone."""

    forecast: Distribution

    @property
    def stepwise(self) -> bool:
        return True

    @abc.abstractmethod
    def of_coordinates(self, outputs: Any, targets: Any) -> Array:
        """The score of each coordinate, `[T, *batch, dim]`, or one for a label."""

    def values(self, outputs: Any, targets: Any) -> Array:
        score = self.of_coordinates(outputs, targets)
        labels = isinstance(self.forecast, Head) and not self.forecast.target_shape
        return score if labels else jnp.mean(score, axis=-1)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        # Outputs of samples have two axes beside the steps.
        if where is not None:
            outputs, targets = drop(~where, jax.tree.map(jnp.asarray, (outputs, targets)))
        return self.values(outputs, targets)


class CRPS(OfForecast):
    """The continuous ranked probability score; `crps` says more."""

    def of_coordinates(self, outputs: Any, targets: Any) -> Array:
        return self.forecast.crps(outputs, targets)


class PinballLoss(OfForecast):
    """The pinball loss at levels; `pinball` says more."""

    levels: tuple[float, ...] = jax.tree.static()

    def of_coordinates(self, outputs: Any, targets: Any) -> Array:
        q = self.forecast.quantile(outputs, np.array(self.levels))
        return jnp.mean(pinball_of(q, _targets("pinball", q[..., 0], targets), self.levels), -1)


class Covered(OfForecast):
    """Whether an interval holds the target; `interval_coverage` says more."""

    level: float = jax.tree.static()

    def of_coordinates(self, outputs: Any, targets: Any) -> Array:
        low, high = self.forecast.interval(outputs, self.level)
        y = _targets("interval_coverage", low, targets)
        unknown = jnp.isnan(low) | jnp.isnan(high) | jnp.isnan(y)
        return jnp.where(unknown, jnp.nan, ((low <= y) & (y <= high)).astype(y.dtype))


class Width(OfForecast):
    """How wide an interval is; `interval_width` says more."""

    level: float = jax.tree.static()

    def of_coordinates(self, outputs: Any, targets: Any) -> Array:
        low, high = self.forecast.interval(outputs, self.level)
        return high - low


def _targets(who: str, like: Array, targets: Any) -> Array:
    _check.one_array(who, targets=targets)
    if jnp.shape(targets) != like.shape:
        raise ValueError(
            f"{who}: targets must be [T, *batch, dim] = {like.shape}, got "
            f"{_check.describe(targets)}."
        )
    return jnp.asarray(targets).astype(like.dtype)


def _check_forecast(who: str, forecast: Any) -> None:
    if not isinstance(forecast, Head):
        _check.kind(who, "forecast", forecast, Forecast)


def _check_level(who: str, level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"{who}: level must lie in (0, 1), such as 0.8, got {level}.")


@checked
def crps(forecast: Distribution) -> Metric:
    r"""Mean continuous ranked probability score, in the unit of the targets; smaller is better.

        CRPS(F, y) = integral of (F(x) - 1[y <= x])^2 dx

    It is least for the true distribution, and the absolute error of a distribution that is one
    point. Averaged over the coordinates of a target.

    Shapes: those of the forecast; targets `[T, *batch, dim]`.

    Args:
        forecast: what the outputs mean: a head, such as `heads.Gaussian()`; `Samples()`; or
            `Quantiles(levels)`.

    Raises:
        TypeError: for a forecast that is none.
        ValueError: in `update`, for shapes that do not fit.
        NotImplementedError: in `update`, for a head without a closed form; draw from it, and use
            `Samples()`.

    Reference:
        Gneiting & Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation,
        https://doi.org/10.1198/016214506000001437

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.crps(evaluation.Samples())
        >>> draws, targets = jnp.zeros((5, 2, 1, 10)), jnp.ones((5, 2, 1))
        >>> print(metric.compute(metric.update(metric.init(), draws, targets)))
        1.0
    """
    _check_forecast("crps", forecast)
    return Mean(CRPS(forecast))


@checked
def pinball(forecast: Distribution, levels: tuple[float, ...]) -> Metric:
    r"""Mean pinball loss of quantiles, $\max(t u, (t - 1) u)$ with $u = y - q_t$.

    Averaged over the levels and the coordinates. At its least a share `t` of the targets lies below
    $q_t$.

    Shapes: those of the forecast; targets `[T, *batch, dim]`.

    Args:
        forecast: what the outputs mean: a head with quantiles, `Samples()`, or `Quantiles(levels)`,
            which has those at its own levels.
        levels: in (0, 1), rising.

    Raises:
        TypeError: for a forecast that is none, and levels that are no tuple of floats.
        ValueError: for levels that do not rise within (0, 1); in `update`, for levels that the
            forecast does not have, and shapes that do not fit.

    Reference:
        Koenker & Bassett (1978), Regression Quantiles, https://doi.org/10.2307/1913643

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.pinball(evaluation.Quantiles((0.1, 0.5, 0.9)), (0.9,))
        >>> outputs, targets = jnp.array([[[0.0, 1.0, 2.0]]]), jnp.array([[3.0]])
        >>> print(f"{metric.compute(metric.update(metric.init(), outputs, targets)):.1f}")
        0.9
    """
    _check_forecast("pinball", forecast)
    check_levels("pinball", levels)
    return Mean(PinballLoss(forecast, levels))


@checked
def interval_coverage(forecast: Distribution, level: float) -> Metric:
    """The share of the targets that the central interval of `level` holds, its ends included.

    It should be `level`; above it intervals are too wide, below it too narrow. See
    `interval_width`: of forecasts that cover alike, the narrow one says more. Each coordinate
    counts alone.

    Shapes: those of the forecast; targets `[T, *batch, dim]`.

    Args:
        forecast: what the outputs mean: a head with quantiles, `Samples()`, or `Quantiles(levels)`
            among which are `(1 - level) / 2` and `(1 + level) / 2`.
        level: in (0, 1).

    Raises:
        TypeError: for a forecast that is none, and a level that is no number.
        ValueError: for a level outside (0, 1); in `update`, for one that the forecast has no
            interval of, and shapes that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.interval_coverage(evaluation.Quantiles((0.1, 0.9)), 0.8)
        >>> outputs, targets = jnp.tile(jnp.array([-1.0, 1.0]), (4, 1, 1)), jnp.arange(4.0)[:, None]
        >>> print(metric.compute(metric.update(metric.init(), outputs, targets)))
        0.5
    """
    _check_forecast("interval_coverage", forecast)
    _check_level("interval_coverage", level)
    return Mean(Covered(forecast, level))


@checked
def interval_width(forecast: Distribution, level: float) -> Metric:
    """The mean width of the central interval of `level`, in the unit of the targets.

    Arguments, shapes and errors are those of `interval_coverage`; the targets are not read, and may
    be `None`.

    Args:
        forecast: what the outputs mean.
        level: in (0, 1).

    Raises:
        TypeError: for a forecast that is none, and a level that is no number.
        ValueError: for a level outside (0, 1).

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.interval_width(evaluation.Quantiles((0.1, 0.9)), 0.8)
        >>> outputs = jnp.tile(jnp.array([-1.0, 1.0]), (4, 1, 1))
        >>> print(metric.compute(metric.update(metric.init(), outputs, None)))
        2.0
    """
    _check_forecast("interval_width", forecast)
    _check_level("interval_width", level)
    return Mean(Width(forecast, level))
