"""Runs of symbols as numbers, and how often each occurs."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._typing import Size

Counts: TypeAlias = tuple[np.ndarray, np.ndarray]
"""Numbers of runs, sorted, and how often each was seen."""


def sized(who: str, order: Size, vocab: Size) -> tuple[int, int]:
    """Order and vocabulary as Python's integers, or raise.

    Those of numpy may be narrow, as `text.max() + 1` is of bytes, and their powers wrap.

    Raises:
        ValueError: a run of `order + 1` symbols that does not fit into a 64-bit integer.
    """
    _check.sizes(who, vocab=vocab)
    _check.integers(who, 0, order=order)
    order, vocab = int(order), int(vocab)
    if order >= 63 or vocab ** (order + 1) >= 2**63:
        raise ValueError(
            f"{who}: {vocab} symbols in contexts of {order} are too many to number; "
            "use a smaller order"
        )
    return order, vocab


def checked(who: str, symbols: ArrayLike, vocab: int) -> np.ndarray:
    """Symbols as integers in `[0, vocab)`, or raise."""
    values = _host.read(who, "symbols", symbols)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise TypeError(
            f"{who}: symbols must be a sequence of integers, got {values.dtype}{values.shape}"
        )
    if values.size and not 0 <= values.min() <= values.max() < vocab:
        raise ValueError(
            f"{who}: symbols must lie in [0, {vocab}), got {values.min()} to {values.max()}"
        )
    return values.astype(np.int64)


def number(symbols: np.ndarray, k: int, vocab: int) -> tuple[np.ndarray, np.ndarray]:
    """One number for the `k` symbols before each symbol, and one with the symbol too."""
    count = max(len(symbols) - k, 0)
    context = np.zeros(count, np.int64)
    for back in range(k, 0, -1):
        context = context * vocab + symbols[k - back : k - back + count]
    return context, context * vocab + symbols[k:]


def look_up(counts: Counts, codes: np.ndarray) -> np.ndarray:
    """How often each run was seen; 0 where it was not."""
    known, numbers = counts
    if not len(known):
        return np.zeros(len(codes))
    at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[at] == codes, numbers[at], 0)
