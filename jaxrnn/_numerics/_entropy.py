"""The entropy of a prediction, and its derivatives."""

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array
from ._partition import partition
from ._softmax import exact_log_softmax, exact_softmax


@jax.custom_jvp
def exact_entropy(z: Array) -> Array:
    """`entropy` of logits that `possible` made; both terms are at least 0."""
    parts = partition(z)
    return (parts.rest + parts.below)[..., 0]  # the largest's surprisal, and what is above it


@exact_entropy.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    return exact_entropy(z), -jnp.sum(exact_softmax(z) * deviation(z) * dz, axis=-1)


@jax.custom_jvp
def deviation(z: Array) -> Array:
    """`log p + H`, to its full accuracy where all classes are nearly as likely too."""
    parts = partition(z)
    below = parts.top - z
    return parts.below - jnp.where(below == jnp.inf, 0, below)


@deviation.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (_, dlog_p), (_, dh) = (
        jax.jvp(f, primals, tangents) for f in (exact_log_softmax, exact_entropy)
    )
    return deviation(*primals), dlog_p + dh[..., None]
