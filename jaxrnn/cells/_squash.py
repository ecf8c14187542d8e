"""Squashing functions of blocks of units, whose slopes follow from their values."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._numerics import together
from .._typing import Array


class Squash(NamedTuple):
    """An elementwise function, with its derivative as a function of its value."""

    function: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    scale: float | None = None
    """`function(z) = scale * tanh(scale * z) + 1 - scale`, where there is such a number."""


def _same(z: Array) -> Array:
    return z


SIGMOID = Squash(jax.nn.sigmoid, lambda s: s * (1 - s), 0.5)
TANH = Squash(jnp.tanh, lambda t: 1 - t**2, 1.0)
RELU = Squash(jax.nn.relu, lambda a: (a > 0).astype(a.dtype))
LINEAR = Squash(_same, jnp.ones_like)
KNOWN = {kind.function: kind for kind in (SIGMOID, TANH, RELU)}


def squashed(z: Array, kinds: tuple[Squash, ...]) -> Array:
    """The functions of the equal blocks of the last axis.

    Sigmoids and tanhs are one tanh of the whole array, which is faster on a CPU.
    """
    scales = [kind.scale for kind in kinds if kind.scale is not None]
    if len(scales) == len(kinds):
        scale = jnp.asarray(np.repeat(scales, z.shape[-1] // len(kinds)), z.dtype)
        scale = jnp.broadcast_to(scale, z.shape)
        return together(scale * jnp.tanh(scale * z) + (1 - scale))
    pieces = zip(kinds, jnp.split(z, len(kinds), axis=-1), strict=True)
    return together(jnp.concatenate([kind.function(piece) for kind, piece in pieces], axis=-1))
