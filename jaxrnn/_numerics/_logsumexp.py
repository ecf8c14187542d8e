"""The logarithm of a sum, whose derivatives are finite where nothing is possible."""

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array
from ._softmax import exact_log_softmax, expectation


@jax.custom_jvp
def exact_logsumexp(z: Array) -> Array:
    """`logsumexp` of terms of at least float32."""
    top = jnp.max(z, axis=-1)
    log_p = exact_log_softmax(z)
    # The most probable term says how far the sum is above it, to full accuracy.
    return top - jnp.where(top == -jnp.inf, 0, jnp.max(log_p, axis=-1))


@exact_logsumexp.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    return exact_logsumexp(z), expectation(jnp.exp(exact_log_softmax(z)), dz)
