"""`to_bits`."""

import math

from .. import _check
from .._names import named
from .._typing import Array, ArrayLike


@named
def to_bits(nats: ArrayLike) -> Array:
    """Nats as bits: `nats / ln 2`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import entropy, to_bits
        >>> print(f"{to_bits(entropy(jnp.zeros(8))):.4f}")
        3.0000
    """
    return _check.numbers("to_bits", "nats", nats) / math.log(2)
