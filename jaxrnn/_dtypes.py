"""The floating types that computations are held in."""

from typing import Any

import jax.numpy as jnp


def at_least_float32(dtype: Any) -> Any:
    """`dtype`, or float32 for the narrower floating types (bfloat16, float16)."""
    return jnp.float32 if jnp.finfo(dtype).bits < 32 else jnp.dtype(dtype)
