"""Gamma functions without the digits that differences of large logarithms lose."""

import math

import jax
import jax.numpy as jnp

from .._typing import Array

STEPS = 10
"""How far arguments are moved up before a series for large ones is summed."""


def log_gamma_ratio(x: Array) -> Array:
    r"""$\log \Gamma(x + 1/2) - \log \Gamma(x) - \tfrac12 \log x$, for x > 0; it goes to 0.

    By recurrence and the asymptotic series, so that it has no large terms, and no more has its
    derivative: $\Gamma(x + 1) = x \Gamma(x)$ moves the argument up.
    """
    far = x + STEPS
    i = 1 / far
    series = i * _horner([-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432], i * i)
    moved = 0.5 * jnp.log1p(STEPS / x)
    return series + moved + sum(jnp.log1p(-0.5 / (x + k + 0.5)) for k in range(STEPS))


def digamma_difference(x: Array) -> Array:
    r"""$\psi(x + 1/2) - \psi(x)$, for x > 0: about `1 / (2 x)` for large x."""
    far = x + STEPS
    i = 1 / far
    even = _horner([1 / 8, -1 / 64, 1 / 128, -17 / 2048, 31 / 2048], i * i)
    series = i * (0.5 + i * even)
    return series + sum(0.5 / ((x + k) * (x + k + 0.5)) for k in range(STEPS))


def stirling_error(x: Array) -> Array:
    r"""$\log \Gamma(x) - (x - 1/2) \log x + x - \tfrac12 \log 2 \pi$, for x > 0."""
    large = x > STEPS
    i = 1 / jnp.where(large, x, STEPS)
    series = i * _horner([1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360], i * i)
    small = jnp.where(large, 1, x)
    # Gamma of 1 + x, which has no pole at 0.
    direct = jax.lax.lgamma(1 + small) - (small + 0.5) * jnp.log(small) + small
    return jnp.where(large, series, direct - 0.5 * math.log(2 * math.pi))


def log_gamma_rise(x: Array, a: Array) -> Array:
    r"""$\log \Gamma(x + a) - \log \Gamma(x)$, for x > 0 and a in [0, 1]."""
    moved = x + a
    change = jnp.log1p(a / x)
    return stirling_error(moved) - stirling_error(x) + a * jnp.log(x) + (moved - 0.5) * change - a


def deviance(x: Array, difference: Array) -> Array:
    r"""$t \log t + 1 - t$ of `t = x >= 0`, given `difference = t - 1` to its own accuracy."""
    near = jnp.abs(difference) < 0.1
    d = jnp.where(near, difference, 0)
    # (1 + d) log(1 + d) - d = sum over k >= 2 of (-d)^k / (k (k - 1))
    series = d * d * _horner([1 / (k * (k - 1)) for k in range(2, 18)], -d)
    t = jnp.where(near | (x == 0), 1, x)
    return jnp.where(near, series, jnp.where(x == 0, 1, t * jnp.log(t) - difference))


def exponential_rest(x: Array) -> Array:
    """`e^x - 1 - x` for x in [-1, 1]."""
    return x * x * _horner([1 / math.factorial(k) for k in range(2, 19)], x)


def _horner(coefficients: list[float], x: Array) -> Array:
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total
