"""What models know as they read sequences: the next symbol's distribution, and what it adds."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .. import _check
from .._numerics import exact_log_softmax, expectation, own_logit, possible
from .._typing import Array, ArrayLike, Carry
from ._model import SequenceModel


class Reading(NamedTuple):
    """What models know after a symbol: their carries, the next symbol's distribution, its scores.

    The score of a symbol is what it adds to the sum whose expectation is wanted: of one model its
    surprisal, of two models the logarithm of their ratio.
    """

    carries: Any
    log_p: Float[Array, "*many V"]
    score: Float[Array, "*many V"]

    def expected(self) -> Float[Array, "*many"]:
        """The expectation of the next score, given everything before."""
        return expectation(jnp.exp(self.log_p), self.score)


Models = tuple[SequenceModel, ...]
"""One model, or `p` and `q`."""


def begin(models: Models) -> tuple[Any, tuple[Array, ...]]:
    """The carries and symbols before the first reading."""
    carries = tuple(jax.tree.map(jnp.asarray, model.carry) for model in models)
    return carries, tuple(jnp.asarray(model.start).astype(jnp.int32) for model in models)


def read(models: Models, carries: Any, symbols: tuple[Array, ...], begun: Any) -> Reading:
    """Let every model read its symbol; `begun` is False at the first one, which cannot stop."""
    carries, log_ps = zip(
        *(_read(*each, begun) for each in zip(models, carries, symbols, strict=True)), strict=True
    )
    log_p = log_ps[0]
    impossible = jnp.exp(log_p) == 0
    own = jnp.where(impossible, 0, log_p)
    if len(models) == 1:
        return Reading(carries, log_p, -own)
    other = jnp.where(impossible, 0, log_ps[1].astype(log_p.dtype))
    return Reading(carries, log_p, own - other)


def _read(
    model: SequenceModel, carry: Carry, symbol: Array, begun: Any
) -> tuple[Carry, Float[Array, " V"]]:
    carry, logits = model.step(carry, symbol)
    log_p = exact_log_softmax(possible("SequenceModel", "logits", logits, None))
    if model.stop is not None:
        over = jnp.where(jnp.arange(log_p.size) == model.stop, 0, -jnp.inf).astype(log_p.dtype)
        log_p = jnp.where(begun & (symbol == model.stop), over, log_p)
    return carry, log_p


def alphabet(who: str, models: Models) -> int:
    """How many symbols the models write, once they have been checked."""
    sizes = [_symbols(who, model) for model in models]
    if len({*sizes}) > 1 or len({model.stop for model in models}) > 1:
        stops = [model.stop for model in models]
        raise ValueError(
            f"{who}: both models must write the same symbols and end with the same one, got "
            f"{sizes} symbols with stop {stops}."
        )
    return sizes[0]


def check_kind(who: str, model: SequenceModel) -> None:
    """Raise unless it is a model with a step."""
    if not isinstance(model, SequenceModel):
        raise TypeError(
            f"{who}: expected a `SequenceModel(step, carry, start)`, got {type(model).__name__}. "
            "Of a network it is `SequenceModel(functools.partial(network.step, params), "
            "network.carry(params))`."
        )


def check_written(
    who: str, symbols: ArrayLike, mask: ArrayLike | None, classes: int
) -> tuple[Array, Array]:
    """Symbols and which of them count, `[T, *batch]` both, once they have been checked."""
    symbols = _check.numbers(who, "symbols", symbols)
    if not jnp.issubdtype(symbols.dtype, jnp.integer) or symbols.ndim == 0:
        raise TypeError(
            f"{who}: symbols must be integers [T, *batch], got {_check.describe(symbols)}"
        )
    if mask is None:
        mask = jnp.ones(symbols.shape, bool)
    _check.flags(who, "mask", mask, symbols.shape)
    if _check.concrete(symbols) and _check.concrete(mask):
        seen = np.asarray(symbols)[np.asarray(mask)]
        if ((seen < 0) | (seen >= classes)).any():
            raise ValueError(
                f"{who}: symbols must lie in [0, {classes}), got {seen.min()} to {seen.max()}. "
                "Leave out padding with `mask`."
            )
    return symbols.astype(jnp.int32), jnp.asarray(mask)


def _symbols(who: str, model: SequenceModel) -> int:
    (carry,), (symbol,) = begin((model,))
    after, logits = jax.eval_shape(lambda model, *xs: model.step(*xs), model, carry, symbol)
    if logits.ndim != 1 or not logits.size or not jnp.issubdtype(logits.dtype, jnp.floating):
        raise ValueError(
            f"{who}: the model's step must give logits [V] of the next symbol, got "
            f"{_check.describe(logits)}. A model is one sequence, so its carry has no batch axes; "
            "for many use `jax.vmap`."
        )
    taken, given = (jax.tree.map(_check.describe, tree) for tree in (carry, after))
    structures: list[Any] = [jax.tree.structure(tree) for tree in (carry, after)]
    if taken != given or structures[0] != structures[1]:
        raise ValueError(
            f"{who}: the model's step must give a carry like the one that it takes, {taken}, got "
            f"{given}."
        )
    if model.stop is not None and not 0 <= model.stop < logits.size:
        raise ValueError(
            f"{who}: the model's stop must lie in [0, {logits.size}), got {model.stop}"
        )
    return logits.size


class Sequences(NamedTuple):
    """What is known of sequences that were read, step by step.

    Shapes:
        symbols: the symbols.
        log_p: their log-probabilities given the past.
        score: what they add to the sum whose expectation is wanted.
        expected: what was to be expected of that, given the past.
    """

    symbols: Int[Array, "T N"]
    log_p: Float[Array, "T N"]
    score: Float[Array, "T N"]
    expected: Float[Array, "T N"]


def roll(models: Models, count: int, choose: Callable[[Any, Array], Array], xs: Any) -> Sequences:
    """Let `count` copies of the models read on; `choose(x, log_p)` is each step's symbols `[N]`."""

    def body(state: Any, now: Any) -> tuple[Any, Sequences]:
        (carries, symbols), (t, x) = state, now
        seen = jax.vmap(read, (None, 0, 0, None))(models, carries, symbols, t > 0)
        chosen = choose(x, jax.lax.stop_gradient(seen.log_p)).astype(jnp.int32)
        log_p, score = own_logit(seen.log_p, chosen), own_logit(seen.score, chosen)
        known = Sequences(chosen, log_p, score, seen.expected())
        return (seen.carries, (chosen,) * len(models)), known

    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), begin(models))
    return jax.lax.scan(body, start, (jnp.arange(len(xs)), xs))[1]
