"""`logsumexp` whose derivatives are finite where nothing is possible."""

from jaxtyping import Float

from .._numerics import exact_logsumexp, possible
from .._typing import Array, ArrayLike


def logsumexp(logits: ArrayLike, *, classes: ArrayLike | None = None) -> Float[Array, "*steps"]:
    r"""$\log \sum_k e^{z_k}$ over the last axis, with finite derivatives.

    A sum over nothing but impossible terms is `-inf` with derivative 0, and a term of probability 0
    takes no part in any derivative. With both, a dynamic programme may forbid what it likes.

    Args:
        logits: `[..., V]`.
        classes: `Bool[..., V]` or `Bool[V]`, the terms that are possible.

    Returns:
        `[...]`, at least float32.

    Raises:
        TypeError: for logits that are not real floating numbers, or `classes` that are not bool.
        ValueError: for a missing class axis, or `classes` of another shape.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn.information import logsumexp
        >>> impossible = jnp.array([-jnp.inf, -jnp.inf])
        >>> print(logsumexp(impossible), jax.grad(logsumexp)(impossible))
        -inf [0. 0.]
    """
    return exact_logsumexp(possible("logsumexp", "logits", logits, classes))
