"""Checks of probabilities, and the array library that a fact about them is computed with."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check, _host
from .._dtypes import at_least_float32
from .._typing import Array, Leaf

TOLERANCE = 1e-5  # rows that were normalised in float32 sum to 1 within far less


def numbers(*values: Any) -> Any:
    """numpy and the values in float64 where all can be read, else jax.numpy and the values.

    What follows from fixed probabilities alone is thus exact to 15 digits, whatever precision JAX
    is set to, and compiles nothing; the same lines are traced by `jit`, `vmap` and `grad`.
    """
    if all(map(_check.concrete, values)):
        return np, *(np.asarray(value, np.float64) for value in values)
    arrays = [array(value) for value in values]
    widest = max((given.dtype for given in arrays), key=lambda dtype: dtype.itemsize)
    return jnp, *(given.astype(widest) for given in arrays)


def given(who: str, name: str, value: Any) -> Any:
    """What a user passes as probabilities: traced as it is, else read into numpy or refused."""
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
        return jnp.asarray(value)
    read = _host.array(who, name, value)
    if np.iscomplexobj(read):  # numpy would drop the imaginary part, with a warning
        raise TypeError(f"{who}: {name} must be real numbers, got {read.dtype}")
    return read


def array(value: Any) -> Array:
    """A jax array of at least float32."""
    given = jnp.asarray(value)
    floating = given if jnp.issubdtype(given.dtype, jnp.floating) else given.astype(float)
    return floating.astype(at_least_float32(floating.dtype))


def table(rows: list[Any]) -> Any:
    """Nested rows as an array of `numbers`."""
    xp, *_ = numbers(*jax.tree.leaves(rows))
    return xp.array(rows)


def probability(who: str, name: str, value: Leaf) -> Any:
    """`value` as a number, or raise where it is not one in [0, 1], as far as it can be read."""
    _, p = numbers(given(who, name, value))
    if p.ndim:
        raise ValueError(
            f"{who}: {name} must be one number, got shape {p.shape}. For a sweep use `jax.vmap`."
        )
    if not _check.holds(lambda p: (p >= 0) & (p <= 1), p):
        raise ValueError(f"{who}: {name} must lie in [0, 1], got {value}")
    return p


def rows(who: str, name: str, value: Any, of: str = "row") -> None:
    """Raise unless every row that can be read is a distribution."""
    if not _check.concrete(value):
        return
    given = np.asarray(value, np.float64)
    negative, total = given.min(-1), given.sum(-1)
    wrong = ~((negative >= 0) & (abs(total - 1) < TOLERANCE))
    if wrong.any():
        at = tuple(int(place[0]) for place in np.nonzero(np.atleast_1d(wrong)))[: wrong.ndim]
        place = f" {', '.join(map(str, at))}" if at else ""
        what = f"holds {negative[at]:.6g}" if negative[at] < 0 else f"sums to {total[at]:.6g}"
        raise ValueError(
            f"{who}: {of}{place} of {name} {what}; probabilities are at least 0 and sum to 1"
        )


def entropy(xp: Any, p: Any) -> Any:
    """`-sum p log p` over the last axis, in nats."""
    return 0 - xp.sum(p * xp.log(xp.where(p > 0, p, 1)), axis=-1)  # a sum of -0 stays 0
