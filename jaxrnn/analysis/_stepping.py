"""The step of a cell or of a layer as a map of vectors."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from .. import _check
from .._typing import Array, Carry, Inputs, Params
from ..cells import Cell
from ..networks import Layer


class Maps(NamedTuple):
    """A sequence of maps of the carry, as vectors, one for each input."""

    step: Callable[[Array, Any], Array]
    """`step(carry [n], x) -> carry [n]`."""

    start: Array
    rebuild: Callable[[Array], Carry]


Stepping: TypeAlias = Cell | Layer
"""What has a step from a carry to the next, and a carry to begin with."""


def check_causal(model: Stepping) -> None:
    """Raise for a layer that reads what comes later, and so has no steps."""
    if isinstance(model, Layer):
        model.check_causal()


def check_carry(who: str, carry: Carry) -> None:
    """Raise for a carry that has no derivative, or none at all."""
    leaves = jax.tree.leaves(carry)
    wrong = [leaf for leaf in leaves if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating)]
    if wrong or not leaves:
        came = _check.describe(wrong[0]) if wrong else "an empty one"
        raise TypeError(f"{who}: the carry must consist of floating-point numbers, got {came}")


def maps_of(who: str, model: Stepping, params: Params, carry: Carry | None) -> Maps:
    """The maps of one sequence's carry, which is raveled into a vector."""
    check_causal(model)
    carry = jax.tree.map(jnp.asarray, model.carry(params) if carry is None else carry)
    check_carry(who, carry)
    start, rebuild = ravel_pytree(carry)

    def step(vector: Array, x: Any) -> Array:
        return ravel_pytree(model.step(params, rebuild(vector), x)[0])[0]

    return Maps(step, start, rebuild)


def sequence(who: str, xs: Inputs) -> Inputs:
    """Inputs `[T, ...]` of one sequence, at least one step of it."""
    xs = jax.tree.map(jnp.asarray, xs)
    lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(xs)}
    if len(lengths) != 1 or not min(lengths):
        shapes = ", ".join(map(_check.describe, jax.tree.leaves(xs))) or "no array"
        raise ValueError(
            f"{who}: xs must be a sequence [T, ...] of at least one step, got {shapes}"
        )
    return xs


def led(who: str, model: Stepping, xs: Inputs) -> tuple[Inputs, tuple[int, ...]]:
    """Inputs as arrays, and their batch axes."""
    xs = sequence(who, xs)
    shape = model.input_shape
    features = 1 if shape is None else len(shape)
    leaf = jax.tree.leaves(xs)[0]
    if leaf.ndim < 1 + features:
        raise ValueError(f"{who}: xs must be [T, *batch, features], got {_check.describe(leaf)}")
    return xs, leaf.shape[1 : leaf.ndim - features]
