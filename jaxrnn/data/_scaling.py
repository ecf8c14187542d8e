"""`Scaling`: how a scale is fitted to columns."""

import abc
import dataclasses
import typing

import numpy as np

from .. import _check
from .._kinds import shown

Fitted: typing.TypeAlias = tuple[np.ndarray, np.ndarray]
"""The center and the scale of each column."""


class Scaling(abc.ABC):
    """A way to choose a center and a scale for each column: `(x - center) / scale`.

    One of your own defines `fit`.

    Example:
        >>> import numpy as np
        >>> from jaxrnn.data import fit_scaler
        >>> class MeanAbsolute(Scaling):
        ...     def fit(self, columns):
        ...         return np.zeros(columns.shape[1]), np.nanmean(np.abs(columns), axis=0)
        >>> fit_scaler(MeanAbsolute(), [2.0, -4.0, 6.0]).scale.tolist()
        4.0
    """

    @abc.abstractmethod
    def fit(self, columns: np.ndarray) -> Fitted:
        """The center and the scale of each column, `[F]`.

        Args:
            columns: `Float64[N, F]`; NaN is missing, and no column is without a number.
        """


@typing.final
@dataclasses.dataclass(frozen=True)
class Standardize(Scaling):
    """Mean 0 and standard deviation 1: `(x - mean) / sqrt(mean((x - mean)^2))`.

    As `StandardScaler` of scikit-learn.

    Example:
        >>> from jaxrnn.data import fit_scaler
        >>> fit_scaler(Standardize(), [1.0, 2.0, 3.0]).transform([2.0]).tolist()
        [0.0]
    """

    def fit(self, columns: np.ndarray) -> Fitted:
        center = np.nanmean(columns, axis=0)
        return center, np.sqrt(np.nanmean((columns - center) ** 2, axis=0))


@typing.final
@dataclasses.dataclass(frozen=True)
class MinMax(Scaling):
    """The least value becomes `low`, the largest `high`, and what is between keeps its place.

        low + (high - low) * (x - min) / (max - min)

    What comes later may lie outside. As `MinMaxScaler` of scikit-learn.

    Raises:
        TypeError: a border is no number.
        ValueError: `low` is not below `high`.

    Example:
        >>> from jaxrnn.data import fit_scaler
        >>> scaler = fit_scaler(MinMax(-1.0, 1.0), [2.0, 4.0, 6.0])
        >>> scaler.transform([2.0, 6.0, 8.0]).tolist()
        [-1.0, 1.0, 2.0]
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _ordered("MinMax", self.low, self.high)

    def fit(self, columns: np.ndarray) -> Fitted:
        least = np.nanmin(columns, axis=0)
        scale = (np.nanmax(columns, axis=0) - least) / (self.high - self.low)
        return least - self.low * scale, scale


@typing.final
@dataclasses.dataclass(frozen=True)
class Robust(Scaling):
    """The median becomes 0 and the range between two quantiles 1: outliers move neither.

    As `RobustScaler` of scikit-learn, whose quantiles are in percent.

    Raises:
        TypeError: a quantile is no number.
        ValueError: they do not lie in order between 0 and 1.

    Example:
        >>> from jaxrnn.data import fit_scaler
        >>> scaler = fit_scaler(Robust(), [1.0, 2.0, 3.0, 4.0, 1000.0])
        >>> scaler.transform([3.0, 4.0]).tolist()
        [0.0, 0.5]
    """

    low: float = 0.25
    high: float = 0.75

    def __post_init__(self) -> None:
        _ordered("Robust", self.low, self.high)
        if self.low < 0 or self.high > 1:
            raise ValueError(
                f"Robust: quantiles must lie between 0 and 1, got {self.low} and {self.high}. "
                "25 % is 0.25."
            )

    def fit(self, columns: np.ndarray) -> Fitted:
        low, high = np.nanquantile(columns, [self.low, self.high], axis=0)
        return np.nanmedian(columns, axis=0), high - low


def _ordered(who: str, low: object, high: object) -> None:
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise TypeError(f"{who}: {name} must be a number, got {shown(value)}")
    _check.number(who, low=low, high=high)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):  # type: ignore[call-overload, operator]
        raise ValueError(f"{who}: low must be below high, got {low} and {high}")
