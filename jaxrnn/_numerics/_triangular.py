"""Lower triangular matrices made of blocks, two of which become one of twice the size."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array


@jax.custom_jvp
def inverse_of_unit_lower(lower: Float[Array, "... M M"]) -> Float[Array, "... M M"]:
    """The inverse of `1 + lower`, for a strictly lower triangular matrix.

    It consists of products, and so is several times as fast on a CPU as a solver, which takes the
    matrices one by one, and differentiates as a product does.
    """
    steps = lower.shape[-1]
    lower = padded(jnp.matrix_transpose(padded(jnp.matrix_transpose(lower))))
    inverse = jnp.ones_like(lower[..., :1])[..., None]
    size = 1
    while size < lower.shape[-1]:
        first, second = halves(inverse)
        inverse = joined(inverse, -(second @ (_below(lower, size) @ first)))
        size *= 2
    return inverse[..., 0, :steps, :steps]


@inverse_of_unit_lower.defjvp
def _inverse_jvp(primals: Any, tangents: Any) -> Any:
    inverse = inverse_of_unit_lower(*primals)
    return inverse, -(inverse @ (tangents[0] @ inverse))


def padded(x: Array) -> Array:
    """With rows of zeros up to the next power of two."""
    more = (1 << (x.shape[-2] - 1).bit_length()) - x.shape[-2]
    return jnp.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, more), (0, 0)]) if more else x


def cut(x: Array, size: int) -> Array:
    """`[..., M, K]` as blocks `[..., M / size, size, K]`."""
    return x.reshape(*x.shape[:-2], -1, size, x.shape[-1])


def halves(blocks: Array) -> tuple[Array, Array]:
    """The first and the second of each pair of blocks."""
    return blocks[..., 0::2, :, :], blocks[..., 1::2, :, :]


def joined(blocks: Array, below: Array) -> Array:
    """Pairs of lower triangular blocks, with what is below the diagonal between them."""
    first, second = halves(blocks)
    top = jnp.concatenate([first, jnp.zeros_like(first)], -1)
    return jnp.concatenate([top, jnp.concatenate([below, second], -1)], -2)


def _below(matrix: Array, size: int) -> Array:
    """The blocks below the diagonal, between the first and the second of each pair."""
    rows = halves(cut(matrix, size))[1]  # [..., pairs, size, M]
    blocks = rows.reshape(*rows.shape[:-1], -1, size)[..., 0::2, :]
    own = jnp.eye(blocks.shape[-2], dtype=bool)[:, None, :, None]
    return jnp.where(jnp.broadcast_to(own, blocks.shape), blocks, 0).sum(-2)
