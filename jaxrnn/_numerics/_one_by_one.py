"""Decompositions of matrices, one after another on a CPU.

There JAX (0.10 at least) divides a large batch of matrices among the threads that run the program,
and the thread that asks for it waits for the others. Where all ask at once, because layers do that
do not depend on each other, or devices, none is left to do the work, and the program hangs.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array


def one_by_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, of which `vmap` makes a loop on a CPU; elsewhere a batch, as usual.

    It has forward derivatives only.
    """
    looped = jax.custom_batching.custom_vmap(function)

    @looped.def_vmap  # type: ignore[untyped-decorator, unused-ignore]
    def _(size: int, mapped: list[Any], *args: Any) -> tuple[Any, Any]:
        def whole(arg: Any, is_mapped: bool) -> Any:
            return arg if is_mapped else jnp.broadcast_to(arg, (size, *arg.shape))

        results = jax.lax.platform_dependent(
            *jax.tree.map(whole, args, tuple(mapped)),
            cpu=lambda *args: jax.lax.map(lambda one: looped(*one), args),
            default=jax.vmap(function),
        )
        return results, jax.tree.map(lambda _: True, results)

    return looped


def _on_matrices(function: Callable[..., Any], signature: str) -> Callable[..., Any]:
    return jax.jit(jnp.vectorize(one_by_one(function), signature=signature))


svd = _on_matrices(partial(jnp.linalg.svd, full_matrices=False), "(m,n)->(m,k),(k),(k,n)")
"""The thin decomposition of matrices `[..., M, N]`; forward derivatives only."""

householder = _on_matrices(partial(jnp.linalg.qr, mode="raw"), "(n,n)->(n,n),(n)")
"""The reflections of a QR decomposition, as LAPACK has them; forward derivatives only."""

eigenvalues = _on_matrices(jnp.linalg.eigvals, "(n,n)->(n)")
"""The eigenvalues of matrices `[..., N, N]`; forward derivatives only."""

_inverse = _on_matrices(jnp.linalg.inv, "(n,n)->(n,n)")


@jax.custom_jvp
def inverse(matrix: Array) -> Array:
    """The inverse of matrices `[..., N, N]`; derivatives of any order."""
    value: Array = _inverse(matrix)
    return value


@inverse.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    value = inverse(*primals)
    return value, -(value @ tangents[0] @ value)


@jax.custom_jvp
def spectral_norm(matrix: Array) -> Array:
    """The largest singular value of matrices `[..., M, N]`.

    It has derivatives of any order where no other singular value is equal, and one of the first
    order, `u dW v`, everywhere.
    """
    norm: Array = svd(matrix)[1][..., 0]
    return norm


@spectral_norm.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (w,), (dw,) = primals, tangents
    u, v = _directions(w)
    return spectral_norm(w), (u * (dw @ v[..., None])[..., 0]).sum(-1)


@jax.custom_jvp
def _directions(matrix: Array) -> tuple[Array, Array]:
    """The vectors u `[..., M]` and v `[..., N]` with `W v = |W| u`."""
    left, _, right = svd(matrix)
    return left[..., 0], right[..., 0, :]


@_directions.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Any, Any]:
    """`dv = (s^2 - W^T W)^+ d(W^T W) v`, and `s du = d(W v) - u ds`."""
    (w,), (dw,) = primals, tangents
    u, v = (vector[..., None] for vector in _directions(w))
    s = spectral_norm(w)[..., None, None]
    turned, moved = jnp.swapaxes(w, -1, -2), dw @ v
    pushed = jnp.swapaxes(dw, -1, -2) @ (w @ v) + turned @ moved
    pushed = pushed - v * (v * pushed).sum((-2, -1), keepdims=True)
    across = v * jnp.swapaxes(v, -1, -2)
    eye = jnp.broadcast_to(jnp.eye(w.shape[-1], dtype=w.dtype), across.shape)
    dv = inverse(s**2 * (eye + across) - turned @ w) @ pushed
    du = (moved + w @ dv - u * (u * moved).sum((-2, -1), keepdims=True)) / s
    return (u[..., 0], v[..., 0]), (du[..., 0], dv[..., 0])
