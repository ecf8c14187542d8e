"""What `unroll`, and the other functions over whole sequences, check of their arguments."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import known
from .._typing import Array, ArrayLike, Batch, Carry, Inputs, Params
from ..cells import Cell
from ._engine import Engine


def taken(
    who: str,
    cell: Cell,
    params: Params,
    xs: Inputs,
    carry: Carry | None,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    resets: ArrayLike | None,
    engine: Engine[Any] | None = None,
) -> tuple[Any, ...]:
    """xs, carry, lengths, mask and resets as arrays, after all checks that need no compilation."""
    if not isinstance(cell, Cell):
        raise TypeError(
            f"{who}: cell must be a `Cell`, got {cell!r}. A layer runs by itself: "
            "`layer.apply(params, xs)`."
        )
    if engine is not None:
        engine.check(cell)
    if any(isinstance(leaf, int | float) for leaf in jax.tree.leaves(xs)):
        raise TypeError(
            f"{who}: xs holds Python numbers: nested lists are a tree, not an array. "
            "Pass jnp.asarray(xs)."
        )
    _check.arrays(who, xs=xs)
    _check.unmasked(who, params=params, carry=carry)
    xs = jax.tree.map(jnp.asarray, xs)
    shape = _leading_shape(who, cell, params, xs)
    if lengths is not None:
        _check.lengths(who, "lengths", lengths, shape)
        lengths = jnp.asarray(lengths)
    mask, resets = (
        _checked_flags(who, name, flags, shape)
        for name, flags in (("mask", mask), ("resets", resets))
    )
    if carry is not None:
        carry = jax.tree.map(jnp.asarray, carry)
        _check_carry(who, cell, params, carry, shape[1:])
    return xs, carry, lengths, mask, resets


def batch_of(cell: Cell, xs: Inputs) -> Batch:
    """The batch axes of inputs."""
    return leading(cell, jax.tree.leaves(xs)[0])[1:]


def leading(cell: Cell, leaf: Array) -> Batch:
    """`[T, *batch]` of an input, whose other axes are features."""
    axes = 1 if cell.input_shape is None else len(cell.input_shape)
    return leaf.shape[: max(0, leaf.ndim - axes)]


def _leading_shape(who: str, cell: Cell, params: Params, xs: Inputs) -> Batch:
    leaves = jax.tree.leaves(xs)
    if not leaves:
        raise ValueError(f"{who}: xs holds no array")
    first = leading(cell, leaves[0])
    for leaf in leaves:
        shape = leading(cell, leaf)
        if not shape:
            raise ValueError(
                f"{who}: xs must be [T, *batch, {_features(cell)}], got {_check.describe(leaf)}. "
                "For one feature a step add an axis: xs[..., None]."
            )
        if shape != first:
            raise ValueError(
                f"{who}: the arrays in xs must share [T, *batch], got "
                f"{_check.describe(leaves[0])} and {_check.describe(leaf)}"
            )
    if any(known(size) and size == 0 for size in first):
        what = "T = 0: there is no step to run" if first[0] == 0 else "an empty batch"
        raise ValueError(f"{who}: xs has {what} ({_check.describe(leaves[0])})")
    if cell.input_shape is not None:
        _check_features(who, cell, params, xs)
    return first


def _features(cell: Cell) -> str:
    """The axes of features, as a message names them."""
    if not cell.input_shape or len(cell.input_shape) == 1:
        return "features"
    return ", ".join("any" if size is None else str(size) for size in cell.input_shape)


def _check_features(who: str, cell: Cell, params: Params, xs: Inputs) -> None:
    who, wanted = f"{who}: {type(cell).__name__}", cell.input_shape
    assert wanted is not None
    if not isinstance(xs, jax.Array) or not fits(wanted, xs.shape):
        got = " and ".join(map(_check.describe, jax.tree.leaves(xs)))
        kind = "" if isinstance(xs, jax.Array) else f"a {type(xs).__name__} of "
        sizes = ", ".join("any" if size is None else str(size) for size in wanted)
        raise ValueError(f"{who} takes {sizes} features, xs is {kind}{got}")
    if not wanted:
        return  # symbols
    _check.floating(who, "xs", xs, "Embed symbols, or use `jax.nn.one_hot`; `xs.astype(float)`.")
    kinds = {jnp.result_type(leaf) for leaf in jax.tree.leaves(params)}
    floats = {str(kind): kind for kind in kinds if jnp.issubdtype(kind, jnp.floating)}
    widest = max((kind.itemsize for kind in floats.values()), default=8)
    if xs.dtype.itemsize > max(4, widest):  # carries are at least float32
        raise TypeError(
            f"{who}: xs is {xs.dtype}, wider than the parameters "
            f"({' and '.join(sorted(floats))}). Cast one to the other."
        )


def fits(wanted: tuple[int | None, ...], shape: Batch) -> bool:
    """Whether the last axes of a shape are of these sizes; `None` is any."""
    got = shape[len(shape) - len(wanted) :]
    return len(shape) >= len(wanted) and all(
        size is None or size == have for size, have in zip(wanted, got, strict=True)
    )


def check_params(who: str, cell: Cell, params: Params) -> None:
    """Raise unless the parameters have the structure and shapes that `cell.init` draws."""
    if cell.input_shape is None:
        return  # a cell of plain functions may be run with any parameters
    wanted = _shapes(jax.eval_shape(cell.init, jax.random.key(0)))
    got = _shapes(params)
    if wanted != got:
        differing = [
            f"{name} is {got.get(name, 'missing')}, not {wanted.get(name, 'there')}"
            for name in wanted | got
            if wanted.get(name) != got.get(name)
        ]
        raise ValueError(
            f"{who}: the parameters are not those of {cell!r}: {'; '.join(differing)}. "
            "`cell.init(key)` makes such that fit."
        )


def _shapes(tree: Any) -> dict[str, str]:
    def shape(leaf: Any) -> str:
        real = jnp.issubdtype(getattr(leaf, "dtype", float), jnp.inexact)
        return f"{jnp.shape(leaf)}" if real else f"{jnp.shape(leaf)} of whole numbers"

    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {f"params{jax.tree_util.keystr(path)}": shape(leaf) for path, leaf in leaves}


def check_batch(who: str, what: str, tree: Any, leading: Batch) -> None:
    """Raise unless the steps that are masked, or start afresh, can be told apart."""
    for leaf in jax.tree.leaves(tree):
        if jnp.shape(leaf)[: len(leading)] != leading:
            raise ValueError(
                f"{who}: with masks, lengths or resets, all of {what} must begin with the axes "
                f"{leading}, got {_check.describe(leaf)}. `jnp.broadcast_to` adds them."
            )


def _checked_flags(who: str, name: str, flags: ArrayLike | None, shape: Batch) -> Array | None:
    if flags is None:
        return None
    _check.flags(who, name, flags, shape)
    return jnp.asarray(flags)


def _check_carry(who: str, cell: Cell, params: Params, carry: Carry, batch: Batch) -> None:
    expected = jax.eval_shape(lambda params: cell.carry(params, batch), params)
    wanted: Any = jax.tree.structure(expected)
    got: Any = jax.tree.structure(carry)
    if wanted != got:
        raise TypeError(
            f"{who}: carry must have the structure {wanted}, got {got}. {_CARRY_REMEDY}"
        )
    for (path, want), have in zip(
        jax.tree_util.tree_leaves_with_path(expected), jax.tree.leaves(carry), strict=True
    ):
        if (want.shape, want.dtype) != (have.shape, have.dtype):
            raise (ValueError if want.shape != have.shape else TypeError)(
                f"{who}: carry{jax.tree_util.keystr(path)} must be {_check.describe(want)}, got "
                f"{_check.describe(have)}. {_CARRY_REMEDY}"
            )


_CARRY_REMEDY = "`cell.carry(params, batch)` makes one that fits."
