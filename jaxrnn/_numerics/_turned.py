"""Rotations of pairs of features."""

import jax.numpy as jnp

from .._typing import Array


def turned(x: Array, angle: Array) -> Array:
    """`x [..., K]`, each pair of features `(j, j + K / 2)` turned by `angle [..., K / 2]`."""
    a, b = jnp.split(x, 2, axis=-1)
    # A pair's angle may serve many vectors: its cosine is taken once.
    cos, sin = (jnp.broadcast_to(part, a.shape) for part in (jnp.cos(angle), jnp.sin(angle)))
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1)
