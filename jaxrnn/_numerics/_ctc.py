"""What the alignments of connectionist temporal classification have come to."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from .. import _check
from .._typing import Array, ArrayLike
from ._labels import in_range
from ._logsumexp import exact_logsumexp
from ._placing import alike
from ._softmax import finite_constant, real


class CTCForward(NamedTuple):
    """What the alignments have come to: the mass after each step over that before, as logarithms.

    The steps add up to the total but for the last of them, at whose end the labels must be read to
    their own end: `end` is the logarithm of the share of the mass that has.
    """

    total: Float[Array, "*batch"]
    steps: Float[Array, "T *batch"]
    end: Float[Array, "*batch"]


def ctc_forward(
    who: str,
    scores: ArrayLike,
    labels: ArrayLike,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    blank: int,
) -> CTCForward:
    """From the first step to the last, over the places between and at the labels."""
    scores = real(who, "scores", scores)
    labels, lengths, valid = check_ctc(who, scores, labels, lengths, mask, blank)
    return _forward(scores, labels, lengths, valid, blank)


@partial(jax.jit, static_argnames="blank")
def _forward(scores: Array, labels: Array, lengths: Array, valid: Array, blank: int) -> CTCForward:
    scores = jnp.where(jnp.broadcast_to(valid[..., None], scores.shape), scores, 0)
    labels = jnp.moveaxis(labels, 0, -1)  # [*batch, U]

    # Places: a blank, the first label, a blank, the second label, ..., a blank.
    places = 2 * labels.shape[-1] + 1
    symbols = jnp.full((*labels.shape[:-1], places), blank, jnp.int32).at[..., 1::2].set(labels)
    place = jnp.broadcast_to(jnp.arange(places, dtype=jnp.int32), symbols.shape)
    odd, last = place % 2 == 1, 2 * lengths[..., None]
    legal = (symbols >= 0) & ((symbols != blank) | ~odd) & (place <= last)
    index = jnp.broadcast_to(jnp.where(legal, symbols, 0), (len(scores), *symbols.shape))
    emitted = jnp.take_along_axis(scores, index, axis=-1)
    emitted = jnp.where(jnp.broadcast_to(legal, emitted.shape), emitted, -jnp.inf)
    # Numbers that are added up stay small, whatever constant is in the scores.
    tops = finite_constant(jnp.max(emitted, axis=-1))
    emitted = emitted - tops[..., None]
    # From label to label without a blank between them, unless they are the same.
    skips = odd & (symbols != _shift(symbols, 2, blank))

    def body(state: tuple[Array, Array], now: tuple[Array, Array]) -> Any:
        (mass, before), (emitted, valid) = state, now
        over_two = jnp.where(skips, _shift(mass, 2, -jnp.inf), -jnp.inf)
        moved = jnp.stack([mass, _shift(mass, 1, -jnp.inf), over_two], axis=-1)
        new = exact_logsumexp(moved) + emitted
        # The mass is kept at 1, so that its logarithm keeps its digits. What is taken off is a
        # constant: `after` is 0, and has the derivative of all the mass that there is.
        come_to = exact_logsumexp(new)
        level = finite_constant(come_to)
        dead = come_to == -jnp.inf
        after = jnp.where(dead, 0, come_to - level)
        step = jnp.where(dead, come_to, come_to - before)
        mass = jnp.where(valid[..., None], new - level[..., None], mass)
        state = mass, jnp.where(valid, after, before)
        return state, (jnp.where(valid, step, 0), jnp.where(valid, level, 0))

    # Before the first step all is at the first blank, from where its label is one place away.
    mass = jnp.where(place == 0, 0.0, -jnp.inf).astype(scores.dtype)
    start = mass, jnp.zeros_like(mass[..., 0])
    (mass, before), (steps, levels) = jax.lax.scan(body, *alike((start, (emitted, valid))))
    end = exact_logsumexp(jnp.where((place == last) | (place == last - 1), mass, -jnp.inf))
    total = jnp.sum(tops, axis=0) + jnp.sum(levels, axis=0) + end
    return CTCForward(total, steps + tops, jnp.where(end == -jnp.inf, end, end - before))


def check_ctc(
    who: str,
    scores: Array,
    labels: ArrayLike,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    blank: int,
) -> tuple[Int[Array, "U *batch"], Int[Array, "*batch"], Bool[Array, "T *batch"]]:
    """Labels, -1 where unknown, lengths and mask that fit the scores, or raise."""
    batch = scores.shape[1:-1]
    if scores.ndim < 2 or isinstance(blank, bool) or not isinstance(blank, int | np.integer):
        raise TypeError(
            f"{who}: expected scores [T, *batch, V] and a whole number for the blank, got "
            f"{_check.describe(scores)} and {blank!r}"
        )
    if not 0 <= blank < scores.shape[-1]:
        raise ValueError(f"{who}: blank must lie in [0, {scores.shape[-1]}), got {blank}")
    array = _check.numbers(who, "labels", labels)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{who}: labels must be integers, got {_check.describe(array)}")
    if array.ndim == 0 or array.shape[1:] != batch:
        raise ValueError(
            f"{who}: labels must be [U, *batch] beside scores {scores.shape}, got {array.shape}. "
            "Time leads there too: use `jnp.swapaxes(labels, 0, 1)`."
        )
    if lengths is None:
        lengths = np.full(batch, len(array), np.int32)
    _check.lengths(who, "lengths", lengths, array.shape)
    if mask is None:
        mask = jnp.ones(scores.shape[:-1], bool)
    _check.flags(who, "mask", mask, scores.shape[:-1])
    if _check.concrete(labels) and _check.concrete(lengths):
        seen = np.asarray(labels)
        counts = np.arange(len(seen)).reshape(-1, *(1,) * len(batch)) < np.asarray(lengths)
        wrong = counts & ((seen < 0) | (seen >= scores.shape[-1]) | (seen == blank))
        if wrong.any():
            raise ValueError(
                f"{who}: labels must lie in [0, {scores.shape[-1]}) and not be the blank {blank}, "
                f"got {seen[wrong][0]}. Say with `lengths` which of them count."
            )
    array = array.astype(jnp.int32) if array.dtype.itemsize < 4 else array
    known = jnp.where(in_range(array, scores.shape[-1]), array, -1).astype(jnp.int32)
    lengths = jnp.clip(jnp.asarray(lengths).astype(jnp.int32), 0, len(array))
    return known, lengths, jnp.asarray(mask)


def _shift(row: Array, by: int, fill: float | int) -> Array:
    """Each place's value `by` places on, `fill` at the first."""
    pad = [(0, 0)] * (row.ndim - 1) + [(by, 0)]
    return jnp.pad(row, pad, constant_values=fill)[..., : row.shape[-1]]
