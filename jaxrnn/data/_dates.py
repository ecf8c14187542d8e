"""Dates as numpy has them."""

import warnings
from typing import Any

import numpy as np

from .. import _host
from .._kinds import shown


def read_dates(who: str, name: str, value: Any) -> np.ndarray:
    """`value` as an array `[S]` of `datetime64`, without gaps.

    Args:
        who: the function that was called.
        name: the argument.
        value: an array of `datetime64`, an index of pandas, or a list of dates or of texts such as
            `"2024-01-31"`.

    Raises:
        TypeError: anything else, masked dates and those of a time zone among them.
        ValueError: not `[S]`, a text that is no date or has a time zone, or a date that is
            missing.
    """
    _host.refuse_masked(who, name, value)
    parts = value if isinstance(value, list | tuple) else [value]
    if any(getattr(part, "tz", getattr(part, "tzinfo", None)) is not None for part in parts):
        raise TypeError(
            f"{who}: {name} must be dates without a time zone, which numpy does not have. Choose "
            "whose clock counts: `dates.tz_localize(None)` of pandas keeps that of the zone."
        )
    try:
        array = np.asarray(value)
        if array.dtype.kind in "OUS" and array.size:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                array = array.astype("datetime64")
    except Warning as error:
        raise ValueError(
            f"{who}: {name} must be dates without a time zone, got {shown(value)} ({error}). Bring "
            "all to one clock first, and drop the zone: `date.replace(tzinfo=None)`."
        ) from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{who}: {name} must be dates, got {shown(value)} ({error})") from error
    if array.dtype.kind != "M":
        raise TypeError(
            f"{who}: {name} must be dates, got {array.dtype} of shape {array.shape}. Make them by "
            '`np.array(..., dtype="datetime64[D]")`.'
        )
    if array.ndim != 1:
        raise ValueError(f"{who}: {name} must be [S], got shape {array.shape}")
    if np.isnat(array).any():
        step = int(np.flatnonzero(np.isnat(array))[0])
        raise ValueError(f"{who}: {name} has no date at step {step} (NaT). Leave that step out.")
    return array
