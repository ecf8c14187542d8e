"""Tail probabilities by quadrature, exact to rounding and differentiable in every argument.

The incomplete beta functions of JAX lose digits where their parameters are large, and have no
derivative by them. In a variable in which a density is log-concave and falls at least
exponentially, a tail of it is an integral that the double exponential rule takes to rounding.

Reference: H. Takahasi & M. Mori (1974), Double exponential formulas for numerical integration,
https://doi.org/10.2977/prims/1195192451
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array
from ._gamma import exponential_rest, log_gamma_ratio, log_gamma_rise, stirling_error


def half_line(
    log_density: Callable[[Array], Array], length: Array, *, last: float = 4.0, step: float = 0.1
) -> Array:
    """The integral of a density over `[0, inf)`, of which `length` is about the scale.

    `log_density` maps `[..., N]`, one row for each number in `length`, to values of that shape.
    """
    t = np.arange(-3.6, last, step)
    places = np.exp(t - np.exp(-t))
    weights = step * places * (1 + np.exp(-t))
    length = jax.lax.stop_gradient(length)
    row = (*(1 for _ in length.shape), places.size)
    v = length[..., None] * jnp.asarray(places.reshape(row), length.dtype)
    terms = jnp.exp(log_density(v)) * jnp.asarray(weights.reshape(row), length.dtype)
    return length * jnp.sum(terms, axis=-1)


def scale(slope: Array, curvature: Array, last_slope: Array) -> Array:
    """About where a log-density has fallen by 1, from its slope, curvature and slope far away."""
    near = 2 / (slope + jnp.sqrt(slope**2 + 2 * curvature))
    return jnp.maximum(near, 1 / last_slope)


def t_tail(df: Array, z: Array) -> Array:
    r"""$P(Z > z)$ of Student's t, for `z >= 0`.

    With $z = \sqrt\nu \sinh s$ the density of `s` is proportional to $\cosh^{-\nu} s$.
    """
    s = jnp.arcsinh(z / jnp.sqrt(df))
    length = scale(df * jnp.tanh(s), df / jnp.cosh(jnp.minimum(s, 40)) ** 2, df)
    log_constant = log_gamma_ratio(df / 2) + 0.5 * jnp.log(df / (2 * math.pi))

    def log_density(v: Array) -> Array:
        return log_constant[..., None] - df[..., None] * _log_cosh(s[..., None] + v)

    return half_line(log_density, length)


def _log_cosh(x: Array) -> Array:
    """Of numbers of at least 0."""
    near = x < 1
    small, large = jnp.where(near, x, 0), jnp.where(near, 1, x)
    far = large + jnp.log1p(jnp.exp(-2 * large)) - math.log(2)
    return jnp.where(near, 0.5 * jnp.log1p(jnp.sinh(small) ** 2), far)


def beta_cdf(a: Array, b: Array, logit: Array) -> Array:
    r"""The regularised incomplete beta function $I_w(a, b)$ at $\mathrm{logit}(w)$, for b >= 1.

    For `a < 1` it is $I_w(a + 1, b) + w^a (1 - w)^b / (a B(a, b))$, because the density of the
    logit is nearly flat there over a long way, and ends suddenly.
    """
    small = a < 1
    raised = jnp.where(small, a + 1, a)
    delta = logit - jnp.log(raised / b)
    lower = delta < 0
    tail = _beta_tail(raised, b, jnp.where(lower, delta, -delta), lower)
    safe = jnp.where(small, a, 0.5)
    log_beta_inverse = (
        jax.lax.lgamma(1 + safe) - log_gamma_rise(b, safe)  # of a B(a, b)
    )
    term = jnp.exp(-safe * jax.nn.softplus(-logit) - b * jax.nn.softplus(logit) - log_beta_inverse)
    return jnp.where(lower, tail, 1 - tail) + jnp.where(small, term, 0)


def _beta_tail(a: Array, b: Array, delta: Array, lower: Array) -> Array:
    r"""The tail below `delta`, or above `-delta`: how far the logit lies from $\log(a / b)$.

    The density of the logit is proportional to $e^{-(a + b) K(\delta)}$, with
    $K(\delta) = \log(q e^{-p \delta} + p e^{q \delta})$ and $p = a / (a + b) = 1 - q$. Above, it is
    that of 1 - w below.
    """
    a, b = jnp.where(lower, a, b), jnp.where(lower, b, a)
    total = a + b
    log_p, log_q = -jnp.log1p(b / a), -jnp.log1p(a / b)
    share = delta + log_p - log_q  # a logit
    curvature = total * jax.nn.sigmoid(share) * jax.nn.sigmoid(-share)
    slope = a * -jnp.expm1(delta) / (1 + jnp.exp(log_p - log_q + delta))
    length = scale(slope, curvature, a)
    log_constant = (
        stirling_error(total) - stirling_error(a) - stirling_error(b)
        + 0.5 * (jnp.log(a) + log_q - math.log(2 * math.pi))
    )  # fmt: skip

    def log_density(v: Array) -> Array:
        fall = _cumulant(delta[..., None] - v, log_p[..., None], log_q[..., None])
        return log_constant[..., None] - total[..., None] * fall

    return half_line(log_density, length, step=0.05)


def _cumulant(d: Array, log_p: Array, log_q: Array) -> Array:
    """`log(q e^(-p d) + p e^(q d))`."""
    p, q = jnp.exp(log_p), jnp.exp(log_q)
    near = jnp.abs(d) < 1
    small, large = jnp.where(near, d, 0), jnp.where(near, 1, d)
    close = jnp.log1p(p * exponential_rest(q * small) + q * exponential_rest(-p * small))
    return jnp.where(near, close, jnp.logaddexp(log_q - p * large, log_p + q * large))
