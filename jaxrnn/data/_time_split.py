"""`time_split`: the past to learn from, then what is chosen by, then what is scored."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _check
from .._checked import checked
from .._kinds import shown
from ._dates import read_dates


class TimeSplit(NamedTuple):
    """Where the parts of a series lie, as slices: `series[split.train]`.

    Every step is in exactly one part. The training part comes first, so that nothing is learnt from
    what comes after it; `validation` is empty if none was asked for.
    """

    train: slice
    validation: slice
    test: slice


@checked
def time_split(
    steps: int,
    *,
    test: Any,
    validation: Any = None,
    times: ArrayLike | None = None,
) -> TimeSplit:
    """Part a series by time: the oldest part to learn from, the newest to score.

    Scalers, vocabularies and models are fitted on `series[split.train]`, choices are made by the
    validation part, and the test part is read once, at the end. For several series of different
    lengths, call it for each: with `times` and dates all are cut at the same dates.

    Cut training windows from `series[split.train]`, which none of them then leaves; a forecast of
    the test part may still read what lies before it: `rolling_origins(series, part=split.test)`.

    Args:
        steps: how many steps the series has, `len(series)`.
        test: the last part: an integer is its number of steps, a fraction below 1 its share of all
            steps, and a date (`numpy.datetime64`, or text such as `"1990-01-01"`) where it begins,
            by `times`.
        validation: the part before it, given in the same way.
        times: the date of each step, `[S]`, in order.

    Raises:
        TypeError: a part is given by something else, or by a date without `times`.
        ValueError: a part would be empty, the training part among them; dates are not in order, or
            their number is not `steps`.

    Example:
        >>> import numpy as np
        >>> split = time_split(10, validation=0.2, test=0.3)
        >>> series = np.arange(10)
        >>> series[split.train].tolist(), series[split.test].tolist()
        ([0, 1, 2, 3, 4], [7, 8, 9])
        >>> days = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]")
        >>> time_split(10, validation="2024-01-04", test="2024-01-09", times=days)[1:]
        (slice(3, 8, None), slice(8, 10, None))
    """
    _check.sizes("time_split", steps=steps)
    dates = None if times is None else read_dates("time_split", "times", times)
    if dates is not None:
        if len(dates) != steps:
            raise ValueError(
                f"time_split: times must be one for each of {steps} steps, got {len(dates)}"
            )
        late = np.flatnonzero(dates[1:] < dates[:-1])
        if len(late):
            raise ValueError(
                f"time_split: times must be in order, but {dates[late[0] + 1]} comes after "
                f"{dates[late[0]]} (step {late[0] + 1}). Sort the series by time."
            )
    last = _start("test", test, steps, steps, dates)
    first = last if validation is None else _start("validation", validation, steps, last, dates)
    for name, begin, end in (("test", last, steps), ("validation", first, last)):
        if begin >= end and not (name == "validation" and validation is None):
            given = test if name == "test" else validation
            raise ValueError(
                f"time_split: {name}={given!r} of {steps} steps leaves the {name} part empty. Take "
                "a longer series, or a larger part."
            )
    if first <= 0:
        raise ValueError(
            f"time_split: validation={validation!r} and test={test!r} leave nothing to learn from, "
            f"of {steps} steps. Take smaller parts, or a longer series."
        )
    return TimeSplit(slice(0, first), slice(first, last), slice(last, steps))


def _start(name: str, part: Any, steps: int, end: int, dates: np.ndarray | None) -> int:
    """Where a part begins that ends at `end`."""
    if isinstance(part, int | np.integer) and not isinstance(part, bool | np.bool_):
        _check.sizes("time_split", **{name: part})
        return end - int(part)
    if isinstance(part, float | np.floating):
        if not 0 < part < 1:
            raise ValueError(f"time_split: {name} must be a share between 0 and 1, got {part}")
        return end - round(float(part) * steps)
    if dates is None or isinstance(part, bool | np.bool_):
        raise TypeError(
            f"time_split: {name} must be a number of steps or a share of them, got {shown(part)}. "
            "A date needs the `times` of the steps."
        )
    return int(np.searchsorted(dates, read_dates("time_split", name, [part])[0]))
