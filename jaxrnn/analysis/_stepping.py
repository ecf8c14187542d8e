"""The step of a cell or of a layer as a map of vectors."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from .. import _check
from .._typing import Array, Batch, Carry, Inputs, Params
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


def carry_of(who: str, model: Stepping, params: Params, batch: Batch, carry: Carry | None) -> Carry:
    """The carry to start from, like the model's own and in its types; it must have a derivative."""
    check_causal(model)
    own = model.carry(params, batch)
    if carry is None:
        carry = own
    else:
        _check.arrays(who, carry=carry)
        came, wanted = (jax.tree.map(jnp.shape, tree) for tree in (carry, own))
        if came != wanted:
            raise ValueError(
                f"{who}: the carry must be like the model's own, of shapes {wanted}, got {came}"
            )
    carry = jax.tree.map(_like, carry, own)
    leaves = jax.tree.leaves(carry)
    wrong = [leaf for leaf in leaves if not jnp.issubdtype(leaf.dtype, jnp.floating)]
    if wrong or not leaves:
        came = _check.describe(wrong[0]) if wrong else "an empty one"
        raise TypeError(f"{who}: the carry must consist of floating-point numbers, got {came}")
    return carry


def _like(leaf: Any, own: Any) -> Array:
    """In the floating type of the model's own: what a step gives is again what it takes."""
    leaf = jnp.asarray(leaf)
    both = (jnp.issubdtype(x.dtype, jnp.floating) for x in (leaf, own))
    return leaf.astype(own.dtype) if all(both) else leaf


def maps_of(who: str, model: Stepping, params: Params, carry: Carry | None) -> Maps:
    """The maps of one sequence's carry, which is raveled into a vector."""
    start, rebuild = ravel_pytree(carry_of(who, model, params, (), carry))

    def step(vector: Array, x: Any) -> Array:
        return ravel_pytree(model.step(params, rebuild(vector), x)[0])[0]

    return Maps(step, start, rebuild)


def sequence(who: str, xs: Inputs) -> Inputs:
    """Inputs `[T, ...]` of one sequence, at least one step of it."""
    _check.arrays(who, xs=xs)
    xs = jax.tree.map(jnp.asarray, xs)
    lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(xs)}
    if len(lengths) != 1 or not min(lengths):
        shapes = ", ".join(map(_check.describe, jax.tree.leaves(xs))) or "no array"
        raise ValueError(
            f"{who}: xs must be a sequence [T, ...] of at least one step, got {shapes}"
        )
    return xs


def check_step(who: str, name: str, model: Stepping, x: Inputs, lead: int = 0) -> None:
    """Raise where inputs have axes of batch: it is one step, or with `lead=1` one sequence."""
    shape = model.input_shape
    for leaf in jax.tree.leaves(x):
        if shape is not None and jnp.ndim(leaf) > lead + len(shape):
            what = "one sequence [T, ...]" if lead else "one step of one sequence"
            raise ValueError(
                f"{who}: {name} must be {what}, without a batch, got {_check.describe(leaf)}; "
                "for many use `jax.vmap`"
            )


def led(who: str, model: Stepping, xs: Inputs) -> tuple[Inputs, Batch]:
    """Inputs as arrays, and their batch axes."""
    xs = sequence(who, xs)
    shape = model.input_shape
    features = 1 if shape is None else len(shape)
    leaf = jax.tree.leaves(xs)[0]
    if leaf.ndim < 1 + features:
        raise ValueError(f"{who}: xs must be [T, *batch, features], got {_check.describe(leaf)}")
    return xs, leaf.shape[1 : leaf.ndim - features]
