"""Properties of paths by derivatives of the logarithm of their sum: for programmes of any kind.

They have the digits that are left of it when it is subtracted from its derivatives.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array


def entropy(log_partition: Callable[[Any], Array], potentials: Any) -> Array:
    r"""$\log Z - d \log Z(\beta \theta) / d\beta$ at $\beta = 1$."""
    log_z, at = _tempered(log_partition, potentials)
    return jnp.where(log_z == -jnp.inf, 0, log_z - _slope(at, jnp.ones((), log_z.dtype)))


def varentropy(log_partition: Callable[[Any], Array], potentials: Any) -> Array:
    r"""$d^2 \log Z(\beta \theta) / d\beta^2$ at $\beta = 1$."""
    log_z, at = _tempered(log_partition, potentials)
    curve = _slope(lambda beta: _slope(at, beta), jnp.ones((), log_z.dtype))
    return jnp.where(log_z == -jnp.inf, 0, curve)


def renyi(log_partition: Callable[[Any], Array], potentials: Any, alpha: Array) -> Array:
    r"""$(\log Z(\alpha\theta) - \alpha \log Z(\theta)) / (1 - \alpha)$.

    Near order 1, where the quotient loses its digits, it is the mean of
    $\log Z - \beta \, d \log Z / d\beta$ between the two temperatures instead.
    """
    log_z, at = _tempered(log_partition, potentials)
    alpha = alpha.astype(log_z.dtype)
    possible = log_z > -jnp.inf
    finite = jnp.where(possible, log_z, 0)
    near = jnp.abs(alpha - 1) < 0.1
    # Gauss and Legendre's four places are exact to the eighth order in `alpha - 1`.
    places, weights = (x.astype(log_z.dtype) for x in np.polynomial.legendre.leggauss(4))
    slopes = jax.vmap(lambda beta: _slope(at, beta))(1 + (alpha - 1) * (1 + places) / 2)
    mean = finite - jnp.tensordot(jnp.asarray(weights / 2), slopes, 1)
    apart = jnp.where(near, 2, alpha)
    quotient = (at(apart) - apart * finite) / (1 - apart)
    return jnp.where(possible, jnp.where(near, mean, quotient), 0)


def divergence(log_partition: Callable[[Any], Array], p: Any, q: Any) -> Array:
    r"""$\log Z(q) - \log Z(p) + d \log Z(p + \epsilon (p - q)) / d\epsilon$ at $\epsilon = 0$."""
    log_z, other = log_partition(p), log_partition(q)
    forbidden = jax.tree.map(lambda p, q: (p > -jnp.inf) & (q == -jnp.inf), p, q)
    towards = jax.tree.map(
        lambda p, q: jnp.where((p == -jnp.inf) | (q == -jnp.inf), 0, p - q), p, q
    )
    # How many forbidden potentials a path takes in the mean; apart, so that no gradient is NaN.
    counted = jax.tree.map(lambda p, forbidden: forbidden.astype(p.dtype), p, forbidden)
    _, slope = jax.jvp(log_partition, (p,), (towards,))
    _, taken = jax.jvp(log_partition, (p,), (counted,))
    found = jnp.where(taken > 0, jnp.inf, other - log_z + slope)
    return jnp.where(log_z == -jnp.inf, 0, found)


def _tempered(
    log_partition: Callable[[Any], Array], potentials: Any
) -> tuple[Array, Callable[[Array], Array]]:
    """`log Z`, and `log Z` as a function of the inverse temperature."""

    def at(beta: Array) -> Array:
        return log_partition(jax.tree.map(partial(_times, beta), potentials))

    return log_partition(potentials), at


def _times(beta: Array, potentials: Array) -> Array:
    """`beta` times the potentials; what is impossible stays so, at 0 too."""
    finite = jnp.where(potentials == -jnp.inf, 0, potentials)
    return jnp.where(potentials == -jnp.inf, -jnp.inf, beta.astype(finite.dtype) * finite)


def _slope(at: Callable[[Array], Array], beta: Array) -> Array:
    return jax.jvp(at, (beta,), (jnp.ones_like(beta),))[1]
