"""Which results each entry of a function's arguments reaches, read off the traced derivative.

A recurrence whose units depend on their own past alone, however its author wrote it down, has a
Jacobian of small blocks, which are cheap to compute, to compose and to remember. A factor that
happens to be 0 counts as any other here, so that what is found holds for all numbers. Of an
operation that is not known here, everything reaches everything.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from .._numerics import moving, pushed

NOTHING, SEVERAL = -1, -2

# How an entry reaches results: [3, *shape], the share of results reached (0 or 1), the mean of
# their numbers, and the mean of the squares. They are one number just where the mean of the squares
# is the square of the mean.
Reach = Any


def reached(function: Callable[..., Any], args: tuple[Any, ...], numbers: list[Any]) -> Any:
    """For every entry of the arguments, the number of the results that it reaches.

    Args:
        function: its results are arrays of floating numbers, in any tree.
        args: the arguments, trees of arrays or of shapes.
        numbers: for each array of the results, integers from 0 that number its entries.

    Returns:
        A tree like `args` of integers, with None at leaves without a derivative: `NOTHING` where no
        result is reached, `SEVERAL` where results of different numbers are.
    """
    shapes = jax.tree.map(lambda leaf: shape_of(leaf.shape, leaf.dtype), args)
    tangents = moving(shapes)
    leaves, structure = jax.tree.flatten(tangents)

    def derivative(args: Any, tangents: Any) -> Any:
        return jax.tree.leaves(pushed(function, args, tangents))

    program: Any = jax.make_jaxpr(derivative)(shapes, tangents).jaxpr
    start: list[Reach | None] = [
        np.stack([np.ones(n.shape), n + 1.0, (n + 1.0) ** 2]) for n in numbers
    ]
    linear = [False] * (len(program.invars) - len(leaves)) + [True] * len(leaves)
    found = _pulled(program, linear, start)[len(linear) - len(leaves) :]
    return jax.tree.unflatten(structure, map(_named, found, leaves))


def shape_of(shape: Any, dtype: Any) -> Any:
    """An array's shape and type, without an array."""
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def _named(reach: Reach | None, leaf: Any) -> Any:
    if reach is None:
        return np.full(leaf.shape, NOTHING)
    some, mean, square = reach
    one = np.where(square - mean**2 > 1e-9 * square, SEVERAL, np.rint(mean).astype(int) - 1)
    return np.where(some > 0, one, NOTHING)


def _pulled(program: Any, linear: list[bool], results: list[Reach | None]) -> list[Reach | None]:
    """What every input reaches, from what the results do: one pass from the last operation."""
    moves = {v for v, own in zip(program.invars, linear, strict=True) if own}
    for equation in program.eqns:
        if any(not isinstance(v, Literal) and v in moves for v in equation.invars):
            moves.update(v for v in equation.outvars if jnp.issubdtype(v.aval.dtype, jnp.inexact))
    known: dict[Any, Reach] = {}

    def add(v: Any, reach: Reach | None) -> None:
        if reach is None or isinstance(v, Literal) or v not in moves:
            return
        total = known.get(v, 0) + reach
        some = total[0]
        known[v] = np.where(some > 0, total / np.where(some > 0, some, 1), 0)

    for v, reach in zip(program.outvars, results, strict=True):
        add(v, reach)
    for equation in reversed(program.eqns):
        outs = [known.get(v) for v in equation.outvars]
        own = [not isinstance(v, Literal) and v in moves for v in equation.invars]
        if any(out is not None for out in outs) and any(own):
            for v, reach in zip(equation.invars, _through(equation, own, outs), strict=True):
                add(v, reach)
    return [known.get(v) for v in program.invars]


def _through(equation: Any, own: list[bool], outs: list[Reach | None]) -> list[Reach | None]:
    """What the inputs of one operation reach through it."""
    name, params = equation.primitive.name, equation.params
    inner = params.get("jaxpr", params.get("call_jaxpr"))
    if name in _CALLS and inner is not None:
        return _pulled(getattr(inner, "jaxpr", inner), own, outs)
    shapes = [v.aval.shape for v in equation.invars]
    if name in _RULES and len(outs) == 1:
        (out,) = outs
        return [
            _RULES[name](out, i, shapes, params) if mine else None for i, mine in enumerate(own)
        ]
    if name == "split":
        parts = [
            np.zeros((3, *v.aval.shape)) if out is None else out
            for v, out in zip(equation.outvars, outs, strict=True)
        ]
        return [np.concatenate(parts, params["axis"] + 1)]
    total: Any = sum(_summed(out, range(out.ndim - 1)) for out in outs if out is not None)
    return [np.broadcast_to(total.reshape(3, *(1 for _ in s)), (3, *s)) for s in shapes]


def _summed(reach: Reach, axes: Any) -> Reach:
    return reach.sum(tuple(axis + 1 for axis in axes))


# Of each operation: what its i-th operand reaches, from what its result does. The operands' shapes
# and the operation's parameters are those of JAX.


def _elementwise(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    return out if len(out.shape) == len(shapes[i]) + 1 else _summed(out, range(out.ndim - 1))


def _reshape(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    return out.reshape(3, *shapes[i])


def _broadcast(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    kept = params["broadcast_dimensions"]
    repeated = [
        axis
        for axis in range(out.ndim - 1)
        if axis not in kept or shapes[i][kept.index(axis)] != out.shape[axis + 1]
    ]
    return _summed(out, repeated).reshape(3, *shapes[i])


def _transpose(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    return out.transpose(0, *(1 + np.argsort(params["permutation"])))


def _reduce(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    wide = np.expand_dims(out, tuple(axis + 1 for axis in params["axes"]))
    return np.broadcast_to(wide, (3, *shapes[i]))


def _slice(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    whole = np.zeros((3, *shapes[i]))
    strides = params["strides"] or [1] * len(shapes[i])
    places = map(slice, params["start_indices"], params["limit_indices"], strides)
    whole[(slice(None), *places)] = out
    return whole


def _concatenate(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    axis = params["dimension"]
    start = sum(shape[axis] for shape in shapes[:i])
    return np.take(out, range(start, start + shapes[i][axis]), axis + 1)


def _pad(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    if i == 1:
        return _summed(out, range(out.ndim - 1))
    places = []
    for size, (low, high, inner) in zip(shapes[0], params["padding_config"], strict=True):
        if low < 0 or high < 0:
            total = _summed(out, range(out.ndim - 1)).reshape(3, *(1 for _ in shapes[0]))
            return np.broadcast_to(total, (3, *shapes[0]))
        places.append(slice(low, low + (size - 1) * (inner + 1) + 1, inner + 1))
    return out[(slice(None), *places)]


def _reverse(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    return np.flip(out, tuple(axis + 1 for axis in params["dimensions"]))


def _dot(out: Reach, i: int, shapes: Any, params: Any) -> Reach:
    contracted, batch = params["dimension_numbers"]
    mine, other = contracted[i], contracted[1 - i]
    free = [a for a in range(len(shapes[i])) if a not in (*mine, *batch[i])]
    others = len(shapes[1 - i]) - len(other) - len(batch[i])
    first = len(batch[i]) + (0 if i == 1 else len(free))
    kept = _summed(out, range(first, first + others))  # the result has batch, left, right
    order = [*batch[i], *free]
    wide = kept.reshape(*kept.shape, *(1 for _ in mine))
    full = np.broadcast_to(wide, (*kept.shape, *(shapes[i][axis] for axis in mine)))
    return full.transpose(0, *(1 + np.argsort([*order, *mine])))


_CALLS = {"jit", "pjit", "closed_call", "checkpoint", "custom_jvp_call", "custom_vjp_call"}
_RULES: dict[str, Callable[[Reach, int, Any, Any], Reach]] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "neg", "add_any", "select_n"), _elementwise),
    **dict.fromkeys(("convert_element_type", "reduce_precision", "copy"), _elementwise),
    **dict.fromkeys(("real", "imag", "complex", "conj", "together", "pvary"), _elementwise),
    **dict.fromkeys(("reshape", "squeeze", "expand_dims"), _reshape),
    "broadcast_in_dim": _broadcast,
    "transpose": _transpose,
    "reduce_sum": _reduce,
    "slice": _slice,
    "concatenate": _concatenate,
    "pad": _pad,
    "rev": _reverse,
    "dot_general": _dot,
}
