"""Entropies of other orders than Shannon's, which is their limit at 1."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._typing import Array, ArrayLike
from ._phi import phi
from ._softmax import exact_log_softmax, exact_softmax, possible


def min_entropy(logits: ArrayLike, *, where: ArrayLike | None = None) -> Float[Array, "*steps"]:
    r"""Min-entropy $-\log \max_k p_k$ of `p = softmax(logits)`, in nats.

    The surprisal of the likeliest class: `exp(-min_entropy)` is how often the best guess is right.
    It is `renyi_entropy` at order `inf`, and at most the entropy. Arguments and errors are those of
    `entropy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import min_entropy
        >>> print(f"{min_entropy(jnp.log(jnp.array([0.7, 0.2, 0.1]))):.5f}")
        0.35667
    """
    largest = jnp.max(exact_log_softmax(possible("min_entropy", "logits", logits, where)), axis=-1)
    return jnp.where(largest == -jnp.inf, 0, -largest)


def renyi_entropy(
    logits: ArrayLike, order: ArrayLike, *, where: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Rényi entropy $\frac{1}{1 - a} \log \sum_k p_k^a$ of `p = softmax(logits)`, in nats.

    It falls as its order `a` grows: order 0 is the logarithm of the number of possible classes, 1
    the entropy, 2 the collision entropy, `inf` the min-entropy. Value and derivatives, those by the
    order too, are smooth through 1 and keep their digits beside it, where the formula is `0 / 0`.

    Args:
        logits: `[..., V]`, classes last; never probabilities.
        order: `a`, from 0 to `inf`: one number, or one for each row, `[...]`. It may be traced.
        where: `Bool[..., V]` or `Bool[V]`, the classes that are possible.

    Returns:
        `[...]`, at least float32. Inside `jit`, where the order cannot be read, a negative one
        gives NaN.

    Raises:
        TypeError: for logits or an order that are not real, or a `where` that is not bool.
        ValueError: for a negative order, and for shapes that do not fit.

    Reference:
        Rényi (1961), On Measures of Entropy and Information, Proceedings of the Fourth Berkeley
        Symposium on Mathematical Statistics and Probability.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn.information import renyi_entropy
        >>> logits = jnp.log(jnp.array([0.7, 0.2, 0.1]))
        >>> print(", ".join(f"{renyi_entropy(logits, a):.4f}" for a in (0, 0.5, 1, 2, jnp.inf)))
        1.0986, 0.9401, 0.8018, 0.6162, 0.3567
        >>> print(f"{jax.grad(renyi_entropy, 1)(logits, 1.0):.5f}")  # minus half the varentropy
        -0.24719
    """
    z = possible("renyi_entropy", "logits", logits, where)
    return _renyi(z, _check_order("renyi_entropy", order, z))


@jax.jit
def _renyi(z: Array, order: Array) -> Array:
    beyond = order - 1
    tsallis = _tsallis(z, order)
    power_sum = 1 - beyond * tsallis
    near = power_sum > 1 / 8  # further down, 1 less something near 1 has few digits left
    # log1p(x) / beyond, with x = power_sum - 1, is 0 / 0 at order 1; x / beyond is not.
    near_one = tsallis / phi(1, jnp.log1p(jnp.where(near, -beyond * tsallis, 0)))
    log_p = exact_log_softmax(z)
    powers = order[..., None] * jnp.where(log_p == -jnp.inf, 0, log_p)
    powers = jnp.where(log_p == -jnp.inf, -jnp.inf, powers)
    log_sum = jax.nn.logsumexp(jnp.where(near[..., None], 0, powers), axis=-1)
    return jnp.where(near, near_one, -log_sum / jnp.where(near, 1, beyond))


def tsallis_entropy(
    logits: ArrayLike, order: ArrayLike, *, where: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Tsallis entropy $(1 - \sum_k p_k^a) / (a - 1)$ of `p = softmax(logits)`.

    Order 0 is the number of possible classes less 1, order 1 the entropy in nats, order 2 the
    probability that two draws differ (the Gini impurity); at `inf` it is 0. Smooth through 1 as
    `renyi_entropy` is, whose arguments, return value and errors it has.

    Reference:
        Tsallis (1988), Possible Generalization of Boltzmann-Gibbs Statistics,
        https://doi.org/10.1007/BF01016429

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import tsallis_entropy
        >>> print(f"{tsallis_entropy(jnp.log(jnp.array([0.7, 0.2, 0.1])), 2):.4f}")
        0.4600
    """
    z = possible("tsallis_entropy", "logits", logits, where)
    return _tsallis(z, _check_order("tsallis_entropy", order, z))


@jax.custom_jvp
@jax.jit
def _tsallis(z: Array, order: Array) -> Array:
    return jnp.sum(_terms(z, order), axis=-1)


@_tsallis.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z, order), (dz, dorder) = primals, tangents
    terms, dterms = jax.jvp(lambda order: _terms(z, order), (order,), (dorder,))
    value = jnp.sum(terms, axis=-1)
    slope = order[..., None] * (terms - exact_softmax(z) * value[..., None])
    return value, jnp.sum(dterms, axis=-1) + jnp.sum(slope * dz, axis=-1)


def _terms(z: Array, order: Array) -> Array:
    """`(p - p^a) / (a - 1)` of each class, never negative; `-p log p` at `a = 1`."""
    log_p = exact_log_softmax(z)
    impossible = log_p == -jnp.inf
    log_p = jnp.where(impossible, 0, log_p)
    # The larger of p and p^a times (1 - the other over it), so that nothing overflows.
    above = order >= 1
    power = jnp.where(above, 1, order)[..., None]
    gap = jnp.where(above, order - 1, 1 - order)[..., None]
    larger = jnp.where(above[..., None], exact_softmax(z), jnp.exp(power * log_p))
    return jnp.where(impossible, 0, -larger * log_p * phi(1, gap * log_p))


def _check_order(who: str, order: ArrayLike, z: Array) -> Array:
    """The order of every row, or raise."""
    array = jnp.asarray(order)
    if not jnp.issubdtype(array.dtype, jnp.floating) and not jnp.issubdtype(
        array.dtype, jnp.integer
    ):
        raise TypeError(f"{who}: order must be a real number, got {_check.describe(array)}.")
    if array.shape not in ((), z.shape[:-1]):
        raise ValueError(
            f"{who}: order is one number, or one for each row of the logits, {z.shape[:-1]}; got "
            f"shape {array.shape}. For several orders of the same logits use `jax.vmap`."
        )
    if not _check.holds(lambda order: order >= 0, order):
        raise ValueError(f"{who}: order must lie in [0, inf], got {order}.")
    # An order this large acts as infinity does, whose product with 0 is not a number.
    array = jnp.minimum(array.astype(z.dtype), np.sqrt(np.finfo(z.dtype).max))
    return jnp.broadcast_to(jnp.where(array >= 0, array, jnp.nan), z.shape[:-1])
