"""How far several predictions are from their mean."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from .._numerics import exact_log_softmax, exact_softmax
from .._typing import Array
from ._ratio import excess, log_ratio


@jax.custom_jvp
@jax.jit
def spread(z: Array) -> Array:
    """Mean over the members `[K, ..., V]` of the divergence to their mixture: `[...]`."""
    return jnp.mean(_divergences(exact_softmax(z), _log_mixture_ratio(z)), axis=0)


@spread.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    p, ratio = exact_softmax(z), _log_mixture_ratio(z)
    kl = _divergences(p, ratio)
    slope = -p * (jnp.where(p == 0, 0, ratio) + kl[..., None])
    return jnp.mean(kl, axis=0), jnp.sum(jnp.mean(slope * dz, axis=0), axis=-1)


def _divergences(p: Array, ratio: Array) -> Array:
    """Each member's divergence to the mixture."""
    return jnp.sum(excess(p, jnp.mean(p, axis=0, keepdims=True), ratio), axis=-1)


@jax.custom_jvp
def _log_mixture_ratio(z: Array) -> Array:
    """`log m - log p` of every member `p` and their mixture `m`, as in `log_ratio`."""
    against_first = log_ratio(z[:1], z)
    near = jnp.all(jnp.abs(against_first) < 1, axis=0, keepdims=True)
    small = jnp.where(near, against_first, 0)
    close = jnp.log1p(jnp.mean(jnp.expm1(small), axis=0, keepdims=True)) - small
    log_p = exact_log_softmax(z)
    log_m = jax.nn.logsumexp(log_p, axis=0, keepdims=True) - math.log(z.shape[0])
    far = jnp.where(log_p == -jnp.inf, jnp.where(log_m == -jnp.inf, 0, jnp.inf), log_m - log_p)
    return jnp.where(near, close, far)


@_log_mixture_ratio.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    log_p, dlog_p = jax.jvp(exact_log_softmax, (z,), (dz,))
    p = jnp.exp(log_p)
    total = jnp.sum(p, axis=0, keepdims=True)
    share = p / jnp.where(total == 0, 1, total)
    return _log_mixture_ratio(z), jnp.sum(share * dlog_p, axis=0, keepdims=True) - dlog_p
