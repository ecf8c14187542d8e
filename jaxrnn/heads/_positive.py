"""Positive parameters."""

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Array, Leaf


def positive(z: Array, floor: Leaf) -> Array:
    """`floor + softplus(z)`: about `floor + e^z` far below 0, and `floor + z` far above."""
    return jnp.asarray(floor, z.dtype) + jax.nn.softplus(z)


def check_floor(who: str, **values: Leaf) -> None:
    """Raise unless every concrete floor is finite and above 0."""
    for name, value in values.items():
        if not _check.holds(lambda value: (value > 0) & (value < float("inf")), value):
            raise ValueError(f"{who}: {name} must be finite and above 0, got {value}")
