"""Sequences of different lengths in one array."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from .. import _check
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
        TypeError: a sequence holds no numbers, or `value` would be rounded to their dtype.
        ValueError: there are no sequences or all are empty, one is longer than `length`, or
            their features differ.

    Example:
        >>> padded = pad([[1, 2, 3], [4]])
        >>> padded.values.T.tolist(), padded.lengths.tolist()
        ([[1, 2, 3], [4, 0, 0]], [3, 1])
        >>> round(padded.waste, 3)
        0.333
    """
    arrays = [np.asarray(sequence) for sequence in sequences]
    for place, array in enumerate(arrays):
        if array.dtype.kind in "OSU" or array.ndim == 0:
            raise TypeError(
                f"pad: sequence {place} must be [T, ...] of numbers, got "
                f"{array.dtype} of shape {array.shape}. Text goes through Vocab.encode first."
            )
    filled = [array for array in arrays if len(array)]  # `[]` has no features and no true dtype
    if not filled:
        raise ValueError(f"pad: nothing to pad in {len(arrays)} sequences. Pass a sequence.")
    features = filled[0].shape[1:]
    for place, array in enumerate(arrays):
        if len(array) and array.shape[1:] != features:
            raise ValueError(
                f"pad: sequence {place} has features of shape {array.shape[1:]}, those before it "
                f"{features}. Sequences may differ in length only."
            )
    lengths = np.array([len(array) for array in arrays], np.int32)
    longest = int(lengths.max())
    if length is None:
        length = longest
    _check.sizes("pad", length=length)
    if longest > length:
        raise ValueError(
            f"pad: sequence {int(lengths.argmax())} has {longest} steps, more than "
            f"length={length}. Cut it yourself, or pass a larger length."
        )
    dtype = np.result_type(*filled)
    if dtype.kind in "biu" and not isinstance(value, int | np.integer):
        raise TypeError(f"pad: value={value!r} does not fit into {dtype}. Pass an integer.")
    values = np.full((length, len(arrays), *features), value, dtype)
    for place, array in enumerate(arrays):
        if len(array):
            values[: len(array), place] = array
    return Padded(values, lengths)


def length_mask(lengths: ArrayLike, T: int) -> Array:
    """Which steps belong to sequences of these lengths.

    Args:
        lengths: `Int[*batch]`; a sequence of length 0 has no step at all.
        T: how many steps there are.

    Returns:
        `Bool[T, *batch]`, True at step `t` where `t < lengths`.

    Raises:
        TypeError: `lengths` are not integers.
        ValueError: a length lies outside `[0, T]` (checked where lengths are concrete).

    Example:
        >>> length_mask([3, 0, 1], 3).astype(int).T.tolist()
        [[1, 1, 1], [0, 0, 0], [1, 0, 0]]
    """
    _check.sizes("length_mask", T=T)
    lengths = lengths if isinstance(lengths, jax.Array) else np.asarray(lengths)
    _check.lengths("length_mask", "lengths", lengths, (T, *lengths.shape))
    return within(jnp.asarray(lengths), T)
