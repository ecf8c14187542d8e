"""Sequences of different lengths in one array."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._checked import checked
from .._kinds import shown
from .._numerics import within
from .._typing import Array


class Padded(NamedTuple):
    """Sequences side by side, filled up at their ends.

    Shapes:
        values: `[T, B, ...]`.
        lengths: `Int32[B]`.
    """

    values: np.ndarray
    lengths: np.ndarray

    @property
    def waste(self) -> float:
        """The fraction of steps that are padding."""
        return 1.0 - float(self.lengths.sum()) / (len(self.values) * len(self.lengths))


def pad(
    sequences: Sequence[ArrayLike],
    *,
    length: int | None = None,
    value: int | float = 0,
) -> Padded:
    """Lay sequences side by side and fill them up at their ends.

    Padding stands at the end, so the first step of every sequence is step 0.

    Args:
        sequences: `[T_i, ...]` each, alike in all but their length; some may be empty.
        length: how many steps the result has; the longest sequence's, where not given.
        value: what fills the rest. It never matters where lengths or a mask are passed on.

    Raises:
        TypeError: a sequence holds no numbers, or masked ones; or `value` is none of their dtype.
        ValueError: there are no sequences or all are empty, one is longer than `length`, their
            features differ, their dtype cannot hold `value`, or memory cannot hold the result.

    Example:
        >>> padded = pad([[1, 2, 3], [4]])
        >>> padded.values.T.tolist(), padded.lengths.tolist()
        ([[1, 2, 3], [4, 0, 0]], [3, 1])
        >>> round(padded.waste, 3)
        0.333
    """
    arrays = read("pad", sequences)
    longest = max(map(len, arrays))
    if length is None:
        length = longest
    _check.sizes("pad", length=length)
    if longest > length:
        place = next(place for place, array in enumerate(arrays) if len(array) == longest)
        raise ValueError(
            f"pad: sequence {place} has {longest} steps, more than "
            f"length={length}. Cut it yourself, or pass a larger length."
        )
    return fill("pad", arrays, length, value)


def read(who: str, sequences: Sequence[ArrayLike]) -> list[np.ndarray]:
    """The sequences as arrays of one dtype and `[T_i, *features]`, at least one of them not empty.

    Raises:
        TypeError, ValueError: as `pad` says.
    """
    if _host.is_record(sequences) or isinstance(sequences, dict | set | str | bytes):
        raise TypeError(
            f"{who}: sequences must be a list of arrays, got {_host.kind_of(sequences)}. "
            "Text goes through Vocab.encode first; of a tree every part is padded by itself."
        )
    try:
        several = list(sequences)
    except TypeError as error:
        raise TypeError(f"{who}: sequences must be a list of arrays, got {error}") from error
    text = "Text goes through Vocab.encode first."
    arrays = [_host.read(who, f"sequence {n}", one, text) for n, one in enumerate(several)]
    for place, array in enumerate(arrays):
        if array.ndim == 0:
            raise TypeError(
                f"{who}: sequence {place} must be [T, ...], got the number {array}. "
                "A list of one sequence: [sequence]."
            )
    filled = [array for array in arrays if len(array)]  # `[]` has no features and no true dtype
    if not filled:
        raise ValueError(f"{who}: nothing to pad in {len(arrays)} sequences. Pass a sequence.")
    features = filled[0].shape[1:]
    for place, array in enumerate(arrays):
        if len(array) and array.shape[1:] != features:
            raise ValueError(
                f"{who}: sequence {place} has features of shape {array.shape[1:]}, those before it "
                f"{features}. Sequences may differ in length only."
            )
    try:
        dtype = np.result_type(*filled)
    except TypeError as error:
        kinds = " and ".join(dict.fromkeys(str(array.dtype) for array in filled))
        raise TypeError(
            f"{who}: sequences must have one dtype, got {kinds}. Convert them: `x.astype(dtype)`."
        ) from error
    return [
        array.astype(dtype, copy=False) if len(array) else np.zeros((0, *features), dtype)
        for array in arrays
    ]


def fill(who: str, arrays: list[np.ndarray], length: int, value: int | float) -> Padded:
    """Sequences as `read` gives them, side by side in `length` steps."""
    features, dtype = arrays[0].shape[1:], arrays[0].dtype
    shape = (length, len(arrays), *features)
    _check.memory(who, "the padded array", shape, dtype, "Pass a smaller length, or fewer at once.")
    values = np.full(shape, _held(who, value, dtype), dtype)
    for place, array in enumerate(arrays):
        values[: len(array), place] = array
    return Padded(values, np.array([len(array) for array in arrays], np.int32))


def _held(who: str, value: Any, dtype: np.dtype) -> np.ndarray:
    """`value` in that dtype; raises where it would be another one there."""
    exact = not jnp.issubdtype(dtype, np.inexact)
    kinds = (int, np.integer, np.bool_, *(() if exact else (float, np.floating)))
    if not isinstance(value, kinds):
        raise TypeError(f"{who}: value must be a number that {dtype} holds, got {shown(value)}")
    try:
        with np.errstate(all="ignore"):
            held = np.asarray(value).astype(dtype)
        fits = held == value if exact else np.isfinite(held) or not np.isfinite(value)
    except (OverflowError, TypeError):  # an integer of Python's that no dtype holds
        fits = False
    if not fits:
        raise ValueError(
            f"{who}: {dtype} cannot hold value={value!r}. Take another one, which a mask makes "
            "harmless, or convert the sequences first: `x.astype(dtype)`."
        )
    return held


@checked
def length_mask(lengths: ArrayLike, T: int) -> Array:
    """Which steps belong to sequences of these lengths.

    Args:
        lengths: `Int[*batch]`; a sequence of length 0 has no step at all.
        T: how many steps there are.

    Returns:
        `Bool[T, *batch]`, True at step `t` where `t < lengths`.

    Raises:
        TypeError: `lengths` are not integers.
        ValueError: a length lies outside `[0, T]` (checked where lengths are concrete), or memory
            cannot hold the mask.

    Example:
        >>> length_mask([3, 0, 1], 3).astype(int).T.tolist()
        [[1, 1, 1], [0, 0, 0], [1, 0, 0]]
    """
    _check.sizes("length_mask", T=T)
    lengths = _host.array("length_mask", "lengths", lengths)
    _check.memory("length_mask", "the mask", (T, *lengths.shape), bool, "Pass a smaller T.")
    _check.lengths("length_mask", "lengths", lengths, (T, *lengths.shape))
    return within(jnp.asarray(lengths), T)
