"""Rotations of pairs of features."""

import jax.numpy as jnp

from .._typing import Array


def turned(x: Array, angle: Array) -> Array:
    """`x [..., K]`, each pair of features `(j, j + K / 2)` turned by `angle [..., K / 2]`."""
    a, b = jnp.split(x, 2, axis=-1)
    angle = jnp.broadcast_to(angle, a.shape)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1)
