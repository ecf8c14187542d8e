"""Properties of a choice whose alternatives have properties themselves: rules for `lift`."""

import jax.numpy as jnp

from .._numerics import (
    deviation,
    exact_entropy,
    exact_log_softmax,
    exact_logsumexp,
    exact_softmax,
    expectation,
    finite_constant,
    one_hot,
)
from .._typing import Array
from ._lift import Rule
from ._orders import renyi_of_logits, tilted_logits
from ._phi import phi, phi_series
from ._ratio import excess

Arrays = tuple[Array, ...]


def _entropy(terms: Arrays, after: Arrays) -> Arrays:
    """That of the choice, and the mean of what comes after."""
    (z,), (h,) = terms, after
    return (exact_entropy(z) + expectation(exact_softmax(z), h),)


def _variance(terms: Arrays, after: Arrays) -> Arrays:
    """Entropy, and the variance of the surprisal: the mean of variances, that of the means."""
    (z,), (h, variance) = terms, after
    p = exact_softmax(z)
    mean = expectation(p, h)
    strays = h - mean[..., None] - deviation(z)
    return exact_entropy(z) + mean, expectation(p, variance + jnp.square(strays))


def _divergence(terms: Arrays, after: Arrays) -> Arrays:
    """How far the second terms are above the first, divergence, and how often it is infinite.

    The first is what the difference of the terms themselves may have lost to rounding. The last is
    how often what the second deem impossible is chosen by the first: apart from the divergence,
    so that no derivative is NaN.
    """
    (p_terms, q_terms), (apart, divergence, forbidden) = terms, after
    likely = p_terms > -jnp.inf
    wrong = likely & (q_terms == -jnp.inf)
    known = likely & ~jnp.any(wrong, axis=-1, keepdims=True)
    apart = _closest(jnp.where(known, apart, 0), *(jnp.where(known, z, 0) for z in terms))
    log_p, p = exact_log_softmax(p_terms), exact_softmax(p_terms)
    # Among what the first deem possible: log(sum p e^x), for an x whose mean is 0.
    origin = finite_constant(jnp.sum(jnp.where(_first_largest(p_terms), apart, 0), axis=-1))
    x = apart - origin[..., None]
    mean = expectation(p, x)
    x = jnp.where(known, x - mean[..., None], 0)
    safe = jnp.where(known, log_p, 0)
    whole = exact_logsumexp(jnp.where(known, safe + x, -jnp.inf))
    small = whole < 1 / 2
    each = jnp.where(small[..., None], x, 0)
    above = jnp.sum(excess(p, jnp.where(known, jnp.exp(safe + each), p), each), axis=-1)
    some = jnp.any(known, axis=-1)
    within = jnp.where(small, jnp.log1p(above), jnp.where(some, whole, 0))
    # And what the second give to that at all.
    share = jnp.where(some, -_log_share(q_terms, likely), 0)
    return (
        origin + mean + within + share,
        within + share + expectation(p, divergence),
        expectation(p, jnp.where(wrong, 1, forbidden)),
    )


def renyi_of_order(order: Array) -> Rule:
    r"""Rényi entropy of one order `a`, $R(p) + \frac{1}{1-a} \log \sum_k r_k e^{(1-a) R_k}$.

    `r` is in proportion to $p^a$. The sum is a mean of the $R_k$, which are weighed less the more
    they differ from it in one direction; at order 1 it is the usual one.
    """

    def of_sum(terms: Arrays, after: Arrays) -> Arrays:
        (z,), (renyi,) = terms, after
        orders = jnp.broadcast_to(order.astype(z.dtype), z.shape[:-1])
        log_r = exact_log_softmax(tilted_logits(z, orders))
        return (renyi_of_logits(z, orders) + _exponential_mean(log_r, renyi, 1 - orders),)

    return Rule(of_sum, 1)


ENTROPY = Rule(_entropy, 1)
VARIANCE = Rule(_variance, 2)
DIVERGENCE = Rule(_divergence, 3, differences=1)


def _exponential_mean(log_r: Array, x: Array, rate: Array) -> Array:
    """`log(sum r exp(rate x)) / rate`, at rate 0 the mean; no `x` is below 0."""
    possible = log_r > -jnp.inf
    least = finite_constant(jnp.min(jnp.where(possible, x, jnp.inf), axis=-1))
    above, rate = jnp.where(possible, x - least[..., None], 0), rate[..., None]
    power = rate * above
    whole = exact_logsumexp(jnp.where(possible, log_r + power, -jnp.inf))
    small = jnp.abs(whole) < 1 / 2
    # Of the sum less 1, over the rate, no term is below 0.
    near = jnp.abs(power) < 1
    safe = jnp.where(possible & small[..., None], log_r, 0)
    r = jnp.where(possible & small[..., None], jnp.exp(safe), 0)
    far = (jnp.exp(jnp.where(near | (r == 0), 0, safe + power)) - r) / jnp.where(near, 1, rate)
    series = r * above * phi_series(1, jnp.where(near, power, 0))
    mean = jnp.sum(jnp.where(near | (r == 0), series, far), axis=-1)
    rate = rate[..., 0]
    log = jnp.log1p(jnp.where(small, rate * mean, 0))
    apart = whole / jnp.where(small, 1, rate)
    return least + jnp.where(small, mean / phi(1, log), apart)


def _closest(apart: Array, p_terms: Array, q_terms: Array) -> Array:
    """The difference as it was carried or as it is, whichever is of the smaller numbers."""
    carried = jnp.max(jnp.abs(apart), axis=-1, keepdims=True)
    stored = jnp.max(jnp.abs(p_terms) + jnp.abs(q_terms), axis=-1, keepdims=True)
    return jnp.where(carried <= stored, apart, q_terms - p_terms)


def _first_largest(z: Array) -> Array:
    return one_hot(jnp.argmax(z, axis=-1), z)


def _log_share(z: Array, some: Array) -> Array:
    """The logarithm of the probability of `some`."""
    rest = jnp.sum(jnp.where(some, 0, exact_softmax(z)), axis=-1)
    mostly = rest < 1 / 2
    of_some = exact_logsumexp(jnp.where(some, z, -jnp.inf)) - exact_logsumexp(z)
    return jnp.where(mostly, jnp.log1p(-jnp.where(mostly, rest, 0)), of_some)
