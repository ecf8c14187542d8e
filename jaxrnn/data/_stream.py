"""`Stream`: one long text as parallel, contiguous streams."""

import dataclasses
import typing

import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from ._batch import Batch
from ._dataset import Dataset


@typing.final
@dataclasses.dataclass(frozen=True, eq=False)
class Stream(Dataset):
    """A long sequence of tokens, read by `batch` readers, `length` steps at a time.

    The readers start at evenly spaced places, and batch `k` of an epoch holds the next `length`
    steps of each: a carry handed from batch to batch remembers all that its reader has read. The
    target of a token is the token after it. In one epoch every token but the first of the text is
    a target exactly once: a reader stops where the next one starts, and predicts that token last.

    Where readers and steps do not divide the text, the last batch is masked at its end, and every
    batch has a `mask`; where they do (`len(tokens) - 1` is a multiple of `batch * length`), `mask`
    is `None`, which is a little faster. `resets` is True at the first step of an epoch only.

    Shapes:
        inputs, targets: `Int32[length, batch]`; 0, which is `Vocab.padding`, where masked.
        mask, resets: `Bool[length, batch]`.

    Args:
        tokens: `Int[N]`, as from `Vocab.encode`.
        batch: how many readers.
        length: how many steps a batch has.

    Raises:
        TypeError: tokens or sizes are not integers, or tokens are masked.
        ValueError: tokens are not `[N]`, are negative, or are fewer than `batch + 1`; or memory
            cannot hold a batch.

    Example:
        >>> stream = Stream(list(range(10, 17)), batch=2, length=2)
        >>> len(stream)
        2
        >>> stream[0].inputs.T.tolist(), stream[0].targets.T.tolist()
        ([[10, 11], [13, 14]], [[11, 12], [14, 15]])
        >>> stream[1].targets.T.tolist(), stream[1].mask.T.tolist()
        ([[13, 0], [16, 0]], [[True, False], [True, False]])
    """

    tokens: ArrayLike = dataclasses.field(repr=False)
    batch: int = dataclasses.field(kw_only=True)
    length: int = dataclasses.field(kw_only=True)
    _starts: np.ndarray = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check.sizes("Stream", batch=self.batch, length=self.length)
        remedy = "Make tokens with Vocab.encode."
        tokens = _host.read("Stream", "tokens", self.tokens, remedy)
        if not np.issubdtype(tokens.dtype, np.integer):
            raise TypeError(
                f"Stream: tokens must be integers, got {tokens.dtype}. "
                "Make them with Vocab.encode; a series of measurements goes through windows."
            )
        if tokens.ndim != 1:
            raise ValueError(f"Stream: tokens must be [N], got shape {tokens.shape}")
        if len(tokens) < self.batch + 1:
            raise ValueError(
                f"Stream: batch={self.batch} and length={self.length} need at least "
                f"{self.batch + 1} tokens ({self.batch * self.length + 1} fill one batch), "
                f"got {len(tokens)}. Take a longer text or a smaller batch."
            )
        if tokens.min() < 0 or tokens.max() > np.iinfo(np.int32).max:
            raise ValueError(
                f"Stream: tokens must lie in [0, 2**31), got {tokens.min()} to {tokens.max()}"
            )
        shape = (self.length, self.batch)
        _check.memory("Stream", "a batch", shape, np.int64, "Take a smaller length.")
        object.__setattr__(self, "tokens", tokens)
        starts = (len(tokens) - 1) * np.arange(self.batch + 1) // self.batch
        object.__setattr__(self, "_starts", starts)

    def __len__(self) -> int:
        return (int(np.diff(self._starts).max()) + self.length - 1) // self.length

    def at(self, epoch: int, index: int) -> Batch:
        """Batch `index`; every epoch has the same ones."""
        places = self._starts[:-1] + np.arange(self.length)[:, None] + index * self.length
        mask = places < self._starts[1:]
        places = np.where(mask, places, 0)
        tokens = np.asarray(self.tokens)
        resets = np.zeros(mask.shape, bool)
        resets[0] = index == 0
        return Batch(
            inputs=np.where(mask, tokens[places], 0).astype(np.int32),
            targets=np.where(mask, tokens[places + 1], 0).astype(np.int32),
            mask=None if (len(tokens) - 1) % (self.batch * self.length) == 0 else mask,
            resets=resets,
        )
