"""`fill_missing`: numbers in place of gaps, and a record of where they were."""

import abc
import dataclasses
import typing
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._kinds import shown


class Filled(NamedTuple):
    """A series without gaps.

    Shapes:
        values: `[S]` or `[S, F]`, finite.
        known: Bool of the same shape, True where a value was there.
    """

    values: np.ndarray
    known: np.ndarray


class Filling(abc.ABC):
    """What stands in the place of a missing value. One of your own defines `fill`.

    Example:
        >>> class Mean(Filling):
        ...     def fill(self, columns, known):
        ...         means = np.sum(np.where(known, columns, 0), axis=0) / known.sum(axis=0)
        ...         return np.where(known, columns, means)
        >>> import numpy as np
        >>> fill_missing([1.0, np.nan, 5.0], Mean()).values.tolist()
        [1.0, 3.0, 5.0]
    """

    @abc.abstractmethod
    def fill(self, columns: np.ndarray, known: np.ndarray) -> np.ndarray:
        """The columns `[S, F]`, with numbers where they are not `known`."""


@typing.final
@dataclasses.dataclass(frozen=True)
class Forward(Filling):
    """The last value that was known. It never looks ahead, so it may be used before a forecast.

    Args:
        initial: what stands before the first known value; `None` makes that an error.

    Example:
        >>> import numpy as np
        >>> fill_missing([1.0, np.nan, np.nan, 4.0], Forward()).values.tolist()
        [1.0, 1.0, 1.0, 4.0]
    """

    initial: float | None = None

    def __post_init__(self) -> None:
        if self.initial is not None:
            _finite("Forward", "initial", self.initial)

    def fill(self, columns: np.ndarray, known: np.ndarray) -> np.ndarray:
        steps = np.where(known, np.arange(len(columns))[:, None], -1)
        last = np.maximum.accumulate(steps, axis=0)
        filled = np.take_along_axis(columns, np.maximum(last, 0), axis=0)
        early = np.argwhere(last < 0)
        if len(early) and self.initial is None:
            raise ValueError(
                f"Forward: feature {int(early[0][1])} is missing from the first step on, and "
                "nothing comes before it. Cut these steps off, or say what stands there: "
                "Forward(initial=0.0)."
            )
        return np.where(last < 0, 0 if self.initial is None else self.initial, filled)


@typing.final
@dataclasses.dataclass(frozen=True)
class Constant(Filling):
    """The same number everywhere; with `known` as a feature, the network tells it from a value.

    Example:
        >>> import numpy as np
        >>> fill_missing([1.0, np.nan], Constant(-1.0)).values.tolist()
        [1.0, -1.0]
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        _finite("Constant", "value", self.value)

    def fill(self, columns: np.ndarray, known: np.ndarray) -> np.ndarray:
        return np.where(known, columns, self.value)


def fill_missing(series: ArrayLike, filling: Filling | None = None) -> Filled:
    """Put numbers in the place of NaN and of hidden values, and say where they were.

    There are three ways to go on, and they combine:

    - `known` as features, so that the network sees what was filled in:
      `np.concatenate([values, known], axis=-1)` of `[S, F]`.
    - `known` as the mask of a batch, which skips the steps: the state is held, as if they had not
      been. Of several features: `known.all(axis=-1)`.
    - `rolling_origins(known=known)`, which scores no forecast by a number that was filled in.

    Args:
        series: `[S]` or `[S, F]`, floating. Values that a masked array hides are missing too.
        filling: `Forward()`, the default, `Constant(value)`, or one of your own.

    Raises:
        TypeError: the series is not floating, or `filling` none.
        ValueError: it is not `[S]` or `[S, F]`, is infinite somewhere, or `filling` has no number
            for a gap.

    Example:
        >>> import numpy as np
        >>> filled = fill_missing([3.0, np.nan, 5.0])
        >>> filled.values.tolist(), filled.known.tolist()
        ([3.0, 3.0, 5.0], [True, False, True])
    """
    who = "fill_missing"
    filling = Forward() if filling is None else filling
    _check.kind(who, "filling", filling, Filling, "Such as `Forward()`.")
    hidden: Any = False
    if isinstance(series, np.ma.MaskedArray):
        hidden, series = np.ma.getmaskarray(series), series.data
    values = _host.read(who, "series", series)
    if not jnp.issubdtype(values.dtype, jnp.floating):
        if values.dtype.kind not in "iu":
            raise TypeError(f"{who}: series must be floating, got {values.dtype}")
        values = values.astype(np.float64)
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(f"{who}: series must be [S] or [S, F], got shape {values.shape}")
    known = ~(np.isnan(values) | hidden)
    if np.isinf(values[known]).any():
        step = int(np.argwhere(np.isinf(values) & known)[0][0])
        raise ValueError(
            f"{who}: series is infinite at step {step}. If that stands for a gap, make it NaN."
        )
    columns, flags = (x.reshape(len(values), -1) for x in (values, known))
    with np.errstate(over="ignore"):  # a number that the dtype cannot hold
        filled = np.asarray(filling.fill(np.where(flags, columns, 0).astype(values.dtype), flags))
        filled = filled.astype(values.dtype)
    filled = filled.reshape(values.shape) if filled.size == values.size else filled
    if (
        filled.shape != values.shape
        or not np.isfinite(filled).all()
        or not np.array_equal(filled[known], values[known])
    ):
        raise ValueError(f"{who}: {shown(filling)} must fill every gap, and change nothing else")
    return Filled(filled, known)


def _finite(who: str, name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{who}: {name} must be a number, got {shown(value)}")
    if not np.isfinite(value):
        raise ValueError(f"{who}: {name} must be finite, got {value}")
