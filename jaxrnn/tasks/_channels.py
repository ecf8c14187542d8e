"""Noisy channels over a hidden Markov source: the result is one as well."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _check
from .._checked import checked
from .._typing import Leaf
from ._hmm import HMM
from ._probabilities import given, numbers, probability, rows


@checked
def channel(source: HMM, matrix: ArrayLike) -> HMM:
    """A source seen through a memoryless channel: `matrix[x, y]` is the probability of `y` for `x`.

        transitions'[y, s, t] = sum_x matrix[x, y] transitions[x, s, t]

    Args:
        source: what goes in.
        matrix: `[V, W]`, whose rows sum to 1.

    Raises:
        TypeError: another kind of source.
        ValueError: a matrix of another shape, or rows that are no distributions.

    Example:
        >>> from jaxrnn import tasks
        >>> coarse = tasks.channel(tasks.mess3(), [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> coarse.vocab
        2
    """
    return _seen_through("channel", source, matrix)


@checked
def binary_symmetric(source: HMM, flip: Leaf) -> HMM:
    """A source of two symbols, each flipped with probability `flip`, independently.

    Raises:
        TypeError: another kind of source.
        ValueError: `flip` is not in [0, 1], or the source has another number of symbols.

    Example:
        >>> from jaxrnn import information, tasks
        >>> noisy = tasks.binary_symmetric(tasks.markov([[0.9, 0.1], [0.1, 0.9]]), 0.1)
        >>> lower, upper = tasks.entropy_rate_bounds(noisy, 14)
        >>> print(f"{information.to_bits(lower[-1]):.5f} {information.to_bits(upper[-1]):.5f}")
        0.76660 0.76660
    """
    flip = probability("binary_symmetric", "flip", flip)
    _check.kind("binary_symmetric", "source", source, HMM)
    if source.vocab != 2:
        raise ValueError(
            f"binary_symmetric: the source must have 2 symbols, got {source.vocab}. Use "
            "`channel(source, matrix)`."
        )
    xp, flip = numbers(flip)
    matrix = xp.stack([xp.stack([1 - flip, flip]), xp.stack([flip, 1 - flip])])
    return _seen_through("binary_symmetric", source, matrix)


@checked
def erasure(source: HMM, rate: Leaf) -> HMM:
    """A source of which each symbol is lost with probability `rate`, independently.

    A lost one shows as one more symbol, `source.vocab`. Of a source without memory the entropy rate
    is that of what is lost, and `1 - rate` of the source's own.

    Raises:
        TypeError: another kind of source.
        ValueError: `rate` is not in [0, 1].

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> seen = tasks.erasure(tasks.periodic([0, 1]), 0.25)
        >>> print(np.exp(-seen.surprisal(np.array([2, 1, 2, 1]))).round(3))
        [0.25  0.375 0.25  0.75 ]
    """
    rate = probability("erasure", "rate", rate)
    _check.kind("erasure", "source", source, HMM)
    xp, rate = numbers(rate)
    shape = (source.vocab, source.vocab + 1)
    _check.memory("erasure", "the channel", shape, np.float64, "Take a source of fewer symbols.")
    kept = (1 - rate) * xp.eye(source.vocab)
    lost = rate * xp.ones((source.vocab, 1))
    return _seen_through("erasure", source, xp.concatenate([kept, lost], axis=1))


def _seen_through(who: str, source: HMM, matrix: Any) -> HMM:
    _check.kind(who, "source", source, HMM)
    xp, transitions, matrix = numbers(source.table(who), given(who, "the matrix", matrix))
    if matrix.ndim != 2 or len(matrix) != source.vocab:
        raise ValueError(
            f"{who}: the matrix must be [V, W] with V = {source.vocab}, got shape {matrix.shape}"
        )
    rows(who, "the matrix", matrix)
    shape, remedy = (matrix.shape[1], source.states, source.states), "Take fewer symbols."
    _check.memory(who, "the transitions", shape, np.float64, remedy)
    return HMM(xp.tensordot(matrix.T, transitions, axes=1), source.initial)
