"""The numerics of attention: one place that calls JAX's, and guards what it does not.

Of `jax.nn.dot_product_attention` (JAX 0.10): a query with no key gives the mean of all values, what
is masked is multiplied by 0, so that NaN leaks; weights are rounded to narrow types; and the
softmax is in float32 even of float64.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from .._dtypes import at_least_float32
from .._numerics import drop, select
from .._typing import Array


def attend(
    queries: Float[Array, "B T N D"],
    keys: Float[Array, "B S N D"],
    values: Float[Array, "B S N D"],
    mask: Bool[Array, "B T S"],
    bias: Float[Array, "N T S"] | None = None,
) -> Float[Array, "B T N D"]:
    """`softmax(q k / sqrt(D) + bias) v` over the keys that `mask` shows to each query.

    A query without a key gives zeros, with gradient 0. What is not finite, a query, or a key or a
    value that it sees, makes its output NaN, and reaches no other output and no other gradient.
    """
    asked, stored = _finite(queries), _finite(keys) & _finite(values)
    spoilt = (mask & ~stored[:, None]).any(-1) | (mask.any(-1) & ~asked)
    queries = drop(~asked, queries)
    keys, values = drop(~stored, (keys, values))
    kind, narrow = at_least_float32(queries.dtype), queries.dtype
    queries, keys, values = (x.astype(kind) for x in (queries, keys, values))
    if kind == jnp.float32:
        wide = None if bias is None else bias[None].astype(kind)
        outputs = jax.nn.dot_product_attention(queries, keys, values, wide, mask[:, None])
    else:
        weights = weigh(queries, keys, mask, bias)
        outputs = jnp.einsum("bnts,bsnd->btnd", weights, values)
    outputs = drop(~mask.any(-1), outputs)
    return select(spoilt, jnp.full_like(outputs, jnp.nan), outputs).astype(narrow)


def _finite(xs: Float[Array, "B L N D"]) -> Bool[Array, "B L"]:
    return jnp.isfinite(xs).all((-1, -2))


def weigh(
    queries: Float[Array, "B T N D"],
    keys: Float[Array, "B S N D"],
    mask: Bool[Array, "B T S"],
    bias: Float[Array, "N T S"] | None = None,
) -> Float[Array, "B N T S"]:
    """The weights of `attend`, of every head, in at least float32."""
    kind = at_least_float32(queries.dtype)
    scores = jnp.einsum("btnd,bsnd->bnts", queries, keys, preferred_element_type=kind)
    scores = scores / jnp.sqrt(jnp.asarray(queries.shape[-1], kind))
    if bias is not None:
        scores = scores + jnp.broadcast_to(bias.astype(kind), scores.shape)
    return masked_softmax(scores, jnp.broadcast_to(mask[:, None], scores.shape))


def masked_softmax(scores: Float[Array, "..."], mask: Bool[Array, "..."]) -> Float[Array, "..."]:
    """Softmax over those of the last axis that `mask`, of the same shape, shows; else zeros.

    What the others hold reaches no value and no gradient.
    """
    lowest = jnp.full_like(scores, np.finfo(scores.dtype).min)
    weights = jax.nn.softmax(jnp.where(mask, scores, lowest))
    return jnp.where(mask, weights, jnp.zeros_like(weights))
