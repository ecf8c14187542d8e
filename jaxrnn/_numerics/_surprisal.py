"""The surprisal of labels, and its derivatives."""

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array
from ._labels import one_hot, own_logit
from ._partition import partition
from ._softmax import exact_softmax


@jax.custom_jvp
def exact_surprisal(z: Array, labels: Array) -> Array:
    """`surprisal` of labels in range under logits that `possible` made; neither term is below 0."""
    parts, own = partition(z), own_logit(z, labels)
    top = parts.top[..., 0]
    return jnp.where(own == top, 0, top - own) + parts.rest[..., 0]


@exact_surprisal.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z, labels), (dz, _) = primals, tangents
    value = exact_surprisal(z, labels)
    # `p - 1` of a label that is almost certain is the small probability of the others.
    others = jnp.expm1(-value)[..., None]
    slope = jnp.where(one_hot(labels, z), others, exact_softmax(z))
    return value, jnp.sum(slope * dz, axis=-1)
