"""Loops over time that write in place, and take their steps in blocks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import jaxpr_as_fun

from .._numerics import alike, divided, known
from .._typing import Array, Carry, Inputs, Size


@dataclass(frozen=True)
class Step:
    """A step in three parts: products may come before and after what is pointwise."""

    before: Callable[[Carry], Any]
    pointwise: Callable[[Any, Inputs], tuple[Any, Any]]
    after: Callable[[Any], Carry]

    def __call__(self, carry: Carry, x: Inputs) -> tuple[Carry, Any]:
        """The whole step."""
        state, y = self.pointwise(self.before(carry), x)
        return self.after(state), y


def same(tree: Any) -> Any:
    """The tree itself."""
    return tree


def in_blocks(
    step: Step,
    carry: Carry,
    xs: Inputs,
    prepare: Callable[[Inputs], Inputs],
    size: Size,
    *,
    reverse: bool,
) -> tuple[Carry, Any]:
    """Scan a step over what `prepare` makes of the inputs, of `size` steps at a time."""

    def block(carry: Carry, xs: Inputs) -> tuple[Carry, Any]:
        return jax.lax.scan(step, carry, prepare(xs), reverse=reverse)

    return stacked(block, carry, xs, size, reverse=reverse)


def in_place(
    step: Step,
    carry: Carry,
    xs: Inputs,
    prepare: Callable[[Inputs], Inputs],
    size: Size,
    *,
    reverse: bool,
) -> tuple[Carry, Any]:
    """The same as `in_blocks`, written for a CPU.

    The steps of all blocks write into the same arrays. In a scan of scans those of one block would
    have arrays of their own, which are copied afterwards.

    XLA takes the kernels of a loop's body one after another if they are at most eight, and
    otherwise hands them to a scheduler, at a cost in every step. So where a step reads and writes
    many arrays, what is pointwise is a function that XLA does not inline: two short sequences of
    kernels instead of a long one.

    JAX differentiates such a loop badly: every step would add to the cotangent of all inputs.
    """
    steps = jax.tree.leaves(xs)[0].shape[0]
    if not known(steps) or _divided(xs):
        return in_blocks(step, carry, xs, prepare, size, reverse=reverse)
    u = jax.eval_shape(lambda xs: jax.tree.map(lambda u: u[0], prepare(xs)), xs)
    pointwise, (_, shapes) = _traced(step.pointwise, jax.eval_shape(step.before, carry), u)
    many = len(jax.tree.leaves((u, shapes))) > _FEW
    keys = any(map(_is_key, jax.tree.leaves(shapes)))  # plain zeros cannot stand for them
    blocks = steps // size
    if keys or (blocks == 1 and not many):
        step = Step(step.before, pointwise, step.after)
        return in_blocks(step, carry, xs, prepare, size, reverse=reverse)

    def block(i: Array | int, state: Any) -> Any:
        start = (blocks - 1 - i if reverse else i) * size
        part = partial(jax.lax.dynamic_slice_in_dim, start_index=start, slice_size=size)
        us = prepare(xs if blocks == 1 else jax.tree.map(part, xs))

        def middle(state: Any, outs: Any, t: Array) -> Any:
            t = size - 1 - t if reverse else t
            # What allowed for a negative t would be one more kernel in the loop.
            read = partial(jax.lax.dynamic_index_in_dim, keepdims=False, **_FROM_ZERO)
            write = partial(jax.lax.dynamic_update_index_in_dim, axis=0, **_FROM_ZERO)
            state, new = pointwise(state, jax.tree.map(lambda u: read(u, t), us))
            return state, jax.tree.map(lambda out, y: write(out, y, start + t), outs, new)

        call = _not_inlined(middle) if many else middle

        def one(t: Array, state: Any) -> Any:
            carry, outs = state
            state, outs = call(step.before(carry), outs, t)
            return step.after(state), outs

        return jax.lax.fori_loop(0, size, one, state)

    outs = jax.tree.map(lambda leaf: jnp.zeros((steps, *leaf.shape), leaf.dtype), shapes)
    (carry, outs), _ = alike(((carry, outs), xs))
    state = carry, outs
    return block(0, state) if blocks == 1 else jax.lax.fori_loop(0, blocks, block, state)


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


def _traced(function: Callable[..., Any], *shapes: Any) -> tuple[Callable[..., Any], Any]:
    """A function that need not be traced again, and the shapes of its results."""
    jaxpr, results = jax.make_jaxpr(function, return_shape=True)(*shapes)
    structure: Any = jax.tree.structure(results)

    def evaluate(*args: Any) -> Any:
        return structure.unflatten(jaxpr_as_fun(jaxpr)(*jax.tree.leaves(args)))

    return evaluate, results


def _not_inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that stays one where XLA knows the mark, and is inlined as others elsewhere."""
    mark: Any = set_xla_metadata  # which has no types
    return lambda *args: mark(jax.jit(function)(*args), inlineable="false")


# Arrays of all steps that a step reads and writes; the call of a function costs a kernel or two.
_FEW = 3
_FROM_ZERO: Any = {"allow_negative_indices": False}


def _divided(tree: Any) -> bool:
    return any(map(divided, jax.tree.leaves(tree)))


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.extended))
