"""The logarithm of the ratio of two distributions, and the divergence as a sum of it."""

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array
from ._phi import phi
from ._softmax import exact_log_softmax, exact_softmax


@jax.custom_jvp
def log_ratio(p_logits: Array, q_logits: Array) -> Array:
    """`log q - log p`, which keeps its digits also where `q` is near `p`.

    A class that only `q` deems possible has `inf`, one that only `p` does `-inf`, one that neither
    does 0.
    """
    # All is relative to the class that p deems likeliest: q is p * exp(change), made to sum to 1.
    likeliest = jnp.argmax(p_logits, axis=-1, keepdims=True)
    p_top, q_top = (jnp.take_along_axis(z, likeliest, -1) for z in (p_logits, q_logits))
    change = (q_logits - p_logits) - (q_top - p_top)
    p = exact_softmax(p_logits)
    unscaled = jnp.exp(q_logits - q_top) * jnp.take_along_axis(p, likeliest, -1)
    added = jnp.where(jnp.abs(change) < 1, p * jnp.expm1(change), unscaled - p)
    total = jnp.sum(added, axis=-1, keepdims=True)
    near = (total > -0.5) & (total < 1)
    log_p, log_q = exact_log_softmax(p_logits), exact_log_softmax(q_logits)
    ratio = jnp.where(near, change - jnp.log1p(total), log_q - log_p)
    p_only, q_only = log_q == -jnp.inf, log_p == -jnp.inf
    limit = jnp.where(q_only, jnp.where(p_only, 0, jnp.inf), -jnp.inf)
    return jnp.where(p_only | q_only, limit.astype(ratio.dtype), ratio)


@log_ratio.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (p_logits, q_logits), (dp, dq) = primals, tangents
    p, q = exact_softmax(p_logits), exact_softmax(q_logits)
    dlog_p = dp - jnp.sum(p * dp, axis=-1, keepdims=True)
    dlog_q = dq - jnp.sum(q * dq, axis=-1, keepdims=True)
    return log_ratio(p_logits, q_logits), dlog_q - dlog_p


def excess(p: Array, q: Array, ratio: Array) -> Array:
    r"""`q - p - p ratio`, of which no term is negative; `ratio` is `log q - log p`.

    As both sum to 1, the sum is the divergence $\sum_k p_k (\log p_k - \log q_k)$, whose own terms
    cancel where the two are near.
    """
    near = jnp.abs(ratio) < 1
    small = jnp.where(near, ratio, 0)
    large = jnp.where(near | (p == 0), 0, ratio)
    return jnp.where(near, p * small * small * phi(2, small), q - p - p * large)
