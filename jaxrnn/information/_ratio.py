"""The logarithm of the ratio of two distributions, and the divergence as a sum of it."""

from typing import Any

import jax
import jax.numpy as jnp

from .._numerics import exact_log_softmax, log_partition
from .._typing import Array
from ._phi import phi_series


@jax.custom_jvp
def log_ratio(p_logits: Array, q_logits: Array) -> Array:
    """`log q - log p`, which keeps its digits also where `q` is near `p`.

    A class that only `q` deems possible has `inf`, one that only `p` does `-inf`, one that neither
    does 0.
    """
    (p_top, p_rest), (q_top, q_rest) = log_partition(p_logits), log_partition(q_logits)
    log_p, log_q = (p_logits - p_top) - p_rest, (q_logits - q_top) - q_rest
    # The difference of near logits is exact, but not of logits that are apart by a constant. That
    # of the partitions is not: without a correction the sum of q would not be 1.
    ratio, gap = log_q - log_p, q_logits - p_logits
    near = (jnp.abs(ratio) < 1) & (jnp.abs(gap) < jnp.abs(log_p) + jnp.abs(log_q))
    ratio = jnp.where(near, gap - ((q_top - p_top) + (q_rest - p_rest)), ratio)
    added = jnp.sum(difference(jnp.exp(log_p), jnp.exp(log_q), ratio), axis=-1, keepdims=True)
    ratio -= jnp.log1p(added)
    p_only, q_only = log_q == -jnp.inf, log_p == -jnp.inf
    ratio = jnp.where(p_only, -jnp.inf, jnp.where(q_only, jnp.inf, ratio))
    return jnp.where(p_only & q_only, 0, ratio)


@log_ratio.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (p_logits, q_logits), (dp, dq) = primals, tangents
    _, dlog_p = jax.jvp(exact_log_softmax, (p_logits,), (dp,))
    _, dlog_q = jax.jvp(exact_log_softmax, (q_logits,), (dq,))
    return log_ratio(p_logits, q_logits), dlog_q - dlog_p


def difference(p: Array, q: Array, ratio: Array) -> Array:
    """`q - p`; `ratio` is `log q - log p`."""
    near = jnp.abs(ratio) < 1
    small = jnp.where(near, ratio, 0)
    return jnp.where(near, p * small * phi_series(1, small), q - p)


def excess(p: Array, q: Array, ratio: Array) -> Array:
    r"""`q - p - p ratio`, of which no term is negative; `ratio` is `log q - log p`.

    As both sum to 1, the sum is the divergence $\sum_k p_k (\log p_k - \log q_k)$, whose own terms
    cancel where the two are near.
    """
    near = jnp.abs(ratio) < 1
    small = jnp.where(near, ratio, 0)
    large = jnp.where(near | (p == 0), 0, ratio)
    return jnp.where(near, p * small * small * phi_series(2, small), q - p - p * large)
