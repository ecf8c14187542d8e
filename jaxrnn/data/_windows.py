"""`windows` and `split`: a time series as examples, without leakage."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._checked import checked
from .._kinds import shown
from ._batch import Batch
from ._dataset import Dataset
from ._series import check_length, read_pair

S = TypeVar("S", bound=Any)


@checked
def windows(
    series: ArrayLike,
    *,
    length: int,
    horizon: int = 1,
    stride: int = 1,
    targets: ArrayLike | None = None,
) -> Batch:
    """Cut a time series into windows, each step with the values that follow it.

    Window `n` starts at `n * stride`; the targets of its step `t` are the next `horizon` values:

        inputs[t, n]  = series[n * stride + t]
        targets[t, n] = series[n * stride + t + 1 : n * stride + t + 1 + horizon]

    A forecast is thus learnt at every step, not at the last alone (`targets[-1]`), which is how
    Wen et al. train theirs ("forking sequences"). Windows overlap where `stride < length`. To hold
    data out, part the series first, by `time_split`, and cut windows from each part: then no window
    straddles a border. `rolling_origins` makes those that a forecast is scored on, and `Windows`
    cuts many windows, or those of several series, batch by batch.

    Args:
        series: what is read, with as many features as help: calendar features, for example.
        length: how many steps a window has.
        horizon: how many steps ahead are predicted.
        stride: how far apart windows start.
        targets: what is predicted, step by step beside `series`; `series` itself if not given.

    Shapes:
        series: `[S]` or `[S, F]`; `[S]` counts as one feature.
        targets: `[S]` or `[S, G]`; `G = F` if not given.
        inputs: `[length, N, F]`, `N = (S - length - horizon) // stride + 1`.
        targets of the batch: `[length, N, horizon * G]`; `reshape(length, N, horizon, G)` parts
            them.

    Raises:
        TypeError: a size is not an integer; the series holds no numbers, or masked ones.
        ValueError: a size is below 1, the series is not `[S]` or `[S, F]`, is too short, or has a
            value that is not finite (the message says where); `targets` has another number of
            steps; or memory cannot hold the windows.

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
    values, wanted = read_pair("windows", series, targets)
    check_length("windows", "a series", len(values), length, horizon)
    count = (len(values) - length - horizon) // stride + 1
    shape = (length, count, horizon * wanted.shape[1])
    remedy = "Take shorter windows, a nearer horizon or a longer stride, or let Windows cut them."
    _check.memory("windows", "the targets", shape, wanted.dtype, remedy)
    # Views, so that nothing is held but what is returned.
    inputs = _views(values, length)[: len(values) - length - horizon + 1 : stride]
    ahead = _views(_views(wanted[1:], horizon), length)[::stride]
    time_leads = np.moveaxis(inputs, -1, 0), np.moveaxis(ahead, (-1, -2), (0, 2))
    return Batch(time_leads[0].copy(), time_leads[1].reshape(shape))


def _views(values: np.ndarray, length: int) -> np.ndarray:
    """`[S, ...] -> [S - length + 1, ..., length]`: every window of a series."""
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=0)


@checked
def split(series: S, *, held_out: float) -> tuple[S, S]:
    """Part a text, a list or an array by position; the end is held out.

    Shuffling before the split would put the neighbours of what is held out into the training set.

    Args:
        series: a string, a list, or an array, which is cut along axis 0. Of examples that lie in
            several arrays, such as inputs and labels, each is split by itself, with one `held_out`.
        held_out: how much of it the second part gets, between 0 and 1.

    Returns:
        The beginning, and the last `round(held_out * len(series))` elements.

    Raises:
        TypeError: a tuple or another tree, which has parts and no elements; or what has no length.
        ValueError: `held_out` is not between 0 and 1, or one part would be empty.

    Example:
        >>> split("ten chars.", held_out=0.2)
        ('ten char', 's.')
    """
    if not isinstance(held_out, int | float | np.integer | np.floating):
        raise TypeError(f"split: held_out must be a number, got {shown(held_out)}")
    if not 0 < held_out < 1:
        raise ValueError(f"split: held_out must lie between 0 and 1, got {held_out}")
    if isinstance(series, tuple | dict | set | Dataset):
        raise TypeError(
            f"split: series must be a string, a list or an array, got {_host.kind_of(series)}. "
            "Split each of its parts with the same held_out, before they are made a batch; a "
            "tuple of like things is split as list(things)."
        )
    try:
        count = len(series)
        kept = count - round(held_out * count)
        parts = series[:kept], series[kept:]
    except (TypeError, KeyError) as error:
        raise TypeError(
            f"split: series must be a string, a list or an array, got {shown(series)} ({error})"
        ) from error
    if kept in (0, count):
        raise ValueError(
            f"split: held_out={held_out} of {count} elements leaves one part empty. "
            "Take a longer series or another fraction."
        )
    return parts
