"""Cross-entropy and divergences between two predictions."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import exact_log_softmax, exact_softmax, expectation, possible
from .._typing import Array, ArrayLike
from ._mixture import spread
from ._ratio import difference, excess, log_ratio


def cross_entropy(
    p_logits: ArrayLike, q_logits: ArrayLike, *, classes: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Cross-entropy $H(p, q) = -\sum_k p_k \log q_k$ of two softmax distributions, in nats.

    It is `entropy(p) + kl_divergence(p, q)`, so at `q = p` it is the entropy, not 0. It is `inf`
    exactly where `p` deems possible what `q` deems impossible. For observed labels use `surprisal`.

    Args:
        p_logits: `[..., V]`, the distribution of the expectation.
        q_logits: `[..., V]`, the distribution that is scored.
        classes: `Bool[..., V]` or `Bool[V]`, the classes that are possible under either.

    Returns:
        `[...]`, at least float32.

    Raises:
        TypeError: for logits that are not real floating numbers, or `classes` that are not bool.
        ValueError: for a missing class axis, two shapes, or `classes` of another shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import cross_entropy
        >>> p, q = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]))
        >>> print(f"{cross_entropy(p, q):.5f}")
        0.90109
    """
    return _cross_entropy(*_pair("cross_entropy", p_logits, q_logits, classes))


@jax.custom_jvp
@jax.jit
def _cross_entropy(p_logits: Array, q_logits: Array) -> Array:
    return expectation(exact_softmax(p_logits), -exact_log_softmax(q_logits))


@_cross_entropy.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (p_logits, q_logits), (dp, dq) = primals, tangents
    p, q, log_q = exact_softmax(p_logits), exact_softmax(q_logits), exact_log_softmax(q_logits)
    value = _cross_entropy(p_logits, q_logits)
    slope = p * (_finite(log_q) + _finite(value)[..., None])
    moved = jnp.where(_sums_to_1(p_logits), (q - p) * dq, 0)
    return value, jnp.sum(moved - slope * dp, axis=-1)


def kl_divergence(
    p_logits: ArrayLike, q_logits: ArrayLike, *, classes: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Kullback-Leibler divergence $\sum_k p_k (\log p_k - \log q_k)$, in nats.

    What coding symbols of `p` with the code of `q` costs beyond the entropy of `p`. It is never
    negative, and keeps its digits where the two are near. It is `inf` exactly where `p` deems
    possible what `q` deems impossible; its gradient is finite there too. Arguments and errors are
    those of `cross_entropy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import kl_divergence
        >>> p, q = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]))
        >>> print(f"{kl_divergence(p, q):.5f}")
        0.09927
    """
    return _kl_divergence(*_pair("kl_divergence", p_logits, q_logits, classes))


@jax.custom_jvp
@jax.jit
def _kl_divergence(p_logits: Array, q_logits: Array) -> Array:
    p, q = exact_softmax(p_logits), exact_softmax(q_logits)
    terms = excess(p, q, log_ratio(p_logits, q_logits))
    # The terms add up to the divergence because p sums to 1; where no class is possible, to 0.
    return jnp.sum(jnp.where(_sums_to_1(p_logits), terms, 0), axis=-1)


def _sums_to_1(logits: Array) -> Array:
    return jnp.any(logits > -jnp.inf, axis=-1, keepdims=True) | jnp.isnan(logits)


@_kl_divergence.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (p_logits, q_logits), (dp, dq) = primals, tangents
    p, q = exact_softmax(p_logits), exact_softmax(q_logits)
    ratio, kl = log_ratio(p_logits, q_logits), _kl_divergence(p_logits, q_logits)
    slope = p * (_finite(ratio) + _finite(kl)[..., None])
    moved = jnp.where(_sums_to_1(p_logits), difference(p, q, ratio) * dq, 0)
    return kl, jnp.sum(moved - slope * dp, axis=-1)


def _finite(x: Array) -> Array:
    """0 for what is infinite. An infinite value pulls q towards p, and moves nothing else."""
    return jnp.where(jnp.abs(x) < jnp.inf, x, 0)


def js_divergence(
    p_logits: ArrayLike, q_logits: ArrayLike, *, classes: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Jensen-Shannon divergence, in nats: how far two predictions are from their mean.

    $\tfrac12 D(p \| m) + \tfrac12 D(q \| m)$ with $m = (p + q) / 2$ and `D` the Kullback-Leibler
    divergence. It is symmetric, and at most `ln 2`, where no class is possible under both.
    Arguments and errors are those of `cross_entropy`.

    Reference:
        Lin (1991), Divergence Measures Based on the Shannon Entropy,
        https://doi.org/10.1109/18.61115

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import js_divergence
        >>> p, q = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]))
        >>> print(f"{js_divergence(p, q):.5f}")
        0.02637
    """
    return spread(jnp.stack(_pair("js_divergence", p_logits, q_logits, classes)))


def _pair(
    who: str, p_logits: ArrayLike, q_logits: ArrayLike, classes: ArrayLike | None
) -> tuple[Array, Array]:
    p = possible(who, "p_logits", p_logits, classes)
    q = possible(who, "q_logits", q_logits, classes)
    if p.shape != q.shape:
        raise ValueError(
            f"{who}: p_logits and q_logits must have one shape, got {_check.describe(p)} and "
            f"{_check.describe(q)}. Use `jnp.broadcast_to` where one is shared."
        )
    dtype = p.dtype if p.dtype.itemsize >= q.dtype.itemsize else q.dtype
    return p.astype(dtype), q.astype(dtype)
