"""`rolling_origins`: the forecasts that a part of a series is scored by."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._checked import checked
from .._kinds import shown
from ._batch import Batch
from ._series import check_length, read_pair


class Origins(NamedTuple):
    """Forecasts to make: what each may read, and what came.

    Shapes:
        batch: inputs `[length, N, F]`, and one target per window, `[N, horizon * G]`.
        steps: `Int[N]`, the step of the series at which the targets of each window begin.
    """

    batch: Batch
    steps: np.ndarray


@checked
def rolling_origins(
    series: ArrayLike,
    *,
    length: int,
    horizon: int = 1,
    stride: int = 1,
    part: slice = slice(None),
    targets: ArrayLike | None = None,
    known: ArrayLike | None = None,
) -> Origins:
    """One forecast from each origin in a part of a series, to be scored by what came.

    The forecast from origin `o` reads the `length` steps before it and is about the `horizon` steps
    from it on:

        inputs[:, n] = series[o - length : o],  targets[n] = series[o : o + horizon],  o = steps[n]

    All targets lie in the part; what is read may lie before it, as it would when the forecast is
    made. So the part before must not have been trained on *these* targets, and it was not: targets
    of another part's windows lie in that part. If nothing before the part may be read, cut
    `series[part]` off first. The first origin is the first step of the part that has `length` steps
    before it. With `stride=horizon` every step of the part is forecast once; forecasts from origins
    that are closer share targets, so their errors are not independent.

    A network that reads the inputs gives a forecast at its last step, `outputs[-1]`; one that pools
    (`networks.LastPool`) gives just that, and trains and evaluates on `batch` as it is.

    Args:
        series: what is read, `[S]` or `[S, F]`.
        length: how many steps are read.
        horizon: how many steps ahead are predicted.
        stride: how far apart origins are.
        part: where the targets lie, as from `time_split`; everywhere, if not given.
        targets: what is predicted, step by step beside `series`; `series` itself if not given.
        known: `Bool[S]` or `Bool[S, G]`: origins with a target that was not known are left out, as
            `fill_missing` says it. Numbers that were filled in are no truth to score by.

    Raises:
        TypeError: a size is not an integer, `part` no slice, `known` not Bool, or a series holds no
            numbers or masked ones.
        ValueError: a size is below 1, a series has a value that is not finite (the message says
            where), lengths differ, or no origin is left.

    Reference:
        L. Tashman, 2000, Out-of-sample tests of forecasting accuracy,
        https://doi.org/10.1016/S0169-2070(00)00065-0

    Example:
        >>> import numpy as np
        >>> from jaxrnn.data import time_split
        >>> split = time_split(10, test=4)
        >>> batch, steps = rolling_origins(np.arange(10), length=3, horizon=2, part=split.test)
        >>> steps.tolist(), batch.inputs[:, 0].ravel().tolist(), batch.targets.tolist()
        ([6, 7, 8], [3, 4, 5], [[6, 7], [7, 8], [8, 9]])
    """
    who = "rolling_origins"
    _check.sizes(who, length=length, horizon=horizon, stride=stride)
    values, wanted = read_pair(who, series, targets)
    check_length(who, "a series", len(values), length, horizon)
    begin, end = _borders(part, len(values))
    first = max(begin, length)
    steps = np.arange(first, end - horizon + 1, stride)
    if known is not None:
        told = _flags(known, wanted.shape)
        steps = steps[told[steps[:, None] + np.arange(horizon)].all(axis=(1, 2))]
    if not len(steps):
        reason = "with known targets " if known is not None else ""
        raise ValueError(
            f"{who}: no origin {reason}lies in the part, steps {begin} to {end}, with length="
            f"{length} steps before it and horizon={horizon} steps after it. Take a longer part, a "
            "shorter length or a nearer horizon."
        )
    shape = (len(steps), horizon * wanted.shape[1])
    remedy = "Take a longer stride."
    _check.memory(who, "the inputs", (length, *shape[:1], values.shape[1]), values.dtype, remedy)
    _check.memory(who, "the targets", shape, wanted.dtype, remedy)
    inputs = values[steps + np.arange(-length, 0)[:, None]]
    ahead = wanted[steps[:, None] + np.arange(horizon)]
    return Origins(Batch(inputs, ahead.reshape(shape)), steps)


def _borders(part: slice, steps: int) -> tuple[int, int]:
    if not isinstance(part, slice) or part.step not in (None, 1):
        raise TypeError(
            f"rolling_origins: part must be a slice of steps, as from time_split, got {shown(part)}"
        )
    try:
        begin, end, _ = part.indices(steps)
    except TypeError as error:
        raise TypeError(f"rolling_origins: part must be a slice of steps, got {part}") from error
    if begin >= end:
        raise ValueError(
            f"rolling_origins: the part is empty, {part} of {steps} steps. `time_split` without "
            "`validation` has no validation part."
        )
    return begin, end


def _flags(known: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """`Bool[S, G]`."""
    flags = _host.read("rolling_origins", "known", known)
    if flags.dtype != bool:
        raise TypeError(f"rolling_origins: known must be Bool, got {flags.dtype}. Compare: x != 0.")
    if flags.shape not in (shape, shape[:1]):
        raise ValueError(
            f"rolling_origins: known must be {shape} or {shape[:1]}, got {flags.shape}"
        )
    return np.broadcast_to(flags.reshape(shape[0], -1), shape)
