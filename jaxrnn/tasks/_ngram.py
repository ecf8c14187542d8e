"""`NGram`: the counting model that a recurrent network must beat."""

import dataclasses
import typing

import numpy as np
from numpy.typing import ArrayLike

from .._typing import Size
from . import _grams
from ._grams import Counts, look_up


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
    order: Size
    vocab: Size
    _tables: list[tuple[Counts, Counts, Counts]] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        order, vocab = _grams.sized("NGram", self.order, self.vocab)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "vocab", vocab)
        symbols = _grams.checked("NGram", self.symbols, self.vocab)
        object.__setattr__(self, "_tables", [self._count(symbols, k) for k in self._orders])

    def surprisal(self, symbols: ArrayLike) -> np.ndarray:
        """`-log p(symbol | symbols before)` of each symbol, in nats; contexts grow from nothing."""
        values = _grams.checked("NGram", symbols, self.vocab)
        probability = np.full(len(values), 1 / self.vocab)
        for k, (pairs, contexts, distinct) in zip(self._orders, self._tables, strict=True):
            context, pair = _grams.number(values, k, self.vocab)
            seen, kinds = look_up(contexts, context), look_up(distinct, context)
            shorter = probability[k:]
            mixed = (look_up(pairs, pair) + kinds * shorter) / np.maximum(seen + kinds, 1)
            probability[k:] = np.where(seen > 0, mixed, shorter)
        return -np.log(probability)

    @property
    def _orders(self) -> range:
        return range(self.order + 1)

    def _count(self, symbols: np.ndarray, k: int) -> tuple[Counts, Counts, Counts]:
        context, pair = _grams.number(symbols, k, self.vocab)
        pairs = np.unique(pair, return_counts=True)
        distinct = np.unique(pairs[0] // self.vocab, return_counts=True)
        return pairs, np.unique(context, return_counts=True), distinct
