"""What a linear chain knows from its end."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from .. import _check
from .._typing import Array, ArrayLike
from ._softmax import real


class ChainBackward(NamedTuple):
    """What a chain knows from its end: `ahead[t, ..., i, j]` is potential and all after it."""

    total: Float[Array, "*batch"]
    ahead: Float[Array, "T *batch S1 S"]
    mask: Bool[Array, "T *batch"]


def chain_backward(
    who: str,
    potentials: ArrayLike,
    mask: ArrayLike | None,
    over: Callable[[Array], Array],
) -> ChainBackward:
    """From the last step to the first, summing `over` the states with `logsumexp` or a maximum."""
    theta = real(who, "potentials", potentials)
    if theta.ndim < 3 or theta.shape[-2] != theta.shape[-1] + 1:
        raise ValueError(
            f"{who}: potentials must be [T, *batch, S + 1, S], got {_check.describe(theta)}. "
            "`chain_potentials` makes them."
        )
    if mask is None:
        valid = jnp.ones(theta.shape[:-2], bool)
    else:
        _check.flags(who, "mask", mask, theta.shape[:-2])
        valid = jnp.asarray(mask)
    theta = jnp.where(jnp.broadcast_to(valid[..., None, None], theta.shape), theta, 0)

    def body(after: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        theta, valid = now
        ahead = theta + after[..., None, :-1]
        return jnp.where(valid[..., None], over(ahead), after), ahead

    after = jnp.zeros(theta.shape[1:-1], theta.dtype)
    after, ahead = jax.lax.scan(body, after, (theta, valid), reverse=True)
    return ChainBackward(after[..., -1], ahead, valid)
