"""The classical processes, each a hidden Markov source."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._checked import checked
from .._typing import Leaf
from ._hmm import HMM
from ._probabilities import given, numbers, probability, rows, table


@checked
def coin(p: Leaf = 0.5) -> HMM:
    """Independent tosses that show 1 with probability `p`: entropy rate `H(p)`, no memory.

    Example:
        >>> from jaxrnn import information, tasks
        >>> print(f"{information.to_bits(tasks.coin(0.7).entropy_rate()):.4f}")
        0.8813
    """
    p = probability("coin", "p", p)
    return HMM(table([[[1 - p]], [[p]]]))


@checked
def iid(probabilities: ArrayLike) -> HMM:
    """Independent symbols, each drawn from the distribution `[V]`.

    Example:
        >>> from jaxrnn import tasks
        >>> print(f"{tasks.iid([0.7, 0.2, 0.1]).entropy_rate():.4f}")
        0.8018
    """
    _, p = numbers(given("iid", "probabilities", probabilities))
    if p.ndim != 1 or not p.size:
        raise ValueError(f"iid: probabilities must be [V], got shape {p.shape}")
    rows("iid", "probabilities", p, of="the distribution")
    return HMM(p[:, None, None])


@checked
def markov(matrix: ArrayLike, initial: ArrayLike | None = None) -> HMM:
    """A Markov chain whose states are seen: `matrix[i, j]` is the probability of `j` after `i`.

    Entropy rate `sum_i pi[i] H(matrix[i])`. The state of the source is the symbol before, so that
    `initial` is the distribution of the one before the first; it is stationary where not given.

    Args:
        matrix: `[V, V]`, whose rows sum to 1.
        initial: `[V]`.

    Raises:
        ValueError: a matrix of another shape, rows that are no distributions, or several stationary
            distributions and no `initial`.

    Example:
        >>> import math
        >>> from jaxrnn import tasks
        >>> chain = tasks.markov([[0.9, 0.1], [0.2, 0.8]])
        >>> print(chain.stationary(), f"{chain.entropy_rate() / math.log(2):.4f} bits")
        [0.6666667  0.33333334] 0.5533 bits
    """
    xp, moves = numbers(given("markov", "matrix", matrix))
    _square("markov", "matrix", moves)
    _check_transitions("markov", len(moves), len(moves))
    first = _initial("markov", initial, len(moves))
    return HMM(xp.eye(len(moves), dtype=moves.dtype)[:, None] * moves[None], first)


@checked
def hidden_markov(
    transitions: ArrayLike, emissions: ArrayLike, initial: ArrayLike | None = None
) -> HMM:
    """A chain of hidden states that emit: `T[x, s, t] = emissions[s, x] transitions[s, t]`.

    Args:
        transitions: `[S, S]`, whose rows sum to 1.
        emissions: `[S, V]`, whose rows sum to 1.
        initial: `[S]`, the distribution of the state that emits first; stationary, where not given.

    Raises:
        ValueError: shapes that do not fit, rows that are no distributions, or several stationary
            distributions and no `initial`.

    Example:
        >>> from jaxrnn import tasks
        >>> source = tasks.hidden_markov([[0.7, 0.3], [0.4, 0.6]], [[0.9, 0.1], [0.2, 0.8]])
        >>> source.transitions.shape
        (2, 2, 2)
    """
    who = "hidden_markov"
    moves, shown = given(who, "transitions", transitions), given(who, "emissions", emissions)
    _, moves, shown = numbers(moves, shown)
    _square("hidden_markov", "transitions", moves)
    if shown.ndim != 2 or len(shown) != len(moves):
        raise ValueError(
            f"hidden_markov: emissions must be [S, V] with S = {len(moves)}, got shape "
            f"{shown.shape}"
        )
    rows("hidden_markov", "emissions", shown)
    _check_transitions("hidden_markov", shown.shape[1], len(moves))
    first = _initial("hidden_markov", initial, len(moves))
    return HMM(shown.T[:, :, None] * moves[None], first)


@checked
def periodic(word: Sequence[int]) -> HMM:
    """A word over and over, from a place drawn at random: entropy rate 0.

    Args:
        word: symbols of at least 0; its length is the period where no shorter word repeats in it.

    Raises:
        TypeError: symbols that are not integers.
        ValueError: an empty word, or a symbol below 0.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> observed = np.array([0, 0, 1, 0])  # the first 0 may be either
        >>> print(np.exp(-tasks.periodic([0, 0, 1]).surprisal(observed)).round(3))
        [0.667 0.5   1.    1.   ]
    """
    symbols = _host.read("periodic", "the word", word)
    if not np.issubdtype(symbols.dtype, np.integer) and symbols.size:
        raise TypeError(f"periodic: the word must hold integers, got {symbols.dtype}")
    if symbols.ndim != 1 or not symbols.size or symbols.min() < 0:
        raise ValueError(f"periodic: the word must be symbols of at least 0, got {word!r}")
    _check_transitions("periodic", int(symbols.max()) + 1, len(symbols))
    places = np.arange(len(symbols))
    transitions = np.zeros((int(symbols.max()) + 1, len(symbols), len(symbols)))
    transitions[symbols, places, np.roll(places, -1)] = 1
    return HMM(transitions)


@checked
def golden_mean(p: Leaf = 0.5) -> HMM:
    """No two 0s in a row: after a 1 comes a 0 with probability `p`, after a 0 always a 1.

    Order 1: the last symbol says all. At `p = 1/2` the entropy rate is 2/3 bit, the statistical
    complexity 0.918 bits and the excess entropy 0.252 bits.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> log_probs = tasks.golden_mean().filter(np.array([1, 0, 1])).log_probs
        >>> print(np.exp(log_probs[1:]).round(3))  # after a 1, after a 0
        [[0.5 0.5]
         [0.  1. ]]
    """
    p = probability("golden_mean", "p", p)
    return HMM(table([[[0.0, p], [0.0, 0.0]], [[1 - p, 0.0], [1.0, 0.0]]]))


@checked
def even(p: Leaf = 0.5) -> HMM:
    """1s come in runs of even length; between runs, a 0 comes with probability `p`.

    Two states, and yet no finite number of symbols says which: a model of any finite order stays
    above the entropy rate. At `p = 1/2` that is 2/3 bit; complexity and excess entropy are 0.918
    bits.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> print(np.exp(-tasks.even().surprisal(np.array([0, 1, 1, 0, 1, 0]))).round(3))
        [0.333 0.5   1.    0.5   0.5   0.   ]
    """
    p = probability("even", "p", p)
    return HMM(table([[[p, 0.0], [0.0, 0.0]], [[0.0, 1 - p], [1.0, 0.0]]]))


@checked
def rrxor(p: Leaf = 0.5) -> HMM:
    """Two random bits, which are 1 with probability `p`, then their exclusive or; and again.

    Where a triple begins has to be inferred. At `p = 1/2` the entropy rate is 2/3 bit, complexity
    and excess entropy are 2.252 bits.

    Example:
        >>> import math
        >>> from jaxrnn import tasks
        >>> print(f"{tasks.rrxor().entropy_rate() / math.log(2):.4f} bits a symbol")
        0.6667 bits a symbol
    """
    p = probability("rrxor", "p", p)
    q, o = 1 - p, 0.0
    # States: a triple begins; after a 0, after a 1; to come a 0, to come a 1.
    zero = [[o, q, o, o, o], [o, o, o, q, o], [o, o, o, o, q], [1.0, o, o, o, o], [o] * 5]
    one = [[o, o, p, o, o], [o, o, o, o, p], [o, o, o, p, o], [o] * 5, [1.0, o, o, o, o]]
    return HMM(table([zero, one]))


@checked
def sns(p: Leaf = 0.5, q: Leaf = 0.5) -> HMM:
    """The simple nonunifilar source: two states emit 1s, a 0 leads from the second to the first.

    The first state is left with probability `p`, unseen, and the second one with probability `q`,
    which the 0 shows. After every 1 the belief is another one: predicting it takes infinitely many
    states, and its entropy rate is known by its bounds alone, 0.67787 bits at `p = q = 1/2`.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> states = tasks.sns().filter(np.array([0, 1, 1, 1])).states
        >>> print(np.asarray(states)[:, 1].round(3))  # the probability to be in the second
        [0.    0.5   0.667 0.75 ]
    """
    p, q = probability("sns", "p", p), probability("sns", "q", q)
    return HMM(table([[[0.0, 0.0], [q, 0.0]], [[1 - p, p], [0.0, 1 - q]]]))


@checked
def mess3(x: Leaf = 0.15, a: Leaf = 0.6) -> HMM:
    """Three states and three symbols, whose beliefs form a fractal.

    A state stays with probability `1 - 2 x`, else goes to another one; the state that is gone to
    shows its own symbol with probability `a`, else another one.

    Args:
        x: the probability of each other state, in [0, 1/2].
        a: how well a symbol shows the state.

    Reference:
        A. Shai, S. Marzen, L. Teixeira, A. Gietelink Oldenziel, P. Riechers, 2024,
        https://arxiv.org/abs/2405.15943

    Example:
        >>> from jaxrnn import tasks
        >>> bounds = tasks.entropy_rate_bounds(tasks.mess3(), 7)
        >>> print(bounds.lower[-1] <= 1.088888 <= bounds.upper[-1])
        True
    """
    x, a = probability("mess3", "x", x), probability("mess3", "a", a)
    if not _check.holds(lambda x: x <= 1 / 2, x):
        raise ValueError(f"mess3: x must lie in [0, 1/2], got {x}")
    stays, shown = 1 - 2 * x, (1 - a) / 2
    moves = table([[stays if i == j else x for j in range(3)] for i in range(3)])
    seen = table([[a if i == j else shown for j in range(3)] for i in range(3)])
    return HMM(seen.T[:, None] * moves[None])


def _square(who: str, name: str, matrix: Any) -> None:
    if matrix.ndim != 2 or len(matrix) != matrix.shape[1] or not matrix.size:
        raise ValueError(f"{who}: {name} must be a square matrix, got shape {matrix.shape}")
    rows(who, name, matrix)


def _initial(who: str, initial: ArrayLike | None, states: int) -> Any:
    if initial is None:
        return None
    _, p = numbers(given(who, "initial", initial))
    if p.shape != (states,):
        raise ValueError(f"{who}: initial must be [S] = ({states},), got shape {p.shape}")
    return p


def _check_transitions(who: str, vocab: int, states: int) -> None:
    shape, remedy = (vocab, states, states), "Take fewer symbols or states."
    _check.memory(who, "the transitions", shape, np.float64, remedy)
