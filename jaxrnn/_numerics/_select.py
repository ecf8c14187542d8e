"""Selection by flags over trees, and which steps count."""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from .._typing import Array, Carry, Size


def select(flags: Array, chosen: Carry, other: Carry) -> Carry:
    """`chosen` where `flags` of `[*batch]` is True, for trees of `[*batch, ...]`."""

    def leaf(a: Array, b: Array) -> Array:
        wide = jax.lax.broadcast_in_dim(flags, b.shape, tuple(range(flags.ndim)))
        return jax.lax.select(wide, jnp.broadcast_to(a, b.shape).astype(b.dtype), b)

    return jax.tree.map(leaf, chosen, other)


def drop(flags: Array, tree: Carry) -> Carry:
    """`tree` with zeros where `flags` is True."""
    return select(flags, jax.tree.map(jnp.zeros_like, tree), tree)


def within(lengths: Array, steps: Size) -> Bool[Array, "..."]:
    """Which of `steps` steps belong to sequences of these lengths: `Bool[T, *batch]`."""
    times = jnp.arange(steps, dtype=jnp.int32).reshape(steps, *(1 for _ in lengths.shape))
    return times < lengths.astype(jnp.int32)[None]


def last_valid(xs: Float[Array, "T ..."], mask: Bool[Array, "T ..."]) -> Float[Array, "..."]:
    """`xs` at the last step where `mask` is True, or at the first step where there is none."""
    times = jnp.arange(mask.shape[0]).reshape(-1, *(1 for _ in mask.shape[1:]))
    last = jnp.where(mask, jnp.broadcast_to(times, mask.shape), 0).max(0)
    last = last.reshape(1, *last.shape, *(1 for _ in range(xs.ndim - mask.ndim)))
    return jnp.take_along_axis(xs, last, axis=0)[0]
