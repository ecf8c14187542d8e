"""`windows` and `split`: a time series as examples, without leakage."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from .. import _check
from ._batch import Batch

S = TypeVar("S", bound=Any)


def windows(series: ArrayLike, *, length: int, horizon: int = 1, stride: int = 1) -> Batch:
    """Cut a time series into windows, each step with the values that follow it.

    Window `n` starts at `n * stride`; the targets of its step `t` are the next `horizon` values:

        inputs[t, n]  = series[n * stride + t]
        targets[t, n] = series[n * stride + t + 1 : n * stride + t + 1 + horizon]

    A forecast is thus learnt at every step, not at the last alone (`targets[-1]`), which is how
    Wen et al. train theirs ("forking sequences"). Windows overlap where `stride < length`; to hold
    data out, `split` the series first and cut windows from each part.

    Shapes:
        series: `[S]` or `[S, F]`; `[S]` counts as one feature.
        inputs: `[length, N, F]`, `N = (S - length - horizon) // stride + 1`.
        targets: `[length, N, horizon * F]`; `reshape(length, N, horizon, F)` parts them.

    Raises:
        TypeError: a size is not an integer.
        ValueError: a size is below 1, the series is not `[S]` or `[S, F]`, or it is too short.

    Reference:
        R. Wen, K. Torkkola, B. Narayanaswamy, D. Madeka, 2017, https://arxiv.org/abs/1711.11053

    Example:
        >>> import numpy as np
        >>> batch = windows(np.arange(6), length=3, horizon=2)
        >>> batch.inputs[:, 0].tolist(), batch.targets[:, 0].tolist()
        ([[0], [1], [2]], [[1, 2], [2, 3], [3, 4]])
        >>> batch.inputs.shape
        (3, 2, 1)
    """
    _check.sizes("windows", length=length, horizon=horizon, stride=stride)
    values = np.asarray(series)
    if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[1] == 0):
        raise ValueError(f"windows: series must be [S] or [S, F], got shape {values.shape}")
    if len(values) < length + horizon:
        raise ValueError(
            f"windows: length={length} and horizon={horizon} need a series of at least "
            f"{length + horizon} steps, got {len(values)}. Take shorter windows."
        )
    values = values.reshape(len(values), -1)
    starts = np.arange(0, len(values) - length - horizon + 1, stride)
    places = np.arange(length)[:, None] + starts
    ahead = places[..., None] + np.arange(1, horizon + 1)
    return Batch(values[places], values[ahead].reshape(*places.shape, -1))


def split(series: S, *, held_out: float) -> tuple[S, S]:
    """Part a text, a list or an array by position; the end is held out.

    Shuffling before the split would put the neighbours of what is held out into the training set.

    Args:
        series: anything that has a length and can be sliced; an array is cut along axis 0.
        held_out: how much of it the second part gets, between 0 and 1.

    Returns:
        The beginning, and the last `round(held_out * len(series))` elements.

    Raises:
        ValueError: `held_out` is not between 0 and 1, or one part would be empty.

    Example:
        >>> split("ten chars.", held_out=0.2)
        ('ten char', 's.')
    """
    if not 0 < held_out < 1:
        raise ValueError(f"split: held_out must lie between 0 and 1, got {held_out}")
    kept = len(series) - round(held_out * len(series))
    if kept in (0, len(series)):
        raise ValueError(
            f"split: held_out={held_out} of {len(series)} elements leaves one part empty. "
            "Take a longer series or another fraction."
        )
    return series[:kept], series[kept:]
