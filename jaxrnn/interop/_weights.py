"""What every converter needs: names and shapes compared at once, and no digit lost unasked."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array


def compare(who: str, given: Mapping[str, Any], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `ValueError` unless names and shapes are the same, listing all that differ."""
    differing = []
    for name in [*wanted, *(name for name in given if name not in wanted)]:
        if name not in given:
            differing.append(f"{name} {_shown(wanted[name])} is missing")
        elif name not in wanted:
            differing.append(f"{name} {_shown(np.shape(given[name]))} is left over")
        elif tuple(np.shape(given[name])) != tuple(wanted[name]):
            shapes = _shown(np.shape(given[name])), _shown(wanted[name])
            differing.append(f"{name} is {shapes[0]}, the network takes {shapes[1]}")
    if differing:
        raise ValueError(f"{who}: the weights do not fit: {'; '.join(differing)}.")


def array(who: str, name: str, value: Any, dtype: Any = None) -> Array:
    """A weight as JAX holds it, in its own type or in the type that was asked for.

    Raises `TypeError` where digits would be lost unasked: float64 while JAX has 64 bits disabled.
    """
    value = np.asarray(value)
    if dtype is not None:
        return jnp.asarray(value.astype(dtype))
    if jax.dtypes.canonicalize_dtype(value.dtype) != value.dtype:
        raise TypeError(
            f"{who}: {name} is {value.dtype}, which JAX would narrow to "
            f"{jax.dtypes.canonicalize_dtype(value.dtype)}. Ask for a type, dtype=jnp.float32, or "
            'call `jax.config.update("jax_enable_x64", True)` first.'
        )
    return jnp.asarray(value)


def _shown(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
