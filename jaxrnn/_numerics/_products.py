"""Products with weights, and the states that they make, in the floating type that they need."""

import jax
import jax.numpy as jnp

from .._dtypes import at_least_float32
from .._typing import Array, Batch


def dot(x: Array, kernel: Array) -> Array:
    """`x @ kernel` over the last axis of `x`, accumulated and returned in at least float32."""
    kind = at_least_float32(jnp.result_type(x, kernel))
    return jnp.dot(x, kernel, preferred_element_type=kind)


def recur(h: Array, kernel: Array) -> Array:
    """`h @ kernel` for a state that is kept wider than the weights: the weights' type decides."""
    return dot(h.astype(kernel.dtype), kernel)


def add(u: Array, bias: Array) -> Array:
    """`u + bias` over the last axis."""
    return u + jnp.broadcast_to(bias.astype(u.dtype), u.shape)


def together(x: Array) -> Array:
    """`x`, computed as a whole before parts of it are taken.

    On a CPU, XLA otherwise fuses the transcendental functions of all gates into the loops over
    their parts, and the fused loop is about half as fast.
    """
    if jax.default_backend() != "cpu":
        return x
    return jax.lax.optimization_barrier(x)  # type: ignore[no-untyped-call]


def zeros(batch: Batch, size: int, like: Array) -> Array:
    """A state of zeros: the type of the weights, or float32 where that is narrower."""
    return jnp.zeros((*batch, size), at_least_float32(like.dtype))
