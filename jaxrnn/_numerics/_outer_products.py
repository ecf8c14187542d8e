"""The products that give matrices their gradients, in the order in which a CPU is fast.

The gradient of a matrix is the sum of `x_t ct_t^T` over time and batch. JAX writes it as
`(ct^T x)^T`. XLA turns the left array of a product with several axes to sum over in memory, and
here that is `ct`, which has an entry for every gate or class. So the product is written with the
smaller one on the left. Where that is `ct`, the result is turned behind a barrier: XLA would swap
both for it, and read them across their rows.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import Jaxpr, Literal, Primitive
from jax.interpreters import ad, batching, mlir

from .._typing import Array
from ._bound import bound
from ._placing import known
from ._together import together


def _summed_outer(x: Array, ct: Array, precision: Any, kind: Any) -> Array:
    """The sum of `x ct^T` over all axes of `x [..., I]` and `ct [..., G]` but the last."""
    leading = tuple(range(x.ndim - 1))
    product = partial(
        jax.lax.dot_general,
        dimension_numbers=((leading, leading), ((), ())),
        precision=precision,
        preferred_element_type=kind,
    )
    sizes = x.shape[-1], ct.shape[-1]
    if not all(map(known, sizes)) or sizes[0] <= sizes[1]:
        return product(x, ct)
    return together(product(ct, x)).T


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def product(kind: Any, x: Array, kernel: Array) -> Array:
    """`x @ kernel` for `x [T, *batch, I]`, whose gradient for the kernel is such a sum."""
    return jnp.dot(x, kernel, preferred_element_type=kind)


@partial(product.defjvp, symbolic_zeros=True)
def _(kind: Any, primals: tuple[Array, Array], tangents: tuple[Any, Any]) -> tuple[Any, Any]:
    (x, kernel), (dx, dkernel) = primals, tangents
    y = product(kind, x, kernel)
    moved = []
    if not isinstance(dx, SymbolicZero):
        moved.append(jnp.dot(dx, kernel, preferred_element_type=kind))
    if not isinstance(dkernel, SymbolicZero):
        config: Any = jax.config  # as it is now, not when this is transposed
        precision = config.jax_default_matmul_precision
        moved.append(_product_p.bind(x, dkernel, precision=precision, kind=kind))
    return y, sum(moved[1:], start=moved[0]) if moved else jnp.zeros_like(y)


def reordered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with such sums in place of those that JAX's own derivatives write."""

    def run(*args: Any) -> Any:
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
        results = _evaluate(closed.jaxpr, closed.consts, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return run


def _evaluate(jaxpr: Jaxpr, consts: list[Any], given: list[Any]) -> list[Any]:
    values: dict[Any, Any] = dict(
        zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *given], strict=True)
    )

    def read(v: Any) -> Any:
        return v.val if isinstance(v, Literal) else values[v]

    for equation in jaxpr.eqns:
        primitive: Any = equation.primitive
        params = equation.params
        args = list(map(read, equation.invars))
        if primitive.name == "jit":
            results = _evaluate(params["jaxpr"].jaxpr, params["jaxpr"].consts, args)
        elif primitive is jax.lax.dot_general_p and _sums_outer(equation):
            ct, x = args
            summed = _summed_outer(x, ct, params["precision"], params["preferred_element_type"])
            results = [summed.T]
        else:
            results = bound(equation, args)
        values.update(zip(equation.outvars, results, strict=True))
    return list(map(read, jaxpr.outvars))


def _sums_outer(equation: Any) -> bool:
    """Whether a product sums over all axes but the last of both its arguments."""
    ct, x = (v.aval for v in equation.invars)
    leading = tuple(range(ct.ndim - 1))
    return (
        x.ndim == ct.ndim > 1
        and equation.params["dimension_numbers"] == ((leading, leading), ((), ()))
        and equation.params["out_sharding"] is None
    )


def _plain(x: Array, kernel: Array, *, precision: Any, kind: Any) -> Array:
    return jnp.dot(x, kernel, precision=precision, preferred_element_type=kind)


def _abstract(x: Any, kernel: Any, *, kind: Any, **_: Any) -> Any:
    return jax.lax.dot_general_p.abstract_eval(
        x,
        kernel,
        dimension_numbers=(((x.ndim - 1,), (0,)), ((), ())),
        precision=None,
        preferred_element_type=kind,
        out_sharding=None,
    )[0]


def _ct_x(ct: Array, x: Any, kernel: Array, *, precision: Any, kind: Any) -> Array:
    return _plain(ct, kernel.T, precision=precision, kind=kind).astype(x.aval.dtype)


def _ct_kernel(ct: Array, x: Array, kernel: Any, *, precision: Any, kind: Any) -> Array:
    return _summed_outer(x, ct, precision, kind).astype(kernel.aval.dtype)


def _batch(args: Any, dims: Any, **options: Any) -> Any:
    if dims[1] is None:  # one more axis of rows
        return _product_p.bind(jnp.moveaxis(args[0], dims[0], 0), args[1], **options), 0
    return jax.vmap(partial(_plain, **options), dims)(*args), 0


_product_p: Any = Primitive("product")
_product_p.def_impl(_plain)
_product_p.def_abstract_eval(_abstract)
mlir.register_lowering(_product_p, mlir.lower_fun(_plain, multiple_results=False))
batching.primitive_batchers[_product_p] = _batch
_ad: Any = ad  # whose functions have no types
_ad.defbilinear(_product_p, _ct_x, _ct_kernel)
