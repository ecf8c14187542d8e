"""Entropies of the paths of a dynamic programme."""

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
from . import _tempered
from ._choices import DIVERGENCE, ENTROPY, VARIANCE, renyi_of_order
from ._lift import NotAdditiveError, lift
from ._once import once

LogPartition = Callable[[Any], Array]
"""From potentials, any tree of arrays, to the logarithm of the sum over all paths."""


def path_entropy(log_partition: LogPartition, potentials: Any) -> Float[Array, "*batch"]:
    r"""Entropy of the paths of a dynamic programme, in nats.

    A path adds up some of the potentials $\theta$ to its score, and has probability
    $p = e^{\text{score}} / Z$ with $\log Z$ = `log_partition(potentials)`. Its entropy is that of
    all choices on the way, each as often as it is met. So the programme runs once, on pairs of
    numbers, and at each of its sums

        H = H(softmax(z)) + sum_k softmax(z)_k H_k

    where no term is negative: the entropy keeps its digits where one path is almost certain, and
    does not depend on constants in the potentials, however large.

    Args:
        log_partition: a function that adds potentials up along paths, and paths by `logsumexp` of
            this package, in a `lax.scan` or without: `chain_log_partition`, `ctc_log_partition`
            with its labels, one's own. Any other that JAX can differentiate will do as well, with
            $H = \log Z - \frac{d}{d\beta} \log Z(\beta \theta) |_{\beta = 1}$ and the digits that
            are left by this difference. Outside `jit` it is compiled once for as long as it lives;
            a `lambda` that is made anew is compiled anew.
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
    return _of_paths("path_entropy", _entropy, log_partition, potentials)


def path_varentropy(log_partition: LogPartition, potentials: Any) -> Float[Array, "*batch"]:
    r"""Variance of a path's surprisal, $\frac{d^2}{d\beta^2} \log Z(\beta \theta) |_{\beta = 1}$.

    In squared nats. At each choice of the programme it is the mean of the variances of what comes
    after, and the variance of its own surprisal and the entropy to come: no term is negative.
    Arguments and errors are those of `path_entropy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import logsumexp, path_varentropy, varentropy
        >>> logits = jnp.log(jnp.array([0.7, 0.2, 0.1]))
        >>> print(f"{path_varentropy(logsumexp, logits):.4f} {varentropy(logits):.4f}")
        0.4944 0.4944
    """
    return _of_paths("path_varentropy", _varentropy, log_partition, potentials)


def path_renyi(log_partition: LogPartition, potentials: Any, alpha: Leaf) -> Float[Array, "*batch"]:
    r"""Rényi entropy of the paths, $\frac{\log Z(\alpha\theta) - \alpha \log Z(\theta)}{1-\alpha}$.

    In nats. At each choice of the programme $R(p) + \frac{1}{1-\alpha} \log \sum_k r_k
    e^{(1-\alpha) R_k}$ with $r \propto p^\alpha$, which is smooth through `alpha = 1`, where it is
    `path_entropy`. `alpha = 0` gives the logarithm of the number of possible paths.

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
    order = _check.numbers("path_renyi", "alpha", alpha)
    if order.ndim or not _check.holds(lambda alpha: (alpha >= 0) & (alpha < np.inf), order):
        raise ValueError(
            f"path_renyi: alpha must be one number, finite and not negative, got {alpha}. For "
            "several orders use `jax.vmap`."
        )
    return _of_paths("path_renyi", _renyi, log_partition, potentials, alpha=order)


def path_kl(log_partition: LogPartition, p: Any, q: Any) -> Float[Array, "*batch"]:
    r"""Kullback-Leibler divergence between two distributions over the same paths, in nats.

    That of all choices on the way, each as often as `p` meets it; no term is negative. It is `inf`
    where a path that `p` takes is impossible for `q`.

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
    return _of_paths("path_kl", _divergence, log_partition, p, q)


def _entropy(log_partition: LogPartition, potentials: Any) -> Array:
    nothing = _nothing(potentials)
    try:
        (log_z,), (entropy,) = lift(log_partition, (potentials,), nothing, ENTROPY)
    except NotAdditiveError:
        return _tempered.entropy(log_partition, potentials)
    return jnp.where(log_z == -jnp.inf, 0, entropy)


def _varentropy(log_partition: LogPartition, potentials: Any) -> Array:
    nothing = _nothing(potentials, potentials)
    try:
        (log_z,), (_, variance) = lift(log_partition, (potentials,), nothing, VARIANCE)
    except NotAdditiveError:
        return _tempered.varentropy(log_partition, potentials)
    return jnp.where(log_z == -jnp.inf, 0, variance)


def _renyi(log_partition: LogPartition, potentials: Any, *, alpha: Array) -> Array:
    rule, nothing = renyi_of_order(alpha), _nothing(potentials)
    try:
        (log_z,), (renyi,) = lift(log_partition, (potentials,), nothing, rule)
    except NotAdditiveError:
        return _tempered.renyi(log_partition, potentials, alpha)
    return jnp.where(log_z == -jnp.inf, 0, renyi)


def _divergence(log_partition: LogPartition, p: Any, q: Any) -> Array:
    apart = jax.tree.map(lambda p, q: jnp.where((p == -jnp.inf) | (q == -jnp.inf), 0, q - p), p, q)
    carried = apart, *_nothing(p, p)
    try:
        (log_z, _), (_, found, forbidden) = lift(log_partition, (p, q), carried, DIVERGENCE)
    except NotAdditiveError:
        return _tempered.divergence(log_partition, p, q)
    return jnp.where(log_z == -jnp.inf, 0, jnp.where(forbidden > 0, jnp.inf, found))


def _nothing(*potentials: Any) -> tuple[Any, ...]:
    return tuple(jax.tree.map(jnp.zeros_like, tree) for tree in potentials)


def _of_paths(
    who: str,
    what: Callable[..., Array],
    log_partition: LogPartition,
    *potentials: Any,
    **options: Array,
) -> Array:
    """What `what` computes, compiled once."""
    if not callable(log_partition) or isinstance(log_partition, type):
        raise TypeError(
            f"{who}: log_partition must be a function such as `chain_log_partition`, got "
            f"{log_partition!r}"
        )
    if not all(map(jax.tree.leaves, potentials)):
        raise TypeError(f"{who}: potentials must be a tree of arrays, got {potentials[0]!r}")
    trees = [jax.tree.map(partial(real, who, "potentials"), tree) for tree in potentials]
    # Here arrays that it is bound to can be read, and be refused.
    log_z = jax.eval_shape(log_partition, trees[0])
    if not jax.tree_util.all_leaves([log_z]) or not jnp.issubdtype(log_z.dtype, jnp.floating):
        raise TypeError(
            f"{who}: log_partition must give one floating array, the logarithm of the sum over "
            f"all paths, got {jax.tree.map(_check.describe, log_z)}."
        )
    return once(what, log_partition, *trees, **options)
