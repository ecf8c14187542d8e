"""Entropies of the paths of a dynamic programme, by forward mode in the inverse temperature."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._numerics import real
from .._typing import Array, Leaf

LogPartition = Callable[[Any], Array]
"""From potentials, any tree of arrays, to the logarithm of the sum over all paths."""


def path_entropy(log_partition: LogPartition, potentials: Any) -> Float[Array, "*batch"]:
    r"""Entropy of the paths of a dynamic programme, in nats.

    A path adds up some of the potentials $\theta$ to its score, and has probability
    $p = e^{\text{score}} / Z$ with $\log Z$ = `log_partition(potentials)`. Its entropy takes one
    derivative along the inverse temperature, in forward mode: the programme runs once, on pairs of
    numbers, and nothing is stored.

    $H = \log Z(\theta) - \frac{d}{d\beta} \log Z(\beta \theta) |_{\beta = 1}$

    Args:
        log_partition: any function that JAX can differentiate, such as a `lax.scan` that adds
            paths up: `chain_log_partition`, `ctc_log_partition` with its labels, one's own. Use
            `logsumexp` in it where a sum may be over nothing but impossible paths.
        potentials: what it takes, a tree of arrays; `-inf` forbids.

    Returns:
        Of the shape that `log_partition` returns: 0 where no path is possible.

    Raises:
        TypeError: for what cannot be called, and potentials that are not real floating numbers.

    Reference: Z. Li & J. Eisner, "First- and second-order expectation semirings with applications
    to minimum-risk training on translation forests", EMNLP 2009, whose pairs these are.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import logsumexp, path_entropy, to_bits
        >>> def two_arcs_after_another(potentials):
        ...     return logsumexp(potentials).sum()
        >>> print(to_bits(path_entropy(two_arcs_after_another, jnp.zeros((3, 2)))))
        3.0
    """
    log_z, at = _programme("path_entropy", log_partition, potentials)
    return jnp.where(log_z == -jnp.inf, 0, log_z - _slope(at, jnp.ones((), log_z.dtype)))


def path_varentropy(log_partition: LogPartition, potentials: Any) -> Float[Array, "*batch"]:
    r"""Variance of a path's surprisal, $\frac{d^2}{d\beta^2} \log Z(\beta \theta) |_{\beta = 1}$.

    In squared nats. Arguments and errors are those of `path_entropy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import logsumexp, path_varentropy, varentropy
        >>> logits = jnp.log(jnp.array([0.7, 0.2, 0.1]))
        >>> print(f"{path_varentropy(logsumexp, logits):.4f} {varentropy(logits):.4f}")
        0.4944 0.4944
    """
    log_z, at = _programme("path_varentropy", log_partition, potentials)
    curve = _slope(lambda beta: _slope(at, beta), jnp.ones((), log_z.dtype))
    return jnp.where(log_z == -jnp.inf, 0, curve)


def path_renyi(log_partition: LogPartition, potentials: Any, alpha: Leaf) -> Float[Array, "*batch"]:
    r"""Rényi entropy of the paths, $\frac{\log Z(\alpha\theta) - \alpha \log Z(\theta)}{1-\alpha}$.

    In nats. Near `alpha = 1`, where the quotient loses its digits, it is the mean of
    $\log Z - \beta \, d \log Z / d\beta$ between the two temperatures instead, so that it meets
    `path_entropy` there. `alpha = 0` gives the logarithm of the number of possible paths.

    Args:
        log_partition: as for `path_entropy`.
        potentials: what it takes.
        alpha: the order, finite and not negative.

    Raises:
        ValueError: for an order out of range. The other errors are those of `path_entropy`.

    Reference: A. Rényi, "On measures of entropy and information", 1961.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import logsumexp, path_renyi
        >>> logits = jnp.log(jnp.array([0.7, 0.2, 0.1]))
        >>> print(*(f"{path_renyi(logsumexp, logits, alpha):.4f}" for alpha in (0, 0.5, 1, 2)))
        1.0986 0.9401 0.8018 0.6162
    """
    if jnp.ndim(alpha) or not _check.holds(lambda alpha: (alpha >= 0) & (alpha < np.inf), alpha):
        raise ValueError(
            f"path_renyi: alpha must be one number, finite and not negative, got {alpha}. For "
            "several orders use `jax.vmap`."
        )
    log_z, at = _programme("path_renyi", log_partition, potentials)
    alpha = jnp.asarray(alpha).astype(log_z.dtype)
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


def path_kl(log_partition: LogPartition, p: Any, q: Any) -> Float[Array, "*batch"]:
    r"""Kullback-Leibler divergence between two distributions over the same paths, in nats.

    $\log Z(q) - \log Z(p) + \frac{d}{d\epsilon} \log Z(p + \epsilon (p - q)) |_{\epsilon = 0}$,
    with `p` and `q` the potentials. It is `inf` where a path that `p` takes is impossible for `q`.

    Args:
        log_partition: as for `path_entropy`.
        p: the potentials of the distribution of the expectation.
        q: the potentials of the other, of the same structure and shapes.

    Raises:
        ValueError: for potentials of two shapes. The other errors are those of `path_entropy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import kl_divergence, logsumexp, path_kl
        >>> p, q = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]))
        >>> print(f"{path_kl(logsumexp, p, q):.4f} {kl_divergence(p, q):.4f}")
        0.0993 0.0993
    """
    shapes = [jax.tree.map(jnp.shape, tree) for tree in (p, q)]
    structures: list[Any] = [jax.tree.structure(tree) for tree in (p, q)]
    if shapes[0] != shapes[1] or structures[0] != structures[1]:
        raise ValueError(f"path_kl: p and q must have one shape, got {shapes[0]} and {shapes[1]}.")
    log_z, _ = _programme("path_kl", log_partition, p)
    other, _ = _programme("path_kl", log_partition, q)
    p, q = (jax.tree.map(partial(real, "path_kl", "potentials"), tree) for tree in (p, q))
    forbidden = jax.tree.map(lambda p, q: (p > -jnp.inf) & (q == -jnp.inf), p, q)
    towards = jax.tree.map(
        lambda p, q: jnp.where((p == -jnp.inf) | (q == -jnp.inf), 0, p - q), p, q
    )
    # How many forbidden potentials a path takes in the mean; apart, so that no gradient is NaN.
    counted = jax.tree.map(lambda p, forbidden: forbidden.astype(p.dtype), p, forbidden)
    _, slope = jax.jvp(log_partition, (p,), (towards,))
    _, taken = jax.jvp(log_partition, (p,), (counted,))
    divergence = jnp.where(taken > 0, jnp.inf, other - log_z + slope)
    return jnp.where(log_z == -jnp.inf, 0, divergence)


def _programme(
    who: str, log_partition: LogPartition, potentials: Any
) -> tuple[Array, Callable[[Array], Array]]:
    """`log Z`, and `log Z` as a function of the inverse temperature."""
    if not callable(log_partition):
        raise TypeError(
            f"{who}: log_partition must be a function such as `chain_log_partition`, got "
            f"{log_partition!r}"
        )
    potentials = jax.tree.map(partial(real, who, "potentials"), potentials)

    def at(beta: Array) -> Array:
        return log_partition(jax.tree.map(partial(_times, beta), potentials))

    return log_partition(potentials), at


def _times(beta: Array, potentials: Array) -> Array:
    """`beta` times the potentials; what is impossible stays so, at 0 too."""
    finite = jnp.where(potentials == -jnp.inf, 0, potentials)
    return jnp.where(potentials == -jnp.inf, -jnp.inf, beta.astype(finite.dtype) * finite)


def _slope(at: Callable[[Array], Array], beta: Array) -> Array:
    return jax.jvp(at, (beta,), (jnp.ones_like(beta),))[1]
