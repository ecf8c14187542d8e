"""Small sequence models whose entropies are known, and all the sequences that they write."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxrnn.generation import SequenceModel
from jaxrnn.generation._reading import roll


def _row(table, carry, symbol):
    return carry, jnp.log(table)[symbol]


def markov(*rows, start):
    """A chain whose rows are the symbols' distributions after each symbol; `start` before any."""
    return SequenceModel(partial(_row, jnp.array([*rows, start])), 0, start=len(rows))


def golden_mean():
    """No two 1s in a row; begun in its stationary distribution."""
    return markov([0.5, 0.5], [1.0, 0.0], start=[2 / 3, 1 / 3])


def flip(p):
    """A fair coin that keeps its side but with probability `p`."""
    return markov([1 - p, p], [p, 1 - p], start=[0.5, 0.5])


def independent(*p):
    """Symbols that know nothing of each other."""
    return markov(*[p] * len(p), start=p)


def _believe(matrices, belief, symbol):
    belief = belief @ matrices[symbol]
    belief = belief / belief.sum()
    return belief, jnp.log((belief @ matrices[:-1]).sum(-1))


def hidden(matrices, belief):
    """Symbols `x` of a machine that moves by `matrices[x]`; NaN after an impossible symbol."""
    matrices, belief = jnp.array(matrices), jnp.array(belief)
    symbols = len(matrices)
    unread = jnp.eye(len(belief))[None]
    return SequenceModel(
        partial(_believe, jnp.concatenate([matrices, unread])), belief, start=symbols
    )


class Weights(NamedTuple):
    """A small network: embeddings with a row for the start, recurrent matrix, output."""

    embedding: jax.Array
    recurrent: jax.Array
    output: jax.Array


def _network(weights, h, symbol):
    h = jnp.tanh(weights.recurrent @ h + weights.embedding[symbol])
    return h, h @ weights.output


def network(weights):
    """The network that reads what it writes."""
    hidden, symbols = weights.output.shape
    return SequenceModel(partial(_network, weights), jnp.zeros(hidden), start=symbols)


@jax.jit
def three_units():
    """The weights of the gradient test: 2 symbols, 3 units."""
    keys = jax.random.split(jax.random.key(3), 4)
    return Weights(
        jax.random.normal(keys[0], (3, 3)),
        jax.random.normal(keys[1], (3, 3)),
        2 * jax.random.normal(keys[2], (3, 2)),
    )


def random_weights(key, symbols, hidden):
    """Weights of a network that is neither uniform nor certain."""
    keys = jax.random.split(key, 3)
    return Weights(
        jax.random.normal(keys[0], (symbols + 1, hidden)),
        jax.random.normal(keys[1], (hidden, hidden)) * 1.5 / np.sqrt(hidden),
        jax.random.normal(keys[2], (hidden, symbols)) * 1.5,
    )


def all_strings(symbols, length):
    """`Int[T, V ** T]`."""
    return np.indices((symbols,) * length).reshape(length, -1)


def read_all(models, symbols, length):
    """What the models know along every sequence."""
    strings = jnp.asarray(all_strings(symbols, length))
    return roll(models, strings.shape[1], lambda symbol, _: symbol, strings)


class Sums(NamedTuple):
    """Of every sequence: its probability, drawn sum `S`, and sum `R` of expectations."""

    p: jax.Array
    drawn: jax.Array
    expected: jax.Array


def sums(models, symbols, length):
    """All that the exact variances of the estimators take."""
    known = read_all(models, symbols, length)
    possible = (known.log_p > -jnp.inf).all(0)  # what comes after an impossible symbol may be NaN
    p = jnp.where(possible, jnp.exp(known.log_p.sum(0)), 0)
    return Sums(p, known.score.sum(0), known.expected.sum(0))


class Variances(NamedTuple):
    """Exact variances of one sequence's contribution, and the slope of the last."""

    mean: np.ndarray
    mc: np.ndarray
    rb: np.ndarray
    cv: np.ndarray
    slope: np.ndarray


def variances(sums):
    """By the sum over all sequences, which are the last axis."""
    p, drawn, expected = (np.asarray(x) for x in sums)
    over = lambda x: (p * x).sum(-1)  # noqa: E731
    mean = over(drawn)
    off, noise = expected - mean[..., None], drawn - expected
    both, square = over(off * noise), over(noise**2)
    safe = np.where(square > 1e-20, square, 1)
    slope = np.where(square > 1e-20, -both / safe, 0)
    mc = over((drawn - mean[..., None]) ** 2)
    return Variances(mean, mc, over(off**2), over(off**2) + slope * both, slope)
