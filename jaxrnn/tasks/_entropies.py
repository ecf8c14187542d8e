"""Entropies of hidden Markov sources, in nats."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._typing import Array
from ._chain import conditional_entropies, distinct_futures
from ._hmm import HMM
from ._probabilities import entropy, numbers


class Bounds(NamedTuple):
    """An entropy rate between two sequences of bounds, in nats.

    Shapes:
        lower: `[length]`, `H(X[n] | X[0], ..., X[n-1], S[0])`, which never falls.
        upper: `[length]`, `H(X[n] | X[0], ..., X[n-1])`, which never rises.
    """

    lower: Float[Array, "length"]
    upper: Float[Array, "length"]


@checked
def entropy_rate_bounds(source: HMM, length: int) -> Bounds:
    """Bounds of the entropy rate that meet as the context grows from 0 to `length - 1` symbols.

    Where the source is unifilar, the lower one is exact at once. The upper one is also the least
    loss of a model of finite order: an n-gram of order `k` cannot go below `upper[k]`.

    Args:
        source: of which the stationary process is taken.
        length: how many bounds. The words of that length are gone through, where those with the
            same future count as one.

    Raises:
        TypeError: a length that is not an integer, or another kind of source.
        ValueError: a length below 1, or too many words to go through.

    Reference:
        T. Cover & J. Thomas, Elements of Information Theory, chapter 4, "Functions of Markov
        chains".

    Example:
        >>> from jaxrnn import tasks
        >>> lower, upper = tasks.entropy_rate_bounds(tasks.sns(), 8)
        >>> print(f"{lower[-1]:.5f} to {upper[-1]:.5f} nats")
        0.46984 to 0.46987 nats
    """
    _checked("entropy_rate_bounds", source, length)
    xp, start = numbers(source.limit("entropy_rate_bounds"))
    known = start[:, None] * xp.eye(len(start), dtype=start.dtype)
    lower, upper = (
        conditional_entropies("entropy_rate_bounds", source.transitions, rows, length)
        for rows in (known, start[None])
    )
    return Bounds(jnp.asarray(lower), jnp.asarray(upper))


@checked
def block_entropies(source: HMM, length: int) -> Float[Array, "length"]:
    """`H(X[0], ..., X[n])` for `n < length`, in nats, from the source's own start.

    Arguments and errors are those of `entropy_rate_bounds`.

    Example:
        >>> from jaxrnn import information, tasks
        >>> print(information.to_bits(tasks.block_entropies(tasks.coin(0.5), 3)))
        [1. 2. 3.]
    """
    _checked("block_entropies", source, length)
    start = source.first("block_entropies")
    return jnp.asarray(_blocks(source, "block_entropies", start, length).cumsum())


@checked
def excess_entropy(source: HMM, length: int) -> Float[Array, ""]:
    """`H(X[0], ..., X[length-1]) - length * h`, in nats.

    It rises with the length to the excess entropy, the information that the past holds about the
    future. `h` is the entropy rate where the source is unifilar, else the last upper bound, which
    gives a value below. Arguments and errors are those of `entropy_rate_bounds`.

    Reference:
        J. Crutchfield & D. Feldman, Chaos 13 (2003), https://arxiv.org/abs/cond-mat/0102181

    Example:
        >>> from jaxrnn import information, tasks
        >>> print(f"{information.to_bits(tasks.excess_entropy(tasks.golden_mean(), 1)):.4f}")
        0.2516
    """
    _checked("excess_entropy", source, length)
    start = source.limit("excess_entropy")
    steps = _blocks(source, "excess_entropy", start, length)
    xp, _ = numbers(steps)
    # NaN, or an error where the numbers can be read, of a source that is not unifilar.
    unifilar = source.is_unifilar()
    exact = source.given_state("excess_entropy", entropy) if unifilar is not False else steps[-1]
    return jnp.asarray((steps - xp.where(unifilar, exact, steps[-1])).sum())


@checked
def statistical_complexity(source: HMM) -> Float[Array, ""]:
    """Entropy of the stationary distribution of the hidden states, in nats.

    It is a property of this presentation. It is that of the process, the least memory that predicts
    as well as the whole past does, where the presentation is the process's epsilon-machine:
    `is_epsilon_machine(source)`.

    Reference:
        C. Shalizi & J. Crutchfield, Journal of Statistical Physics 104 (2001),
        https://arxiv.org/abs/cond-mat/9907176

    Example:
        >>> from jaxrnn import information, tasks
        >>> print(f"{information.to_bits(tasks.statistical_complexity(tasks.even())):.4f}")
        0.9183
    """
    _checked("statistical_complexity", source)
    xp, start = numbers(source.limit("statistical_complexity"))
    return jnp.asarray(entropy(xp, start))


@checked
def is_epsilon_machine(source: HMM) -> bool:
    """Whether the hidden states are the causal states of the process.

    They are where a state and a symbol determine the next state, no two states have the same
    future, and every state is visited for ever.

    Raises:
        TypeError: the transitions are traced, or this is another kind of source.

    Example:
        >>> from jaxrnn import tasks
        >>> tasks.is_epsilon_machine(tasks.even()), tasks.is_epsilon_machine(tasks.sns())
        (True, False)
    """
    _checked("is_epsilon_machine", source)
    table = source.table("is_epsilon_machine")
    if not isinstance(table, np.ndarray):
        raise TypeError("is_epsilon_machine: the transitions are traced; ask outside of `jit`")
    recurrent = bool((source.limit("is_epsilon_machine") > 0).all())
    return recurrent and bool(source.is_unifilar()) and distinct_futures(table) == source.states


@checked
def best_accuracy(source: HMM) -> Float[Array, ""]:
    """`sum_s pi[s] max_x p(x | s)`: how often the best guess of the next symbol is right.

    Raises:
        TypeError: another kind of source.
        ValueError: the source is not unifilar. (NaN where the transitions are traced.)

    Example:
        >>> from jaxrnn import tasks
        >>> print(f"{tasks.best_accuracy(tasks.rrxor()):.4f}")
        0.6667
    """
    _checked("best_accuracy", source)
    return jnp.asarray(source.given_state("best_accuracy", lambda xp, p: xp.max(p, axis=-1)))


@checked
def mutual_information(source: HMM, lag: int) -> Float[Array, ""]:
    """`I(X[t]; X[t + lag])` of the stationary process, in nats.

    Raises:
        TypeError: a lag that is not an integer, or another kind of source.
        ValueError: a lag below 1.

    Example:
        >>> from jaxrnn import information, tasks
        >>> nats = [tasks.mutual_information(tasks.golden_mean(), lag) for lag in (1, 2, 3)]
        >>> print(" ".join(f"{information.to_bits(value):.4f}" for value in nats))
        0.2516 0.0441 0.0116
    """
    _checked("mutual_information", source, lag, "lag")
    xp, table = numbers(source.table("mutual_information"))
    first = xp.tensordot(source.limit("mutual_information"), table, axes=(0, 1))
    joint = first @ xp.linalg.matrix_power(table.sum(0), lag - 1) @ table.sum(-1).T
    parts = joint.sum(0), joint.sum(1), joint.reshape(-1)
    x, y, both = (entropy(xp, part) for part in parts)
    return jnp.asarray(x + y - both)


def _blocks(source: HMM, who: str, start: Any, length: int) -> Any:
    """How much each symbol adds to the entropy of a block."""
    return conditional_entropies(who, source.transitions, start[None], length)


def _checked(who: str, source: Any, count: int = 1, name: str = "length") -> None:
    _check.kind(who, "source", source, HMM)
    _check.sizes(who, **{name: count})
