"""Products with weights, and the states that they make, in the floating type that they need."""

import jax.numpy as jnp

from .._dtypes import at_least_float32
from .._typing import Array, Batch
from ._outer_products import product
from ._placing import alike, divided


def dot(x: Array, kernel: Array) -> Array:
    """`x @ kernel` over the last axis of `x`, accumulated and returned in at least float32."""
    common = jnp.result_type(x, kernel)
    kind = at_least_float32(common)
    rows = x.ndim > 2 and kernel.ndim == 2 and jnp.issubdtype(common, jnp.inexact)
    if not rows or divided(x) or divided(kernel):
        return jnp.dot(x, kernel, preferred_element_type=kind)
    return product(kind, *alike((x.astype(common), kernel.astype(common))))


def recur(h: Array, kernel: Array) -> Array:
    """`h @ kernel` for a state that is kept wider than the weights: the weights' type decides."""
    return dot(h.astype(kernel.dtype), kernel)


def recur_blocks(h: Array, kernel: Array) -> Array:
    """`h @ kernel` for a block-diagonal kernel `[N, D, G * D]`, whose N blocks have G gates each.

    The result is `[..., G * N * D]`: gates side by side, each over all blocks.
    """
    blocks, size, width = kernel.shape
    parts = h.astype(kernel.dtype).reshape(*h.shape[:-1], blocks, size)
    kind = at_least_float32(kernel.dtype)
    r = jnp.einsum("...nd,nde->...ne", parts, kernel, preferred_element_type=kind)
    r = r.reshape(*h.shape[:-1], blocks, width // size, size)
    return jnp.swapaxes(r, -3, -2).reshape(*h.shape[:-1], blocks * width)


def add(u: Array, bias: Array) -> Array:
    """`u + bias` over the last axis."""
    return u + jnp.broadcast_to(bias.astype(u.dtype), u.shape)


def zeros(batch: Batch, size: int, like: Array) -> Array:
    """A state of zeros: the type of the weights, or float32 where that is narrower."""
    return jnp.zeros((*batch, size), at_least_float32(like.dtype))
