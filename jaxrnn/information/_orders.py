"""Entropies of other orders than Shannon's, which is their limit at 1."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._numerics import exact_log_softmax, exact_softmax, log_partition, possible
from .._typing import Array, ArrayLike
from ._phi import phi, phi_series


def min_entropy(logits: ArrayLike, *, classes: ArrayLike | None = None) -> Float[Array, "*steps"]:
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
    z = possible("min_entropy", "logits", logits, classes)
    largest = jnp.max(exact_log_softmax(z), axis=-1)
    return jnp.where(largest == -jnp.inf, 0, -largest)


def renyi_entropy(
    logits: ArrayLike, order: ArrayLike, *, classes: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Rényi entropy $\frac{1}{1 - a} \log \sum_k p_k^a$ of `p = softmax(logits)`, in nats.

    It falls as its order `a` grows: order 0 is the logarithm of the number of possible classes, 1
    the entropy, 2 the collision entropy, `inf` the min-entropy. Value and derivatives, those by the
    order too, are smooth through 1 and keep their digits beside it, where the formula is `0 / 0`.

    Args:
        logits: `[..., V]`, classes last; never probabilities.
        order: `a`, from 0 to `inf`: one number, or one for each row, `[...]`. It may be traced.
        classes: `Bool[..., V]` or `Bool[V]`, the classes that are possible.

    Returns:
        `[...]`, at least float32. Inside `jit`, where the order cannot be read, a negative one
        gives NaN.

    Raises:
        TypeError: for logits or an order that are not real, or `classes` that are not bool.
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
    z = possible("renyi_entropy", "logits", logits, classes)
    return renyi_of_logits(z, _check_order("renyi_entropy", order, z))


@jax.custom_jvp
@jax.jit
def renyi_of_logits(z: Array, order: Array) -> Array:
    """`renyi_entropy` of logits that `possible` made, with an order for each row."""
    return log_partition(z)[1][..., 0] + _above_top(z, order)


@renyi_of_logits.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z, order), (dz, dorder) = primals, tangents
    # Classes are weighed by `p`, and by `r` in proportion to `p^a`. Of their logarithms' difference
    # `x` the slopes are (r - p) / (a - 1) and (p - r - r x) / (a - 1)^2, where nothing cancels.
    beyond, c = (order - 1)[..., None], _deviation(z, order)
    p, r = exact_softmax(z), exact_softmax(tilted_logits(z, order))
    x = -beyond * c
    near = jnp.abs(x) < 1
    small, apart = jnp.where(near, x, 0), jnp.where(near, 1, beyond)
    large = jnp.where(near | (r == 0), 0, x)
    by_logit = jnp.where(near, r * c * phi_series(1, small), (r - p) / apart)
    far = ((p - r - r * large) / apart) / apart
    by_order = jnp.where(near, r * c * c * phi_series(2, small), far)
    slope = -order * jnp.sum(by_logit * dz, axis=-1)
    return renyi_of_logits(z, order), slope - jnp.sum(by_order, axis=-1) * dorder


@jax.custom_jvp
def _deviation(z: Array, order: Array) -> Array:
    """`log p` and the Rényi entropy, to full accuracy where `p` is nearly uniform too."""
    return _below_top(z) + _above_top(z, order)[..., None]


@_deviation.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z, order), (dz, dorder) = primals, tangents
    _, dlog_p = jax.jvp(exact_log_softmax, (z,), (dz,))
    _, drenyi = jax.jvp(renyi_of_logits, (z, order), (dz, dorder))
    return _deviation(z, order), dlog_p + drenyi[..., None]


def _above_top(z: Array, order: Array) -> Array:
    """The Rényi entropy less that of order infinity: 0 or more."""
    below, tilted, beyond = _below_top(z), tilted_logits(z, order), order - 1
    (_, rest), (_, tilted_rest) = log_partition(z), log_partition(tilted)
    # The sum of p (e^x - 1) / (a - 1), of which no term is positive; a class of p = 0 may have one.
    x = beyond[..., None] * below
    near = jnp.abs(x) < 1
    p, p_times_exp_x = exact_softmax(z), jnp.exp(tilted - rest)
    far = (p_times_exp_x - p) / jnp.where(near, 1, beyond[..., None])
    terms = jnp.where(near, p * below * phi_series(1, jnp.where(near, x, 0)), far)
    mean = jnp.sum(terms, axis=-1)
    # Its logarithm, whose argument is the sum of p e^x.
    most = beyond * mean > -1 / 2
    log = jnp.log1p(jnp.where(most, beyond * mean, 0))
    apart = (rest - tilted_rest)[..., 0] / jnp.where(most, 1, beyond)
    return jnp.where(most, -mean / phi(1, log), apart)


def tilted_logits(z: Array, order: Array) -> Array:
    """The logarithm of `p^a` but for a constant, 0 at its largest."""
    return jnp.where(z == -jnp.inf, -jnp.inf, order[..., None] * _below_top(z))


def _below_top(z: Array) -> Array:
    """Logits less the largest; 0 for an impossible class."""
    least = jnp.asarray(np.finfo(z.dtype).min, z.dtype)
    top = jax.lax.stop_gradient(jnp.maximum(jnp.max(z, axis=-1, keepdims=True), least))
    # So far down its square is finite still.
    return jnp.where(z == -jnp.inf, 0, jnp.maximum(z - top, -jnp.sqrt(-least)))


def tsallis_entropy(
    logits: ArrayLike, order: ArrayLike, *, classes: ArrayLike | None = None
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
    z = possible("tsallis_entropy", "logits", logits, classes)
    order = _check_order("tsallis_entropy", order, z)
    renyi = renyi_of_logits(z, order)
    log_sum = (1 - order) * renyi
    near = jnp.abs(log_sum) < 1
    far = (1 - jnp.exp(log_sum)) / jnp.where(near, 1, order - 1)
    return jnp.where(near, renyi * phi(1, jnp.where(near, log_sum, 0)), far)


def _check_order(who: str, order: ArrayLike, z: Array) -> Array:
    """The order of every row, or raise."""
    array = _check.numbers(who, "order", order)
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
