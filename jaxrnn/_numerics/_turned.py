"""Rotations of pairs of features."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._typing import Array
from ._placing import known


def turned(x: Array, angle: Array) -> Array:
    """`x [..., K]`, each pair of features `(j, j + K / 2)` turned by `angle [..., K / 2]`."""
    a, b = jnp.split(x, 2, axis=-1)
    # A pair's angle may serve many vectors: its cosine is taken once.
    cos, sin = (jnp.broadcast_to(part, a.shape) for part in (jnp.cos(angle), jnp.sin(angle)))
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1)


def summed_angles(angles: Float[Array, "T ..."]) -> Float[Array, "T ..."]:
    """The sum of the angles so far at each step, less whole turns, so that it stays exact."""
    if known(angles.shape[0]):
        return jax.lax.associative_scan(_added, angles)

    def body(total: Array, angle: Array) -> tuple[Array, Array]:
        total = _added(total, angle)
        return total, total

    return jax.lax.scan(body, jnp.zeros_like(angles[0]), angles)[1]


def _added(a: Array, b: Array) -> Array:
    """The sum, less whole turns. A turn is subtracted in two parts, as its own rounding adds up."""
    total = a + b
    turn = np.asarray(2 * np.pi, total.dtype)
    rest = np.asarray(-np.sin(turn.astype(float)), total.dtype)  # of a turn, after rounding
    whole = jnp.round(total / turn)
    return total - whole * turn - whole * rest
