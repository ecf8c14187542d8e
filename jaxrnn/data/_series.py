"""Series as arrays `[S, F]`, and what is missing in them."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import _host


def read_series(who: str, name: str, value: Any, place: int | None = None) -> np.ndarray:
    """A series as `[S, F]`; one `[S]` has one feature.

    Args:
        who: the function that was called.
        name: the argument.
        value: what came for it.
        place: where it stands among several series, for the message.

    Raises:
        TypeError: it holds no numbers, or masked ones.
        ValueError: it is not `[S]` or `[S, F]`, or a number is not finite.
    """
    what = name if place is None else f"{name} {place}"
    values = _host.read(who, what, value)
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(
            f"{who}: {what} must be [S] or [S, F] and not empty, got shape {values.shape}"
        )
    refuse_missing(who, what, values)
    return values.reshape(len(values), -1)


def refuse_missing(who: str, what: str, values: np.ndarray) -> None:
    """Raise for the first number of `[S]` or `[S, F]` that is not finite, and say where it is.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    if not jnp.issubdtype(values.dtype, jnp.inexact):
        return
    wrong = ~np.isfinite(values)
    if wrong.any():
        step, *feature = map(int, np.argwhere(wrong)[0])
        where = f"step {step}" + (f", feature {feature[0]}" if feature else "")
        others = int(wrong.sum()) - 1
        more = f" and at {others} more places" if others else ""
        raise ValueError(
            f"{who}: {what} must be finite, got {values[(step, *feature)]} at {where}{more}. Fill "
            "in what is missing, and keep what was known: `fill_missing(series)`."
        )


def read_pair(
    who: str, series: Any, targets: Any, place: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What is read and what is predicted, both `[S, ...]`; the same where no targets are given.

    Raises:
        TypeError, ValueError: as `read_series`, and where they differ in their number of steps.
    """
    values = read_series(who, "series", series, place)
    if targets is None:
        return values, values
    wanted = read_series(who, "targets", targets, place)
    if len(wanted) != len(values):
        which = "" if place is None else f" {place}"
        raise ValueError(
            f"{who}: targets{which} must have the {len(values)} steps of the series, got "
            f"{len(wanted)}. Both hold the same times: the step ahead is taken here."
        )
    return values, wanted


def check_length(who: str, what: str, steps: int, length: int, horizon: int) -> None:
    """Raise where not a single window fits.

    Raises:
        ValueError: the series is shorter than a window and its horizon.
    """
    if steps < length + horizon:
        raise ValueError(
            f"{who}: length={length} and horizon={horizon} need {what} of at least "
            f"{length + horizon} steps, got {steps}. Take shorter windows."
        )
