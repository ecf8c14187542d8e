"""How weights are drawn: functions `(key, shape, dtype) -> Array`, as in `jax.nn.initializers`."""

from typing import Any

import jax
import jax.numpy as jnp

from .._checked import checked
from .._names import named
from .._typing import Array, Key


@named
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
