"""What a linear chain knows from its end."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from .. import _check
from .._typing import Array, ArrayLike
from ._placing import alike
from ._softmax import finite_constant, real


class ChainBackward(NamedTuple):
    """What a chain knows from its end.

    Shapes:
        total: the sum over all paths, as a logarithm.
        ahead: of `[t, ..., i, j]` potential and all after it, up to a constant of `[t, ..., i]`.
        mask: which steps count.
    """

    total: Float[Array, "*batch"]
    ahead: Float[Array, "T *batch S1 S"]
    mask: Bool[Array, "T *batch"]


def chain_backward(
    who: str,
    potentials: ArrayLike,
    mask: ArrayLike | None,
    over: Callable[[Array], Array],
) -> ChainBackward:
    """From the last step to the first, `over` the states: `exact_logsumexp` or `largest`."""
    theta = real(who, "potentials", potentials)
    if theta.ndim < 3 or theta.shape[-2] != theta.shape[-1] + 1:
        raise ValueError(
            f"{who}: potentials must be [T, *batch, S + 1, S], got {_check.describe(theta)}. "
            "`chain_potentials` makes them."
        )
    if mask is None:
        mask = jnp.ones(theta.shape[:-2], bool)
    _check.flags(who, "mask", mask, theta.shape[:-2])
    return _backward(theta, jnp.asarray(mask), over)


def largest(ahead: Array) -> Array:
    """The maximum over the last axis."""
    return jnp.max(ahead, axis=-1)


@partial(jax.jit, static_argnames="over")
def _backward(theta: Array, valid: Array, over: Callable[[Array], Array]) -> ChainBackward:
    theta = jnp.where(jnp.broadcast_to(valid[..., None, None], theta.shape), theta, 0)
    # Numbers that are added up stay small, whatever constant is in the potentials, so that they
    # keep their digits: of a row its largest is apart, and of the states that come next theirs.
    # The last row is none of these: but for the first step no path reads it.
    top = finite_constant(largest(theta))
    tops = finite_constant(largest(top[..., :-1]))
    theta, above = theta - top[..., None], top - tops[..., None]

    def body(after: Array, now: tuple[Array, Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        theta, above, valid = now
        ahead = theta + after[..., None, :-1]
        new = over(ahead) + above
        level = finite_constant(largest(new[..., :-1]))
        after = jnp.where(valid[..., None], new - level[..., None], after)
        return after, (ahead, jnp.where(valid, level, 0))

    start, steps = alike((jnp.zeros_like(top[0]), (theta, above, valid)))
    after, (ahead, levels) = jax.lax.scan(body, start, steps, reverse=True)
    return ChainBackward(jnp.sum(tops, 0) + jnp.sum(levels, 0) + after[..., -1], ahead, valid)
