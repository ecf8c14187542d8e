"""Softmax that keeps its digits, and what the functions of logits share.

A class whose logit is `-inf`, or whose place in `classes` is False, is impossible: it has
probability 0 and takes no part in any sum.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._dtypes import at_least_float32
from .._typing import Array, ArrayLike
from ._partition import partition


def real(who: str, name: str, value: ArrayLike) -> Array:
    """`value` as an array of real numbers of at least float32."""
    if value is None or isinstance(value, dict | str):
        _check.one_array(who, **{name: value})
    array = _check.numbers(who, name, value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"{who}: {name} must be floating, got {_check.describe(array)}. "
            f"If these are numbers to compute with, cast them: `{name}.astype(jnp.float32)`."
        )
    return array.astype(at_least_float32(array.dtype))


def possible(who: str, name: str, logits: ArrayLike, classes: ArrayLike | None) -> Array:
    """Logits of at least float32, `-inf` at every class that `classes` excludes."""
    logits = real(who, name, logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(
            f"{who}: {name} needs at least one class on its last axis, "
            f"got {_check.describe(logits)}."
        )
    if classes is None:
        return logits
    classes = _check.numbers(who, "classes", classes)
    if classes.dtype != bool:
        raise TypeError(
            f"{who}: classes must be bool, got {classes.dtype}. Compare first: `classes > 0`"
        )
    if classes.shape not in (logits.shape, logits.shape[-1:]):
        raise ValueError(
            f"{who}: classes says which of them are possible, so it has the shape of {name}, "
            f"{logits.shape}, or of its last axis, {logits.shape[-1:]}; got {classes.shape}. Steps "
            "that do not count are left out of the result: `jnp.where(mask, values, 0)`."
        )
    return jnp.where(jnp.broadcast_to(classes, logits.shape), logits, -jnp.inf)


def expectation(p: Array, x: Array) -> Array:
    """`sum p x` over the last axis, where `p == 0` contributes 0 whatever `x` is."""
    return jnp.sum(p * jnp.where(p == 0, 0, x), axis=-1)


@jax.custom_jvp
def exact_log_softmax(z: Array) -> Array:
    """`log_softmax` of logits that `possible` made."""
    top, rest = log_partition(z)
    return (z - top) - rest


@exact_log_softmax.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    log_p = exact_log_softmax(z)
    # Less the tangent of a class of more than 1/2, if there is one, which so is in no sum: where it
    # is almost certain, its own derivative is the small sum of the others, not 1 less something.
    place = jax.lax.broadcasted_iota(z.dtype, z.shape, z.ndim - 1)
    likely = jnp.max(jnp.where(log_p > -math.log(2), place, -1), axis=-1, keepdims=True)
    dz_of_likely = jnp.sum(jnp.where(place == likely, dz, 0), axis=-1, keepdims=True)
    dz = jnp.where(place == likely, 0, dz - dz_of_likely)
    return log_p, dz - jnp.sum(jnp.exp(log_p) * dz, axis=-1, keepdims=True)


def exact_softmax(z: Array) -> Array:
    """`softmax` of logits that `possible` made; a row without a possible class is 0 throughout."""
    return jnp.exp(exact_log_softmax(z))


def log_partition(z: Array) -> tuple[Array, Array]:
    """The largest logit, and what `log_partition` is above it, to its full relative accuracy."""
    parts = partition(z)
    return parts.top, parts.rest


def finite_constant(x: Array) -> Array:
    """What may be taken off others: a constant to derivatives, and 0 where it is infinite."""
    x = jax.lax.stop_gradient(x)
    return jnp.where(jnp.abs(x) == jnp.inf, 0, x)
