"""`NGram`: the counting model that a recurrent network must beat."""

import dataclasses
import typing

import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host

Counts = tuple[np.ndarray, np.ndarray]  # sorted codes, and how often each was seen


@typing.final
@dataclasses.dataclass(frozen=True, eq=False)
class NGram:
    """Next-symbol probabilities counted after the `order` symbols before, smoothed by Witten-Bell.

        p_k(c | context) = (count(context, c) + distinct(context) * p_{k-1}(c | shorter context))
                           / (count(context) + distinct(context))

    where `context` is the last `k` symbols, `distinct` how many different symbols followed it, and
    `p_{-1} = 1 / vocab`. Every symbol has a positive probability.

    Args:
        symbols: `Int[N]`, what is counted.
        order: how many symbols of context; 0 counts single symbols.
        vocab: how many symbols there are.

    Reference: I. Witten & T. Bell, IEEE Transactions on Information Theory 37 (1991), method C.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> model = tasks.NGram(np.tile([0, 1, 2], 100), order=2, vocab=3)
        >>> bool(model.surprisal(np.tile([0, 1, 2], 10))[2:].max() < 0.01)
        True
    """

    symbols: ArrayLike = dataclasses.field(repr=False)
    order: int
    vocab: int
    _tables: list[tuple[Counts, Counts, Counts]] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check.sizes("NGram", vocab=self.vocab)
        _check.integers("NGram", 0, order=self.order)
        if self.order >= 63 or self.vocab ** (self.order + 1) >= 2**63:
            raise ValueError(
                f"NGram: {self.vocab} symbols in contexts of {self.order} are too many to number; "
                "use a smaller order"
            )
        symbols = self._checked(self.symbols)
        object.__setattr__(self, "_tables", [self._count(symbols, k) for k in self._orders])

    def surprisal(self, symbols: ArrayLike) -> np.ndarray:
        """`-log p(symbol | symbols before)` of each symbol, in nats; contexts grow from nothing."""
        values = self._checked(symbols)
        probability = np.full(len(values), 1 / self.vocab)
        for k, (pairs, contexts, distinct) in zip(self._orders, self._tables, strict=True):
            context, pair = self._codes(values, k)
            seen, kinds = _look_up(contexts, context), _look_up(distinct, context)
            shorter = probability[k:]
            mixed = (_look_up(pairs, pair) + kinds * shorter) / np.maximum(seen + kinds, 1)
            probability[k:] = np.where(seen > 0, mixed, shorter)
        return -np.log(probability)

    @property
    def _orders(self) -> range:
        return range(self.order + 1)

    def _count(self, symbols: np.ndarray, k: int) -> tuple[Counts, Counts, Counts]:
        context, pair = self._codes(symbols, k)
        pairs = np.unique(pair, return_counts=True)
        distinct = np.unique(pairs[0] // self.vocab, return_counts=True)
        return pairs, np.unique(context, return_counts=True), distinct

    def _codes(self, symbols: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """One number for the `k` symbols before each symbol, and one with the symbol too."""
        count = max(len(symbols) - k, 0)
        context = np.zeros(count, np.int64)
        for back in range(k, 0, -1):
            context = context * self.vocab + symbols[k - back : k - back + count]
        return context, context * self.vocab + symbols[k:]

    def _checked(self, symbols: ArrayLike) -> np.ndarray:
        values = _host.read("NGram", "symbols", symbols)
        if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
            raise TypeError(
                f"NGram: symbols must be a sequence of integers, got {values.dtype}{values.shape}"
            )
        if values.size and not 0 <= values.min() <= values.max() < self.vocab:
            raise ValueError(
                f"NGram: symbols must lie in [0, {self.vocab}), got {values.min()} to "
                f"{values.max()}"
            )
        return values.astype(np.int64)


def _look_up(counts: Counts, codes: np.ndarray) -> np.ndarray:
    known, numbers = counts
    if not len(known):
        return np.zeros(len(codes))
    at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[at] == codes, numbers[at], 0)
