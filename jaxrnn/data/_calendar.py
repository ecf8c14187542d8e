"""`calendar_features`: where in the year, the week or the day a step lies."""

import abc
import dataclasses
import typing

import numpy as np
from numpy.typing import ArrayLike

from .. import _check
from .._kinds import shown
from ._dates import read_dates


class Cycle(abc.ABC):
    """Something in the calendar that comes again. One of your own defines `phase`.

    Example:
        >>> class Quarter(Cycle):
        ...     def phase(self, dates):
        ...         return dates.astype("datetime64[M]").astype(int) % 3 / 3
        >>> calendar_features(["2024-01-15"], Quarter()).tolist()
        [[0.0, 1.0]]
    """

    @abc.abstractmethod
    def phase(self, dates: np.ndarray) -> np.ndarray:
        """How much of the cycle has passed, in [0, 1): `Float64[S]` of `datetime64[S]`."""


@typing.final
@dataclasses.dataclass(frozen=True)
class MonthOfYear(Cycle):
    """Twelve steps a year, January the first.

    Example:
        >>> import numpy as np
        >>> float(MonthOfYear().phase(np.array(["2024-07-31"], "datetime64[D]"))[0])
        0.5
    """

    def phase(self, dates: np.ndarray) -> np.ndarray:
        return dates.astype("datetime64[M]").astype(np.int64) % 12 / 12


@typing.final
@dataclasses.dataclass(frozen=True)
class DayOfYear(Cycle):
    """365 steps a year, in a leap year 366.

    Example:
        >>> import numpy as np
        >>> float(DayOfYear().phase(np.array(["2024-07-02"], "datetime64[D]"))[0])  # 183 of 366
        0.5
    """

    def phase(self, dates: np.ndarray) -> np.ndarray:
        year = dates.astype("datetime64[Y]")
        first, after = (y.astype("datetime64[D]").astype(np.int64) for y in (year, year + 1))
        return (dates.astype("datetime64[D]").astype(np.int64) - first) / (after - first)


@typing.final
@dataclasses.dataclass(frozen=True)
class DayOfWeek(Cycle):
    """Seven steps a week, Monday the first.

    Example:
        >>> import numpy as np
        >>> float(7 * DayOfWeek().phase(np.array(["2024-01-07"], "datetime64[D]"))[0])  # Sunday
        6.0
    """

    def phase(self, dates: np.ndarray) -> np.ndarray:
        # The first day that numpy counts from, 1970-01-01, was a Thursday.
        return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7 / 7


@typing.final
@dataclasses.dataclass(frozen=True)
class HourOfDay(Cycle):
    """The time of the day, to the second.

    Example:
        >>> import numpy as np
        >>> float(24 * HourOfDay().phase(np.array(["2024-01-07T18:30"], "datetime64[m]"))[0])
        18.5
    """

    def phase(self, dates: np.ndarray) -> np.ndarray:
        return dates.astype("datetime64[s]").astype(np.int64) % 86400 / 86400


def calendar_features(dates: ArrayLike, *cycles: Cycle) -> np.ndarray:
    """Sine and cosine of where in each cycle a date lies: December is next to January.

        features[s, 2 * c]     = sin(2 pi phase_c(dates[s]))
        features[s, 2 * c + 1] = cos(2 pi phase_c(dates[s]))

    They are known ahead, so a forecast may read those of the steps that it is about.

    Args:
        dates: `datetime64[S]`, an index of pandas, or a list of dates or of texts such as
            `"2024-01-31"`.
        *cycles: such as `MonthOfYear()`, `DayOfWeek()`, `DayOfYear()`, `HourOfDay()`.

    Returns:
        `Float64[S, 2 * len(cycles)]`.

    Raises:
        TypeError: `dates` are none, or a cycle is none.
        ValueError: there is no cycle, `dates` are not `[S]`, or one is missing.

    Example:
        >>> calendar_features(["2024-01-01", "2024-07-01"], MonthOfYear()).round(6).tolist()
        [[0.0, 1.0], [0.0, -1.0]]
    """
    who = "calendar_features"
    array = read_dates(who, "dates", dates)
    if not cycles:
        raise ValueError(f"{who}: there is no cycle. Such as MonthOfYear().")
    for place, cycle in enumerate(cycles):
        _check.kind(who, f"cycle {place}", cycle, Cycle, "Such as `MonthOfYear()`.")
    phases = [np.asarray(cycle.phase(array)) for cycle in cycles]
    for cycle, phase in zip(cycles, phases, strict=True):
        if phase.shape != array.shape or not np.isfinite(phase).all():
            raise ValueError(
                f"{who}: the phase of {shown(cycle)} must be finite and {array.shape}, got "
                f"{shown(phase)}"
            )
    angles = 2 * np.pi * np.stack(phases, axis=-1)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(array), -1)
