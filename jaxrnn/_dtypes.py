"""The floating types that computations are held in."""

from typing import Any

import jax.numpy as jnp


def at_least_float32(dtype: Any) -> Any:
    """`dtype`, or float32 for the narrower floating types (bfloat16, float16, float8)."""
    return jnp.float32 if jnp.dtype(dtype).itemsize < 4 else jnp.dtype(dtype)
