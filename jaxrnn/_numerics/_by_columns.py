"""`by_columns`: arrays laid out for the product that gives a weight's gradient."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from .._typing import Array


def by_columns(tree: Any) -> Any:
    """The same arrays `[T, *batch, features]`, feature by feature in the memory of a CPU.

    The product for a weight's gradient sums over time and batch, and reads them so. Time and batch
    become one axis for it and are transposed once, which makes a training step on a CPU faster by
    5 to 15 %. A batch that lies on several devices would have to be brought together first, which
    costs far more, so there the arrays stay as they are. Whether it does is known when a program is
    lowered, not when it is traced.
    """

    def leaf(x: Array) -> Array:
        if x.ndim < 2 or not jnp.issubdtype(x.dtype, jnp.inexact):
            return x
        return _by_columns_p.bind(x, sets=0)

    return jax.tree.map(leaf, tree)


def _turned(x: Array, *, sets: int) -> Array:
    """`sets` leading axes, of weights under `vmap`, stay apart from the rows."""
    rows = x.reshape(*x.shape[:sets], -1, x.shape[-1])
    kept: Array = jax.lax.optimization_barrier(jnp.matrix_transpose(rows))  # type: ignore[no-untyped-call]
    return jnp.matrix_transpose(kept).reshape(x.shape)


def _lowered(ctx: Any, x: Any, *, sets: int) -> Any:
    """For a CPU: turned if this program holds all rows, as it does on one device."""
    if not _alone(ctx.module_context.axis_context):
        return [x]
    return mlir.lower_fun(_turned, multiple_results=False)(ctx, x, sets=sets)


def _alone(context: Any) -> bool:
    """Whether arrays are whole: on one device, or inside `shard_map` over every axis of a mesh."""
    mesh = getattr(context, "mesh", None)
    if mesh is None:
        return getattr(context, "num_devices", None) == 1
    return set(context.manual_axes) == set(mesh.axis_names)


_by_columns_p: Any = Primitive("by_columns")
_by_columns_p.def_impl(lambda x, sets: x)
_by_columns_p.def_abstract_eval(lambda x, sets: x)
mlir.register_lowering(_by_columns_p, lambda _, x, sets: [x])
mlir.register_lowering(_by_columns_p, _lowered, platform="cpu")
_ad: Any = ad  # whose functions have no types
_ad.deflinear2(_by_columns_p, lambda ct, _, sets: [ct])


def _batch(args: Any, dims: Any, *, sets: int) -> Any:
    return _by_columns_p.bind(jnp.moveaxis(args[0], dims[0], 0), sets=sets + 1), 0


batching.primitive_batchers[_by_columns_p] = _batch
