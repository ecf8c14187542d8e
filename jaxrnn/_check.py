"""Checks of what a user passes. A message says who, what was expected, what came, what to do."""

from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np


def sizes(who: str, **values: Any) -> None:
    """Raise unless every value is an integer of at least 1."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{who}: {name} must be an integer, got {value!r}")
        if value < 1:
            raise ValueError(f"{who}: {name} must be at least 1, got {value}")


def fraction(who: str, **values: Any) -> None:
    """Raise unless every concrete value lies in [0, 1)."""
    for name, value in values.items():
        if concrete(value) and not bool(np.all((np.asarray(value) >= 0) & (np.asarray(value) < 1))):
            raise ValueError(f"{who}: {name} must lie in [0, 1), got {value}")


def floating(who: str, name: str, value: Any, remedy: str) -> None:
    """Raise unless `value` is an array of floating or complex numbers."""
    if not jnp.issubdtype(jnp.result_type(value), jnp.inexact):
        raise TypeError(f"{who}: {name} must be floating, got {jnp.result_type(value)}. {remedy}")


def concrete(value: Any) -> TypeGuard[Any]:
    """Whether the numbers in `value` can be read: it is not an array that is being traced."""
    return isinstance(value, int | float | np.ndarray | np.generic | list | tuple) or (
        isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer)
    )


def describe(value: Any) -> str:
    """Shape and dtype, as `float32[3,4]`."""
    shape, dtype = jnp.shape(value), jnp.result_type(value)
    return f"{dtype}[{','.join(map(str, shape))}]"
