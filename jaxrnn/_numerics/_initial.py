"""Initial weights."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp

from .._typing import Array, Key
from ._one_by_one import one_by_one

Initializer: TypeAlias = Callable[..., Array]
"""`(key, shape, dtype) -> Array`, such as `jax.nn.initializers.zeros`."""


def drawn(who: str, name: str, draw: Initializer, key: Key, *shape: int) -> Array:
    """What `draw` gives, in JAX's default float type, of the shape that it was asked for."""
    weights = jnp.asarray(draw(key, shape, jnp.result_type(float)))
    if weights.shape != shape:
        raise ValueError(f"{who}: {name} must give an array {shape}, got {weights.shape}")
    return weights


def glorot(key: Key, rows: int, columns: int, blocks: int) -> Array:
    """`blocks` kernels of Glorot & Bengio (2010) side by side: `[rows, blocks * columns]`."""
    draw = jax.nn.initializers.glorot_uniform()
    return _blocks(lambda k: draw(k, (rows, columns)), key, blocks)


def orthogonal(key: Key, size: int, blocks: int) -> Array:
    """`blocks` orthogonal kernels side by side, one a gate: `[size, blocks * size]`."""
    return _blocks(lambda k: orthonormal(k, (size, size)), key, blocks)


@partial(jax.jit, static_argnums=(1, 2))
def orthonormal(key: Key, shape: tuple[int, ...], scale: float = 1.0) -> Array:
    """`scale` times a kernel `[..., N]` of orthonormal columns, or rows where those are fewer."""
    draw = jax.nn.initializers.orthogonal(scale)
    kernel: Array = one_by_one(lambda k: draw(k, shape))(key)
    return kernel


def _blocks(draw: Callable[[Key], Array], key: Key, blocks: int) -> Array:
    kernels = jax.vmap(draw, out_axes=1)(jax.random.split(key, blocks))
    return kernels.reshape(kernels.shape[0], -1)
