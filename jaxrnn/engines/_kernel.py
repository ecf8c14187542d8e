"""A scan over time as one kernel, which keeps weights and carry on the chip; as a JAX operation.

One program of the kernel runs `rows` sequences. It loads what all steps share (the recurrent
weights) and the carries, loops over time, reads of every step what the scan reads, and writes what
it gives. Programs know nothing of one another.

What compiles the kernel depends on the platform that the operation is lowered for: Triton on a
GPU, Mosaic on a TPU. Elsewhere it is interpreted, that is, turned into plain operations. It is
differentiated as the scan that it stands for.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

from .._typing import Array
from ._grid import CPU, GPU, TPU, Kernel, Slots, Target, call, shape_of
from ._hoisted import hoisted, parts, whole

Tree = Any


def scan_rows(
    step: Callable[[Tree, Tree], tuple[Tree, Tree]],
    carry: Tree,
    xs: Tree,
    *,
    rows: int,
    reverse: bool,
) -> tuple[Tree, Tree]:
    """`jax.lax.scan` of a step of `rows` sequences, for a multiple of as many.

    Shapes: leaves of the carry are `[B, ...]`, and those of the inputs `[T, B, ...]`.
    """
    shapes = _of_rows(carry, 1, rows), _of_rows(xs, 2, rows)
    results = jax.eval_shape(step, *shapes)
    if any(leaf.shape[:1] != (rows,) for leaf in jax.tree.leaves(results)):
        raise ValueError("what a step gives has not one entry for each sequence")
    if jax.tree.map(_kind, results[0]) != jax.tree.map(_kind, shapes[0]):
        raise ValueError("a step changes the shapes or types of the carry")

    def of_parts(carry: list[Array], x: list[Array]) -> tuple[list[Array], list[Array]]:
        new, y = step(whole(carry, shapes[0]), whole(x, shapes[1]))
        return parts(new), parts(y)

    states, inputs = parts(carry), parts(xs)
    traced = hoisted(of_parts, _of_rows(states, 1, rows), _of_rows(inputs, 2, rows))
    read = [x for x, reads in zip(inputs, traced.reads, strict=True) if reads]
    length, batch = inputs[0].shape[:2]
    counts = len(traced.shared), len(states)
    kernel = Kernel(traced.step, *counts, length, batch // rows, rows, reverse)
    got = _bind(kernel, [*traced.shared, *states, *read])
    return whole(got, results)


def _of_rows(tree: Tree, axes: int, rows: int) -> Tree:
    """The shapes of one step of some rows; the first axes are those of time and batch."""
    return jax.tree.map(lambda x: shape_of((rows, *x.shape[axes:]), x.dtype), tree)


def _kind(leaf: Any) -> tuple[Any, Any]:
    return leaf.shape, leaf.dtype


# --- the operation --------------------------------------------------------------------------------

_kernel_p: Any = Primitive("rows_kernel")
_kernel_p.multiple_results = True


def _bind(kernel: Kernel, leaves: Sequence[Any]) -> list[Any]:
    plain = jax.make_jaxpr(_mapped(partial(_scan, kernel), kernel))(*leaves)
    return _kernel_p.bind(*leaves, kernel=kernel, plain=plain)


def _mapped(function: Callable[..., Any], kernel: Kernel) -> Callable[..., Any]:
    """The function under each `vmap`."""
    for level in kernel.levels:
        function = jax.vmap(function, [0 if mapped else None for mapped in level])
    return function


def _scan(kernel: Kernel, *leaves: Array) -> list[Array]:
    """The scan that the kernel stands for."""
    shared, carry, xs = kernel.split(leaves)

    def one(carry: list[Array], x: list[Array]) -> list[Array]:
        return jaxpr_as_fun(ClosedJaxpr(kernel.step, ()))(*shared, *carry, *x)

    def step(carry: list[Array], x: list[Array]) -> tuple[list[Array], list[Array]]:
        results = jax.vmap(one)(carry, x)
        return results[: kernel.carried], results[kernel.carried :]

    def groups(x: Array, axis: int) -> Array:
        return x.reshape(*x.shape[:axis], -1, kernel.rows, *x.shape[axis + 1 :])

    start, steps = [groups(c, 0) for c in carry], [groups(x, 1) for x in xs]
    last, ys = jax.lax.scan(step, start, steps, kernel.length, reverse=kernel.reverse)
    return [
        *(c.reshape(-1, *c.shape[2:]) for c in last),
        *(y.reshape(y.shape[0], -1, *y.shape[3:]) for y in ys),
    ]


def _impl(*leaves: Any, kernel: Kernel, plain: ClosedJaxpr) -> list[Any]:
    return jax.jit(partial(_kernel_p.bind, kernel=kernel, plain=plain))(*leaves)


def _jvp(primals: Any, tangents: Any, *, plain: ClosedJaxpr, **_: Any) -> Any:
    instantiate: Any = ad.instantiate_zeros  # which has no types
    return jax.jvp(jaxpr_as_fun(plain), tuple(primals), tuple(map(instantiate, tangents)))


def _batch(args: Any, dims: Any, *, kernel: Kernel, **_: Any) -> Any:
    mapped = tuple(dim is not None for dim in dims)
    leaves = [
        arg if dim is None else jnp.moveaxis(arg, dim, 0)
        for arg, dim in zip(args, dims, strict=True)
    ]
    results = _bind(kernel._replace(levels=(*kernel.levels, mapped)), leaves)
    return results, [0] * len(results)


_kernel_p.def_impl(_impl)
_kernel_p.def_abstract_eval(lambda *_, plain, **__: plain.out_avals)
ad.primitive_jvps[_kernel_p] = _jvp
batching.primitive_batchers[_kernel_p] = _batch


def _lowering(target: Target) -> Callable[..., Any]:
    def lowered(*leaves: Any, kernel: Kernel, **_: Any) -> list[Any]:
        return _mapped(partial(call, target, kernel), kernel)(*leaves)

    rule = mlir.lower_fun(lowered, multiple_results=True)

    def explained(context: Any, *args: Any, kernel: Kernel, **params: Any) -> Any:
        _check_sizes(target, kernel)
        try:
            return rule(context, *args, kernel=kernel, **params)
        except Exception as error:  # of the compiler for the kernel; there are all kinds of them
            raise NotImplementedError(
                f"Fused: a step of this cell does not compile to a kernel for a {target.name} "
                f"({type(error).__name__}: {error}). Use `Auto()`."
            ) from error

    return rule if target.interpret else explained


def _check_sizes(target: Target, kernel: Kernel) -> None:
    """A product in a kernel for a GPU has powers of two of at least 16 along every axis."""
    if target is not GPU:
        return
    if kernel.rows < _LEAST or kernel.rows & (kernel.rows - 1):
        raise ValueError(
            f"Fused: on a GPU, rows is a power of two and at least {_LEAST}, got {kernel.rows}"
        )
    for slot in Slots.of(kernel).carry:
        if len(slot.shape) > 1 and slot.shape[-1] % _LEAST:
            raise ValueError(
                f"Fused: on a GPU, the sizes of a carry are multiples of {_LEAST}, got "
                f"{slot.shape[1:]}. Use such a size, or `Auto()`."
            )


_LEAST = 16

for _platform, _target in (("cpu", CPU), ("cuda", GPU), ("rocm", GPU), ("tpu", TPU)):
    mlir.register_lowering(_kernel_p, _lowering(_target), platform=_platform)
