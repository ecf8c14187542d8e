"""`log_softmax` that keeps its digits, and what the functions of logits share.

A class whose logit is `-inf`, or whose place in `where` is False, is impossible: it has
probability 0 and takes no part in any sum.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._typing import Array, ArrayLike
from ._probabilities import refuse_probabilities


def real(who: str, name: str, value: ArrayLike) -> Array:
    """`value` as an array of real numbers of at least float32."""
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"{who}: {name} must be floating, got {_check.describe(array)}. "
            f"If these are numbers to compute with, cast them: `{name}.astype(jnp.float32)`."
        )
    return array.astype(at_least_float32(array.dtype))


def possible(who: str, name: str, logits: ArrayLike, where: ArrayLike | None) -> Array:
    """Logits of at least float32, `-inf` at every class that `where` excludes."""
    refuse_probabilities(who, name, logits)
    return terms(who, name, logits, where)


def terms(who: str, name: str, logits: ArrayLike, where: ArrayLike | None) -> Array:
    """Exponents of at least float32, `-inf` at every one that `where` excludes."""
    logits = real(who, name, logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(
            f"{who}: {name} needs at least one class on its last axis, "
            f"got {_check.describe(logits)}."
        )
    if where is None:
        return logits
    where = jnp.asarray(where)
    if where.dtype != bool:
        raise TypeError(f"{who}: where must be bool, got {where.dtype}. Compare first: `where > 0`")
    if where.shape not in (logits.shape, logits.shape[-1:]):
        raise ValueError(
            f"{who}: where selects classes, so it has the shape of {name}, {logits.shape}, or of "
            f"its last axis, {logits.shape[-1:]}; got {where.shape}."
        )
    return jnp.where(jnp.broadcast_to(where, logits.shape), logits, -jnp.inf)


def expectation(p: Array, x: Array) -> Array:
    """`sum p x` over the last axis, where `p == 0` contributes 0 whatever `x` is."""
    return jnp.sum(p * jnp.where(p == 0, 0, x), axis=-1)


def log_softmax(
    logits: ArrayLike, *, where: ArrayLike | None = None
) -> Float[Array, "*steps classes"]:
    r"""Log-probabilities $\log p_k = z_k - \log \sum_j e^{z_j}$, to full relative accuracy.

    The sum leaves out the largest term and re-enters through `log1p`, so a near-certain class keeps
    its digits: logits `[20, 0]` give `-2.06e-9`, where the usual form rounds to 0 in float32.

    Args:
        logits: `[..., V]`, classes last.
        where: `Bool[..., V]` or `Bool[V]`, the classes that are possible; the others get `-inf`.

    Returns:
        `[..., V]`, at least float32. A row without a possible class is `-inf` throughout.

    Raises:
        TypeError: for logits that are not real floating numbers, or a `where` that is not bool.
        ValueError: for a missing class axis, or a `where` of another shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import log_softmax
        >>> print(f"{log_softmax(jnp.array([20.0, 0.0]))[0]:.4e}")
        -2.0612e-09
    """
    return exact_log_softmax(possible("log_softmax", "logits", logits, where))


@jax.custom_jvp
def exact_log_softmax(z: Array) -> Array:
    """`log_softmax` of logits that `possible` made."""
    shifted, rest = _below_largest(z)
    return shifted - jnp.log1p(rest)


@exact_log_softmax.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    return exact_log_softmax(z), dz - jnp.sum(exact_softmax(z) * dz, axis=-1, keepdims=True)


@jax.custom_jvp
def exact_softmax(z: Array) -> Array:
    """`softmax` of logits that `possible` made; a row without a possible class is 0 throughout.

    Not `exp(log_softmax)`: a logarithm of -40 is rounded by 40 times what a number near 1 is.
    """
    shifted, rest = _below_largest(z)
    return jnp.exp(shifted) / (1 + rest)


@exact_softmax.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    p = exact_softmax(z)
    return p, p * (dz - jnp.sum(p * dz, axis=-1, keepdims=True))


def _below_largest(z: Array) -> tuple[Array, Array]:
    """Logits less the largest one, and the sum of the exponentials of all but one largest."""
    top = jnp.max(z, axis=-1, keepdims=True)
    none = top == -jnp.inf
    shifted = z - jnp.where(none, 0, top)
    largest = shifted == 0
    rest = jnp.sum(jnp.where(largest, 0, jnp.exp(shifted)), axis=-1, keepdims=True)
    rest += jnp.sum(largest, axis=-1, keepdims=True, dtype=z.dtype) - 1
    return shifted, jnp.where(none, 0, rest)
