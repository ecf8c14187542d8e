"""The entropy of a prediction, and its derivatives."""

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array
from ._softmax import exact_log_softmax, exact_softmax, log_partition


@jax.custom_jvp
def exact_entropy(z: Array) -> Array:
    """`entropy` of logits that `possible` made; both terms are at least 0."""
    _, rest, above = _parts(z)
    return rest + above


@exact_entropy.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    return exact_entropy(z), -jnp.sum(exact_softmax(z) * deviation(z) * dz, axis=-1)


@jax.custom_jvp
def deviation(z: Array) -> Array:
    """`log p + H`, to its full accuracy where all classes are nearly as likely too."""
    below, _, above = _parts(z)
    return above[..., None] - jnp.where(below == jnp.inf, 0, below)


@deviation.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (_, dlog_p), (_, dh) = (
        jax.jvp(f, primals, tangents) for f in (exact_log_softmax, exact_entropy)
    )
    return deviation(*primals), dlog_p + dh[..., None]


def _parts(z: Array) -> tuple[Array, Array, Array]:
    """How far logits are below the largest; its surprisal; how much the entropy is above that."""
    top, rest = log_partition(z)
    below, rest = top - z, rest[..., 0]
    terms = jnp.where(below == jnp.inf, 0, below * jnp.exp(-below))
    return below, rest, jnp.exp(-rest) * jnp.sum(terms, axis=-1)
