"""`beam_search`: the most probable sequences that a model writes, or nearly."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from .. import _check
from .._checked import checked
from .._dtypes import at_least_float32
from .._numerics import exact_log_softmax, possible
from .._typing import Array, Leaf, Size
from ._model import SequenceModel
from ._reading import alphabet, begin


class Hypotheses(NamedTuple):
    """Sequences that a model may write, the best one first.

    Shapes:
        symbols: the symbols; after a stop symbol, it repeats.
        lengths: how many symbols count, the stop symbol included.
        log_p: the log-probability of each sequence, exact.
        score: what they are ordered by: `log_p` over the length penalty. It is `-inf` where fewer
            sequences are possible than were asked for, and the entry means nothing.
    """

    symbols: Int[Array, "width T"]
    lengths: Int[Array, " width"]
    log_p: Float[Array, " width"]
    score: Float[Array, " width"]


@checked
def beam_search(
    model: SequenceModel, length: Size, *, width: Size, length_penalty: Leaf = 0.0
) -> Hypotheses:
    r"""Search for the most probable sequences of a model, keeping `width` at a time.

        score(y) = log p(y) / ((5 + |y|) / 6) ** length_penalty

    Sequences that have ended, with the model's stop symbol, are held apart with their score, and
    are neither extended nor crowded out by longer ones; of those that go on, the `width` most
    probable are kept at each step. At the last step both are ranked together. A beam of width 1
    differs from greedy decoding in that, beside the most probable continuation, it holds the best
    sequence that could have ended before. Where the beam is as wide as there are sequences, what it
    finds is exact; else a better sequence may have been dropped on the way.

    A model is one sequence; for a batch of them use `jax.vmap` over models.

    Args:
        model: what writes: of a network `SequenceModel(partial(network.step, params), carry,
            start=..., stop=...)`.
        length: the most symbols of a sequence.
        width: how many sequences are kept, and returned.
        length_penalty: at least 0. With 0 the score is the log-probability, which prefers short
            sequences; with 1 it is about the log-probability per symbol.

    Returns:
        `Hypotheses(symbols, lengths, log_p, score)`, best first.

    Raises:
        TypeError: for a model of another kind.
        ValueError: for a size below 1, a width beyond the number of sequences that there are, a
            negative penalty, or logits that are NaN.

    Reference: Y. Wu et al., "Google's neural machine translation system", arXiv 1609.08144 (2016),
    section 7, for the penalty.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> def step(carry, symbol):  # it is likely to stop, unless the first symbol was a 1
        ...     rows = jnp.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1]])
        ...     return carry, jnp.log(rows)[symbol]
        >>> model = generation.SequenceModel(step, start=2, stop=0)
        >>> for penalty in (0.0, 3.0):
        ...     found = generation.beam_search(model, 4, width=2, length_penalty=penalty)
        ...     print(found.symbols[0], f"{jnp.exp(found.log_p[0]):.3f}")
        [0 0 0 0] 0.500
        [1 1 1 1] 0.205
    """
    who = "beam_search"
    _check.sizes(who, length=length, width=width)
    _check.at_least_0(who, length_penalty=length_penalty)
    classes = alphabet(who, (model,))
    number = _sequences(classes, length, model.stop is not None)
    if width > number:
        raise ValueError(
            f"{who}: width={width} is beyond the {number} sequences of up to {length} of {classes} "
            f"symbols that there are. With width={number} it finds the best of all."
        )
    shape = width, max(length, classes)
    _check.memory(who, "the beam", shape, jnp.float32, "Take a smaller width.")
    found, sound = _search(model, length_penalty, length=length, width=width)
    if _check.concrete(sound) and not sound:
        raise ValueError(f"{who}: the logits are NaN. The parameters may not be finite.")
    return found


class _Beam(NamedTuple):
    """Sequences, and what is needed to go on with them."""

    symbols: Array
    lengths: Array
    log_p: Array


class _State(NamedTuple):
    """Where the search is: what goes on, with its carries and last symbols, and what has ended."""

    live: _Beam
    carries: Any
    last: Array
    ended: _Beam
    sound: Array


@partial(jax.jit, static_argnames=("length", "width"))
def _search(
    model: SequenceModel, penalty: Array, *, length: int, width: int
) -> tuple[Hypotheses, Array]:
    (carry,), (start,) = begin((model,))
    dtype = at_least_float32(jax.eval_shape(model.step, carry, start)[1].dtype)
    penalty = jnp.asarray(penalty, dtype)

    def score(beam: _Beam) -> Array:
        # Of an impossible sequence it is -inf, even if a large penalty divides by infinity.
        there = beam.log_p > -jnp.inf
        scores = beam.log_p / ((5 + beam.lengths.astype(dtype)) / 6) ** penalty
        return jnp.where(there, scores, -jnp.inf)

    def best(beams: list[_Beam]) -> _Beam:
        """The best of several beams; of equals, the earlier one."""
        joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *beams)
        order = jax.lax.top_k(score(joined), width)[1]
        return jax.tree.map(lambda leaf: leaf[order], joined)

    def advance(state: _State, t: Array) -> tuple[_State, None]:
        live = state.live
        carries, logits = jax.vmap(model.step)(state.carries, state.last)
        logits = possible("beam_search", "logits", logits, None).astype(dtype)
        # A sequence that is not there has no continuation, whatever its logits.
        there = live.log_p > -jnp.inf
        sound = state.sound & ~jnp.any(jnp.isnan(logits) & there[:, None])
        log_p = jnp.where(there[:, None], live.log_p[:, None] + exact_log_softmax(logits), -jnp.inf)
        classes = log_p.shape[1]
        # Each live sequence can end in one way, so that of twice as many half at least go on.
        values, places = jax.lax.top_k(log_p.ravel(), min(2 * width, log_p.size))
        parents, chosen = places // classes, (places % classes).astype(state.last.dtype)
        grown = _Beam(
            symbols=live.symbols[parents].at[:, t].set(chosen),
            lengths=jnp.full(len(places), t + 1, live.lengths.dtype),
            log_p=values,
        )
        ended = state.ended
        if model.stop is not None:
            stops = chosen == model.stop
            ended = best([ended, grown._replace(log_p=jnp.where(stops, values, -jnp.inf))])
            grown = grown._replace(log_p=jnp.where(stops, -jnp.inf, values))
        kept = jax.lax.top_k(grown.log_p, width)[1]
        live, parents = jax.tree.map(lambda leaf: leaf[kept], (grown, parents))
        carries = jax.tree.map(lambda leaf: leaf[parents], carries)
        return _State(live, carries, chosen[kept], ended, sound), None

    blank = 0 if model.stop is None else model.stop
    none = _Beam(
        symbols=jnp.full((width, length), blank, jnp.int32),
        lengths=jnp.zeros(width, jnp.int32),
        log_p=jnp.full(width, -jnp.inf, dtype),
    )
    first = none._replace(log_p=none.log_p.at[0].set(0))
    carries, last = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (width, *leaf.shape)), (carry, start)
    )
    state = _State(first, carries, last, none, jnp.ones((), bool))
    state, _ = jax.lax.scan(advance, state, jnp.arange(length))
    found = best([state.ended, state.live])
    return Hypotheses(*found, score=score(found)), state.sound


def _sequences(classes: int, length: int, stops: bool) -> int:
    """How many sequences there are: with a stop symbol, those that end sooner too."""
    if not stops:
        return classes**length
    return sum((classes - 1) ** t for t in range(length)) + (classes - 1) ** length
