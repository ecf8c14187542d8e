"""What several variables say about one another: functions of their joint table."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import exact_entropy
from .._typing import Array, ArrayLike
from ._ratio import excess


def mutual_information(joint: ArrayLike) -> Float[Array, ""]:
    r"""Mutual information $I(X; Y) = \sum_{xy} p_{xy} \log \frac{p_{xy}}{p_x p_y}$, in nats.

    How many nats one of two variables says about the other; 0 exactly where they are independent,
    and never negative. For more variables, see `total_correlation`.

    Args:
        joint: `[X, Y]`, probabilities that sum to 1, or integers that count how often each pair was
            seen; never logits. `jax.vmap` adds batch axes.

    Returns:
        A number, at least float32. Its gradient is that on tables that sum to 1; it is 0 at an
        entry of 0, which takes no part. Inside `jit`, where entries cannot be read, the table is
        divided by its sum. From few counts the value is too large: see `plugin_entropy`.

    Raises:
        TypeError: for a table that is neither real floating nor of integers.
        ValueError: for another number of axes than 2, entries that are negative or not finite,
            probabilities that do not sum to 1, and counts of nothing.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import mutual_information, to_bits
        >>> flipped_once_in_ten = jnp.array([[0.45, 0.05], [0.05, 0.45]])
        >>> print(f"{to_bits(mutual_information(flipped_once_in_ten)):.4f} bits")
        0.5310 bits
        >>> print(f"{mutual_information(jnp.array([[3, 1], [6, 2]])):.1f}")
        0.0
    """
    p = table("mutual_information", joint)
    if p.ndim != 2:
        raise ValueError(
            f"mutual_information: joint must be [X, Y], one axis for each variable, got shape "
            f"{p.shape}. Add batch axes with `jax.vmap`; for more variables use "
            "`total_correlation`."
        )
    return dependence(p)


def total_correlation(joint: ArrayLike) -> Float[Array, ""]:
    r"""Total correlation $\sum_i H(X_i) - H(X_1, \dots, X_n)$ of `n` variables, in nats.

    The divergence of their joint table from independence, at `n = 2` the mutual information. Never
    negative. The return value and errors are those of `mutual_information`.

    Args:
        joint: one axis for each variable; probabilities that sum to 1, or counts.

    Reference:
        Watanabe (1960), Information Theoretical Analysis of Multivariate Correlation,
        https://doi.org/10.1147/rd.41.0066

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import to_bits, total_correlation
        >>> xor = jnp.zeros((2, 2, 2)).at[[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]].set(0.25)
        >>> print(f"{to_bits(total_correlation(xor)):.4f} bits")  # though each pair has none
        1.0000 bits
    """
    return dependence(table("total_correlation", joint))


def conditional_entropy(joint: ArrayLike, *, given: int | Sequence[int]) -> Float[Array, ""]:
    r"""Conditional entropy $H(X | Y) = -\sum_{xy} p_{xy} \log p_{x|y}$, in nats.

    What remains unknown of the variables of a joint table once those on the axes `given` are known.
    With none given it is the joint entropy. The return value and errors are those of
    `mutual_information`.

    Args:
        joint: one axis for each variable; probabilities that sum to 1, or counts.
        given: the axis or axes of the variables that are known; `()` for none.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import conditional_entropy
        >>> joint = jnp.array([[0.5, 0.0], [0.25, 0.25]])
        >>> joint_entropy, rest = (conditional_entropy(joint, given=axes) for axes in ((), 0))
        >>> print(f"{joint_entropy:.4f} {rest:.4f}")
        1.0397 0.3466
    """
    p = table("conditional_entropy", joint)
    axes = given if isinstance(given, list | tuple) else (given,)
    if not all(isinstance(axis, int | np.integer) for axis in axes):
        raise TypeError(
            f"conditional_entropy: given must be an axis or several, as integers, got {given!r}."
        )
    known = sorted({axis % p.ndim for axis in axes if -p.ndim <= axis < p.ndim})
    if len(known) != len(axes):
        raise ValueError(
            f"conditional_entropy: given must name different axes of a table of {p.ndim}, got "
            f"{given}."
        )
    rows = jnp.moveaxis(p, known, range(len(known)))
    rows = rows.reshape(math.prod(rows.shape[: len(known)]), -1)
    log_rows = jnp.where(rows > 0, _log(rows), -jnp.inf)
    return jnp.sum(jnp.sum(rows, axis=-1) * exact_entropy(log_rows))


def table(who: str, joint: ArrayLike) -> Array:
    """`joint` as probabilities of at least float32 that sum to 1, or raise."""
    array = _check.numbers(who, "joint", joint)
    counts = jnp.issubdtype(array.dtype, jnp.integer)
    if not (counts or jnp.issubdtype(array.dtype, jnp.floating)):
        raise TypeError(
            f"{who}: joint must be floating probabilities or integer counts, got "
            f"{_check.describe(array)}."
        )
    if array.size == 0:
        raise ValueError(f"{who}: joint has no entries: {_check.describe(array)}.")
    if _check.concrete(joint):
        _check_entries(who, np.asarray(array, np.float64), counts, array.dtype)
    dtype = jnp.result_type(float) if counts else at_least_float32(array.dtype)
    p = array.astype(dtype)
    p = jnp.where(p == 0, 0, p)  # cuts the gradient
    return p / jnp.sum(p)


def _check_entries(who: str, entries: Any, counts: bool, dtype: Any) -> None:
    if not np.isfinite(entries).all() or (entries < 0).any():
        worst = entries.min() if np.isfinite(entries).all() else "an entry that is not finite"
        raise ValueError(
            f"{who}: joint holds probabilities or counts, which are not negative, got {worst}. "
            "Apply `jax.nn.softmax(logits, axis=None)` to logits first."
        )
    total = entries.sum()
    if counts and total == 0:
        raise ValueError(f"{who}: joint counts nothing: all its entries are 0.")
    # Probabilities rounded to bfloat16 still sum to 1 within the wider tolerance.
    if not counts and abs(total - 1) > (1e-4 if dtype.itemsize >= 4 else 1e-2):
        raise ValueError(
            f"{who}: the probabilities in joint must sum to 1, got {total:.6g}. Divide by the sum, "
            "or pass counts as integers: `joint.astype(jnp.int32)`."
        )


@jax.jit
def dependence(p: Array) -> Array:
    """The divergence from independence of a table that sums to 1."""
    every = range(p.ndim)
    marginals = [
        jnp.broadcast_to(jnp.sum(p, axis=[i for i in every if i != axis], keepdims=True), p.shape)
        for axis in every
    ]
    product = math.prod(marginals, start=jnp.ones_like(p))
    near = jnp.abs(product - p) < p / 2
    relative = jnp.where(near, (product - p) / jnp.where(near, p, 1), 0)
    ratio = jnp.where(near, jnp.log1p(relative), sum(map(_log, marginals)) - _log(p))
    return jnp.sum(excess(p, product, jnp.where(p == 0, jnp.inf, ratio)))


def _log(p: Array) -> Array:
    """The logarithm where there is one, else 0."""
    return jnp.log(jnp.where(p > 0, p, 1))
