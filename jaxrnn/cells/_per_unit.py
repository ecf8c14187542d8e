"""Numbers that a cell takes for all of its units, or for each of them."""

import jax.numpy as jnp

from .._typing import Array, Leaf


def per_unit(who: str, name: str, value: Leaf, like: Array) -> Array:
    """`value`, one number or one for each unit, of the shape and type of a state `[..., H]`."""
    array, hidden = jnp.asarray(value).astype(like.dtype), like.shape[-1]
    if array.shape not in ((), (hidden,)):
        raise ValueError(f"{who}: {name} must be a number or [{hidden}], got {array.shape}")
    return jnp.broadcast_to(array, like.shape)
