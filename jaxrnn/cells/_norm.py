"""Layer normalisation inside a cell."""

import jax
import jax.numpy as jnp

from .._typing import Array, Leaf


def normed(z: Array, scale: Array, epsilon: Leaf) -> Array:
    """`scale * (z - mean) / sqrt(variance + epsilon)` over the last axis."""
    centred = z - z.mean(-1, keepdims=True)
    variance = jnp.square(centred).mean(-1, keepdims=True)
    spread = jax.lax.rsqrt(variance + jnp.asarray(epsilon, z.dtype))
    return centred * spread * jnp.broadcast_to(scale.astype(z.dtype), z.shape)
