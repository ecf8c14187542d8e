"""`KneserNey`: the counting model of words that a recurrent network must beat."""

import dataclasses
import typing
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._typing import Size
from . import _grams
from ._grams import Counts, look_up


class _Order(NamedTuple):
    """What is kept of the runs of one length."""

    kept: Counts
    """Of each run, its count less its discount."""

    seen: Counts
    """Of each context, the counts of all runs that begin with it."""

    freed: Counts
    """Of each context, what all their discounts come to."""


@typing.final
@dataclasses.dataclass(frozen=True, eq=False)
class KneserNey:
    """Next-symbol probabilities by modified Kneser-Ney smoothing, interpolated.

        p_k(w | h) = (c(h w) - D(c(h w)) + freed(h) p_{k-1}(w | shorter h)) / sum_w c(h w)

    where `h` is the last `k` symbols and `freed(h)` the sum of the discounts of what followed it.
    At the highest order `c` counts occurrences; below it counts how many different symbols came
    *before* the run, since the shorter context is consulted where the longer one is new. There are
    three discounts for each order, for counts of 1, of 2 and of more. With `n[i]` the number of
    runs that were counted `i` times,

        D(i) = i - (i + 1) Y n[i + 1] / n[i],   Y = n[1] / (n[1] + 2 n[2]),   D(4), D(5), ... = D(3)

    or 1/2, 1 and 3/2 where one of `n[1]` to `n[4]` is 0, in samples too small to tell. Under order
    0 lies the uniform distribution, `p_{-1} = 1 / vocab`: every symbol has a positive probability.
    It is the strongest of the classical models of words; of characters see `NGram`.

    Args:
        symbols: `Int[N]`, what is counted.
        order: how many symbols of context; 2 for a trigram.
        vocab: how many symbols there are.

    Raises:
        TypeError: symbols that are not integers.
        ValueError: symbols out of range, none at all, or an order at which runs cannot be numbered.

    Reference: S. Chen & J. Goodman, "An empirical study of smoothing techniques for language
    modeling", Harvard TR-10-98 (1998), section 3.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> model = tasks.KneserNey(np.tile([0, 1, 2], 100), order=2, vocab=3)
        >>> bool(model.surprisal(np.tile([0, 1, 2], 10))[2:].max() < 0.01)
        True
    """

    symbols: ArrayLike = dataclasses.field(repr=False)
    order: Size
    vocab: Size
    _orders: list[_Order] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Count the runs of each length."""
        order, vocab = _grams.sized("KneserNey", self.order, self.vocab)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "vocab", vocab)
        symbols = _grams.checked("KneserNey", self.symbols, self.vocab)
        if len(symbols) <= self.order:
            raise ValueError(
                f"KneserNey: order={self.order} needs more than {self.order} symbols, got "
                f"{len(symbols)}"
            )
        longest = _grams.number(symbols, self.order, self.vocab)[1]
        runs, counts = np.unique(longest, return_counts=True)
        orders = []
        for k in range(self.order, -1, -1):
            orders.append(self._discounted(runs, counts))
            # How many different symbols come before what is left of a run without its first.
            runs, counts = np.unique(runs % self.vocab**k, return_counts=True)
        object.__setattr__(self, "_orders", orders[::-1])

    def surprisal(self, symbols: ArrayLike) -> np.ndarray:
        """`-log p(symbol | symbols before)` of each symbol, in nats; contexts grow from nothing."""
        values = _grams.checked("KneserNey", symbols, self.vocab)
        probability = np.full(len(values), 1 / self.vocab)
        for k, (kept, seen, freed) in enumerate(self._orders):
            context, run = _grams.number(values, k, self.vocab)
            total, shorter = look_up(seen, context), probability[k:]
            mixed = look_up(kept, run) + look_up(freed, context) * shorter
            probability[k:] = np.where(total > 0, mixed / np.maximum(total, 1), shorter)
        return -np.log(probability)

    def _discounted(self, runs: np.ndarray, counts: np.ndarray) -> _Order:
        discount = _discounts(counts)[np.minimum(counts, 3)]
        contexts, place = np.unique(runs // self.vocab, return_inverse=True)
        seen, freed = (np.bincount(place, weights) for weights in (counts, discount))
        return _Order((runs, counts - discount), (contexts, seen), (contexts, freed))


def _discounts(counts: np.ndarray) -> np.ndarray:
    """What is taken from a count of 0, 1, 2, and 3 or more."""
    n = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(float)
    if not n.all():
        return np.array([0.0, 0.5, 1.0, 1.5])
    i = np.array([1, 2, 3])
    taken = i - (i + 1) * n[0] / (n[0] + 2 * n[1]) * n[1:] / n[:-1]
    # Counts that do not fall as those of language do might ask for less than 0.
    return np.concatenate([[0.0], np.clip(taken, 0, i)])
