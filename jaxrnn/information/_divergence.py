"""Cross-entropy and Kullback-Leibler divergence between two predictions."""

import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._typing import Array, ArrayLike
from ._softmax import exact_log_softmax, expectation, possible


def cross_entropy(
    p_logits: ArrayLike, q_logits: ArrayLike, *, where: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Cross-entropy $H(p, q) = -\sum_k p_k \log q_k$ of two softmax distributions, in nats.

    It is `entropy(p) + kl_divergence(p, q)`, so at `q = p` it is the entropy, not 0. It is `inf`
    exactly where `p` deems possible what `q` deems impossible. For observed labels use `surprisal`.

    Args:
        p_logits: `[..., V]`, the distribution of the expectation.
        q_logits: `[..., V]`, the distribution that is scored.
        where: `Bool[..., V]` or `Bool[V]`, the classes that are possible under either.

    Returns:
        `[...]`, at least float32.

    Raises:
        TypeError: for logits that are not real floating numbers, or a `where` that is not bool.
        ValueError: for a missing class axis, two shapes, or a `where` of another shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import cross_entropy
        >>> p, q = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]))
        >>> print(f"{cross_entropy(p, q):.5f}")
        0.90109
    """
    log_p, log_q = _log_softmax_pair("cross_entropy", p_logits, q_logits, where)
    return expectation(jnp.exp(log_p), -log_q)


def kl_divergence(
    p_logits: ArrayLike, q_logits: ArrayLike, *, where: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Kullback-Leibler divergence $\sum_k p_k (\log p_k - \log q_k)$, in nats.

    What coding symbols of `p` with the code of `q` costs beyond the entropy of `p`. It is `inf`
    exactly where `p` deems possible what `q` deems impossible. Arguments and errors are those of
    `cross_entropy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import kl_divergence
        >>> p, q = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]))
        >>> print(f"{kl_divergence(p, q):.5f}")
        0.09927
    """
    log_p, log_q = _log_softmax_pair("kl_divergence", p_logits, q_logits, where)
    p = jnp.exp(log_p)
    return expectation(p, jnp.where(p == 0, 0, log_p) - jnp.where(p == 0, 0, log_q))


def _log_softmax_pair(
    who: str, p_logits: ArrayLike, q_logits: ArrayLike, where: ArrayLike | None
) -> tuple[Array, Array]:
    p = possible(who, "p_logits", p_logits, where)
    q = possible(who, "q_logits", q_logits, where)
    if p.shape != q.shape:
        raise ValueError(
            f"{who}: p_logits and q_logits must have one shape, got {_check.describe(p)} and "
            f"{_check.describe(q)}. Use `jnp.broadcast_to` where one is shared."
        )
    dtype = p.dtype if p.dtype.itemsize >= q.dtype.itemsize else q.dtype
    return exact_log_softmax(p.astype(dtype)), exact_log_softmax(q.astype(dtype))
