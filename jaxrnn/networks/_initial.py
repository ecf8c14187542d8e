"""How weights are drawn: functions `(key, shape, dtype) -> Array`, as in `jax.nn.initializers`."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from .. import _numerics
from .._checked import checked
from .._typing import Array, Key

Initializer: TypeAlias = Callable[..., Array]
"""`(key, shape, dtype) -> Array`, such as `jax.nn.initializers.zeros`."""


@checked
def glorot(key: Key, shape: tuple[int, int], dtype: Any = float) -> Array:
    """A kernel `[inputs, outputs]` that keeps the size of signals both ways.

        uniform in [-a, a],  a = sqrt(6 / (inputs + outputs))

    Reference: X. Glorot & Y. Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> bool((abs(networks.glorot(jax.random.key(0), (3, 5))) < 0.87).all())
        True
    """
    return _numerics.glorot(key, *shape, 1).astype(dtype)


@checked
def unit_length(key: Key, shape: tuple[int, int], dtype: Any = float) -> Array:
    """Rows of a Gaussian table `[symbols, features]` whose squared length is 1 on average.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> table = networks.unit_length(jax.random.key(0), (1000, 5))
        >>> print(f"{(table**2).sum(-1).mean():.1f}")
        1.0
    """
    return (jax.random.normal(key, shape) / jnp.sqrt(shape[-1])).astype(dtype)


def drawn(who: str, name: str, draw: Initializer, key: Key, *shape: int) -> Array:
    """What `draw` gives, in JAX's default float type, of the shape that it was asked for."""
    weights = jnp.asarray(draw(key, shape, jnp.result_type(float)))
    if weights.shape != shape:
        raise ValueError(f"{who}: {name} must give an array {shape}, got {weights.shape}")
    return weights
