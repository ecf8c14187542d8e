"""`Windows`: batches of windows, cut when they are asked for."""

import dataclasses
import typing
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._kinds import shown
from ._batch import Batch
from ._dataset import Dataset
from ._random import permutation
from ._series import check_length, read_pair


@typing.final
@dataclasses.dataclass(frozen=True, eq=False)
class Windows(Dataset):
    """The windows of one or several series in batches, in another order each epoch.

    What `windows` cuts of each series, all windows of all series together, but a batch is cut only
    when it is asked for: what is held is the series, not `length * horizon` times their size. Every
    window appears exactly once in an epoch; where the last batch is not full, it is filled up with
    windows that are masked at every step. The order is a function of the seed and the epoch, the
    same in every version of numpy.

    Windows never leave the series that they are cut from: pass the training part of each,
    `[one[split.train] for one, split in ...]`.

    Args:
        series: a list of series, of different lengths if need be; a list of one, `[series]`.
        length: how many steps a window has.
        horizon: how many steps ahead are predicted.
        stride: how far apart the windows of a series start.
        targets: what is predicted, a list beside `series`; the series themselves if not given.
        batch: how many windows a batch has.
        seed: an integer of at least 0.

    Shapes:
        series: `[S_i]` or `[S_i, F]` each.
        inputs: `[length, batch, F]`.
        targets: `[length, batch, horizon * G]`.
        mask: `Bool[length, batch]`, or `None` if every batch is full.

    Raises:
        TypeError: `series` is no list, or a series holds no numbers or masked ones; a size or the
            seed is not an integer.
        ValueError: there is no series, one is shorter than a window and its horizon, or has a value
            that is not finite; features or lengths do not fit each other; a size is below 1; or
            memory cannot hold a batch.

    Example:
        >>> import numpy as np
        >>> several = Windows([np.arange(5.0), np.arange(10.0, 17.0)], length=3, batch=4, seed=0)
        >>> len(several), several[0].inputs.shape
        (2, (3, 4, 1))
        >>> sorted(several[0].inputs[0, :, 0].tolist() + several[1].inputs[0, :2, 0].tolist())
        [0.0, 1.0, 10.0, 11.0, 12.0, 13.0]
        >>> several[1].mask[0].tolist()
        [True, True, False, False]
    """

    series: Sequence[ArrayLike] = dataclasses.field(repr=False)
    length: int = dataclasses.field(kw_only=True)
    horizon: int = dataclasses.field(default=1, kw_only=True)
    stride: int = dataclasses.field(default=1, kw_only=True)
    targets: Sequence[ArrayLike] | None = dataclasses.field(default=None, repr=False, kw_only=True)
    batch: int = dataclasses.field(kw_only=True)
    seed: int = dataclasses.field(kw_only=True)
    _inputs: np.ndarray = dataclasses.field(init=False, repr=False)
    _wanted: np.ndarray = dataclasses.field(init=False, repr=False)
    _starts: np.ndarray = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("length", "horizon", "stride", "batch")}
        _check.sizes("Windows", **sizes)
        _check.integers("Windows", 0, seed=self.seed)
        several = _list("series", self.series)
        targets: list[Any] = [None] * len(several)
        if self.targets is not None:
            targets = _list("targets", self.targets)
        if len(targets) != len(several):
            raise ValueError(
                f"Windows: targets must be one for each of {len(several)} series, "
                f"got {len(targets)}"
            )
        pairs = [
            read_pair("Windows", one, wanted, place)
            for place, (one, wanted) in enumerate(zip(several, targets, strict=True))
        ]
        for place, (inputs, wanted) in enumerate(pairs):
            check_length("Windows", f"series {place}", len(inputs), self.length, self.horizon)
            for name, array, first in (
                ("series", inputs, pairs[0][0]),
                ("targets", wanted, pairs[0][1]),
            ):
                if array.shape[1] != first.shape[1]:
                    raise ValueError(
                        f"Windows: {name} {place} has {array.shape[1]} features, those before it "
                        f"{first.shape[1]}. Series may differ in length only."
                    )
        lengths = [len(inputs) for inputs, _ in pairs]
        offsets = np.cumsum([0, *lengths[:-1]])
        last = [steps - self.length - self.horizon for steps in lengths]
        starts = [
            offset + np.arange(0, end + 1, self.stride)
            for offset, end in zip(offsets, last, strict=True)
        ]
        object.__setattr__(self, "_inputs", np.concatenate([inputs for inputs, _ in pairs]))
        object.__setattr__(self, "_wanted", np.concatenate([wanted for _, wanted in pairs]))
        object.__setattr__(self, "_starts", np.concatenate(starts))
        shape = (self.length, self.batch, self.horizon * self._wanted.shape[1])
        _check.memory("Windows", "a batch", shape, self._wanted.dtype, "Take a smaller batch.")

    def __len__(self) -> int:
        return (len(self._starts) + self.batch - 1) // self.batch

    def at(self, epoch: int, index: int) -> Batch:
        count = len(self._starts)
        places = np.arange(index * self.batch, (index + 1) * self.batch)
        starts = self._starts[permutation(self.seed, count, epoch)[places % count]]
        steps = starts + np.arange(self.length)[:, None]
        ahead = steps[..., None] + np.arange(1, self.horizon + 1)
        mask = np.broadcast_to(places < count, steps.shape) if count % self.batch else None
        targets = self._wanted[ahead].reshape(*steps.shape, -1)
        return Batch(self._inputs[steps], targets, mask)


def _list(name: str, several: Any) -> list[Any]:
    """The series of a list."""
    if not isinstance(several, list | tuple) or _host.is_record(several):
        raise TypeError(
            f"Windows: {name} must be a list of arrays, got {shown(several)}. Of one: [{name}]."
        )
    if not several:
        raise ValueError(f"Windows: there is no series in {name}")
    return list(several)
