"""The types that computations and arrays are held in."""

from typing import Any

import jax
import jax.numpy as jnp

from ._kinds import shown


def at_least_float32(dtype: Any) -> Any:
    """`dtype`, or float32 for the narrower floating types (bfloat16, float16, float8)."""
    return jnp.float32 if jnp.dtype(dtype).itemsize < 4 else jnp.dtype(dtype)


def floating(who: str, name: str, value: Any) -> Any:
    """A floating type that an argument names, or raise `TypeError`."""
    try:
        dtype = jnp.dtype(value)
    except Exception:  # of numpy, whatever it makes of the value
        dtype = jnp.dtype(bool)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"{who}: {name} must be a floating type such as `jnp.float32`, got {shown(value)}."
        )
    return dtype


def refuse_narrowing(who: str, name: str, dtype: Any) -> None:
    """Raise `TypeError` where JAX would narrow an array: float64 while it has 64 bits disabled."""
    kept = jax.dtypes.canonicalize_dtype(dtype)
    if kept != dtype:
        raise TypeError(
            f"{who}: {name} is {dtype}, which JAX would narrow to {kept}. Ask for a type, "
            'dtype=jnp.float32, or call `jax.config.update("jax_enable_x64", True)` first.'
        )
