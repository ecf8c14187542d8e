"""Quantiles from a cdf that has no closed inverse."""

import functools
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from .._numerics import alike
from .._typing import Array


@runtime_checkable
class Distribution(Protocol):
    """What is asked of a head here."""

    discrete: bool

    def cdf_at(self, theta: Array, y: Array) -> Array: ...

    def log_prob_at(self, theta: Array, y: Array) -> Array: ...


@jax.custom_jvp
def invert(head: Distribution, theta: Array, levels: Array) -> Array:
    """The least number whose cdf is at least the level, to the last bit that the cdf tells.

    Floating numbers are ordered as the integers of their bits are, so that bisection among all of
    them takes 32 steps, or 64, whatever the scale. Its derivative is that of the equation
    `cdf(q) = level`: `dq = (dlevel - dcdf) / density`. A step of a cdf does not move.
    """
    bits = jnp.int64 if levels.dtype.itemsize == 8 else jnp.int32
    top = _ordered(jnp.asarray(np.finfo(levels.dtype).max, levels.dtype), bits)
    high = jnp.full(levels.shape, top, bits)

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        # The mean of two integers, whose sum may be too large.
        middle = (low & high) + ((low ^ high) >> 1)
        reached = head.cdf_at(theta, _number(middle, levels.dtype)) >= levels
        return jnp.where(reached, low, middle), jnp.where(reached, middle, high)

    steps = 8 * levels.dtype.itemsize
    begin, _ = alike(((-high, high), (head, theta, levels)))
    found = _number(jax.lax.fori_loop(0, steps, halve, begin)[1], levels.dtype)
    # Numbers next to 0 are computed with as 0 itself.
    return jnp.where(jnp.abs(found) < 0.5, 0, jnp.round(found)) if head.discrete else found


@invert.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    head, theta, levels = primals
    q = invert(head, theta, levels)
    if head.discrete:
        return q, jnp.zeros_like(q)
    dhead, dtheta, dlevels = tangents
    cdf = functools.partial(_cdf, q)
    dcdf = jax.jvp(cdf, (head, theta), (dhead, dtheta))[1]
    density = jnp.exp(head.log_prob_at(theta, q))
    possible = density > 0
    slope = jnp.where(possible, 1 / jnp.where(possible, density, 1), 0)
    return q, slope * (dlevels - dcdf)


def _cdf(q: Array, head: Distribution, theta: Array) -> Array:
    return head.cdf_at(theta, q)


def _ordered(x: Array, bits: Any) -> Array:
    """An integer for each number, in their order."""
    return _mirrored(jax.lax.bitcast_convert_type(x, bits))


def _number(order: Array, dtype: Any) -> Array:
    return jax.lax.bitcast_convert_type(_mirrored(order), dtype)


def _mirrored(bits: Array) -> Array:
    """Of numbers below 0 the bits fall as the numbers rise; its own inverse."""
    return jnp.where(bits < 0, np.iinfo(bits.dtype).min - bits, bits)
