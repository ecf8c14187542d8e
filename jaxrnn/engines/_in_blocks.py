"""Loops over time that take their steps in blocks."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .._numerics import alike, divided
from .._typing import Array, Carry, Inputs, Size


def in_place(
    prepare: Callable[[Inputs], Inputs],
    step: Callable[[Carry, Inputs], tuple[Carry, Any]],
    carry: Carry,
    xs: Inputs,
    size: Size,
) -> tuple[Carry, Any]:
    """Scan `step` over what `prepare` makes of the inputs, of `size` steps at a time.

    The steps of all blocks write into the same arrays. In a scan of scans those of one block would
    have arrays of their own, which are copied afterwards.
    """
    steps = jax.tree.leaves(xs)[0].shape[0]

    def block(carry: Carry, xs: Inputs) -> tuple[Carry, Any]:
        return jax.lax.scan(step, carry, prepare(xs))

    if size == steps:
        return block(carry, xs)
    shapes = jax.eval_shape(block, carry, xs)[1]
    if any(map(_is_key, jax.tree.leaves(shapes))) or any(map(divided, jax.tree.leaves(xs))):
        return stacked(block, carry, xs, size)  # plain zeros cannot stand for what is written

    def run(i: Array, state: Any) -> Any:
        us = prepare(jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, i * size, size), xs))

        def one(t: Array, state: Any) -> Any:
            carry, outs = state
            u = jax.tree.map(lambda u: jax.lax.dynamic_index_in_dim(u, t, keepdims=False), us)
            carry, new = step(carry, u)

            def write(out: Array, y: Array) -> Array:
                return jax.lax.dynamic_update_index_in_dim(out, y, i * size + t, 0)

            return carry, jax.tree.map(write, outs, new)

        return jax.lax.fori_loop(0, size, one, state)

    outs = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    (carry, outs), _ = alike(((carry, outs), xs))
    return jax.lax.fori_loop(0, steps // size, run, (carry, outs))


def stacked(
    block: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    xs: Any,
    size: Size,
    *,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Scan a function of `size` steps."""
    steps = jax.tree.leaves(xs)[0].shape[0]
    if size == steps:
        return block(state, xs)
    folded = jax.tree.map(lambda x: x.reshape(steps // size, size, *x.shape[1:]), xs)
    state, ys = jax.lax.scan(block, state, folded, reverse=reverse)
    return state, jax.tree.map(lambda y: y.reshape(steps, *y.shape[2:]), ys)


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.extended))
