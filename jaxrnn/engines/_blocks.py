"""Carries as real vectors, and linear recurrences of them whose matrices are blocks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._dtypes import at_least_float32
from .._typing import Array, Carry, Inputs, Params
from ..cells import Cell
from ._controls import Controlled
from ._structure import NOTHING, reached, shape_of


class Layout(NamedTuple):
    """A carry as `N` blocks of `K` real numbers, between which steps do not mix.

    leaves: the shape and type of each leaf of the carry of one sequence.
    structure: the carry's.
    apart: whether every unit depends on its own past alone. Then a block is a unit, of one number
        for each leaf (two for a complex one); otherwise the whole carry is one block.
    """

    leaves: list[Any]
    structure: Any
    apart: bool

    @property
    def dtype(self) -> Any:
        """The type of the vectors, which is that of the widest leaf."""
        return at_least_float32(max(map(_real, self.leaves), key=lambda dtype: dtype.itemsize))

    @property
    def precision(self) -> float:
        """The relative rounding of the narrowest leaf."""
        return max(rounding(_real(leaf)) for leaf in self.leaves)

    def pack(self, carry: Carry) -> Array:
        """`[..., N, K]` from a carry of leaves `[..., *leaf]`."""
        parts = []
        for leaf, one in zip(jax.tree.leaves(carry), self.leaves, strict=True):
            lead = leaf.shape[: leaf.ndim - len(one.shape)]
            flat = leaf if len(one.shape) == 1 else leaf.reshape(*lead, _size(one))
            pair = [flat.real, flat.imag] if jnp.iscomplexobj(flat) else [flat]
            parts += [part.astype(self.dtype) for part in pair]
        if self.apart:
            return jnp.stack(parts, axis=-1)
        return jnp.concatenate(parts, axis=-1)[..., None, :]

    def unpack(self, vector: Array) -> Carry:
        """The carry that `pack` made the vector of."""
        leaves, lead, at = [], vector.shape[:-2], 0
        for one in self.leaves:
            parts = []
            for _ in range(2 if jnp.issubdtype(one.dtype, jnp.complexfloating) else 1):
                size = 1 if self.apart else _size(one)
                part = vector[..., :, at] if self.apart else vector[..., 0, at : at + size]
                parts.append(part.astype(_real(one)))
                at += size
            flat = jax.lax.complex(*parts) if len(parts) == 2 else parts[0]
            leaves.append(flat if len(one.shape) == 1 else flat.reshape(*lead, *one.shape))
        return jax.tree.unflatten(self.structure, leaves)


def layout(cell: Cell, params: Params, carry: Carry, xs: Inputs) -> Layout | None:
    """How the carry is laid out; None if it is no vector: it holds integers, or has no batch."""
    single = jax.eval_shape(lambda params: cell.carry(params, ()), params)
    leaves, structure = jax.tree.flatten(single)
    if not leaves or not all(jnp.issubdtype(leaf.dtype, jnp.inexact) for leaf in leaves):
        return None
    batches = set()
    for leaf, one in zip(jax.tree.leaves(carry), leaves, strict=True):
        axes = leaf.ndim - len(one.shape)
        if axes < 0 or leaf.shape[axes:] != one.shape:
            return None
        batches.add(leaf.shape[:axes])
    if len(batches) != 1:
        return None
    return Layout(leaves, structure, _apart(cell, params, single, xs, len(batches.pop())))


def _apart(cell: Cell, params: Params, carry: Carry, xs: Inputs, axes: int) -> bool:
    """Whether every unit of the carry depends on its own past alone."""
    while isinstance(cell, Controlled):  # holds and replaces whole carries
        cell, xs = cell.cell, xs.x
    leaves = jax.tree.leaves(carry)
    if len({_size(leaf) for leaf in leaves}) > 1:
        return False
    numbers = [np.arange(_size(leaf)).reshape(leaf.shape) for leaf in leaves]
    args = carry, *one_step(cell, params, xs, axes)
    found = jax.tree.leaves(reached(advanced(cell), args, numbers)[0])
    return all(
        bool(np.all((unit == number) | (unit == NOTHING)))
        for unit, number in zip(found, numbers, strict=True)
    )


def one_step(cell: Cell, params: Params, xs: Inputs, axes: int) -> tuple[Params, Inputs]:
    """The shapes of the parameters, and of what `advance` reads at one step of one sequence."""

    def one(leaf: Any) -> Any:
        return shape_of((1, *leaf.shape[1 + axes :]), leaf.dtype)

    def prepared(params: Params, xs: Inputs) -> Inputs:
        return jax.tree.map(lambda leaf: leaf[0], cell.prepare(params, xs))

    return params, jax.eval_shape(prepared, params, jax.tree.map(one, xs))


def advanced(cell: Cell) -> Callable[..., Carry]:
    """The new carry alone, as a function of the old one first."""
    return lambda carry, params, u: cell.advance(params, carry, u)[0]


def blocks(function: Callable[[Array], Array], points: Array) -> tuple[Array, Array]:
    """The values of a function of `[..., N, K]`, and its Jacobian's blocks `[..., N, K, K]`."""
    values, push = jax.linearize(function, points)
    basis = jnp.eye(points.shape[-1], dtype=points.dtype)

    def column(direction: Array) -> Array:
        wide = direction.reshape(*(1 for _ in points.shape[:-1]), -1)
        return push(jnp.zeros_like(points) + jnp.broadcast_to(wide, points.shape))

    return values, jnp.moveaxis(jax.vmap(column)(basis), 0, -1)


def times(a: Array, b: Array) -> Array:
    """The products of blocks `[..., K, K]` and `[..., K, L]`."""
    if a.shape[-1] > _SMALL:
        return jnp.matmul(a, b, precision="highest")
    return (a[..., :, :, None] * b[..., None, :, :]).sum(-2)


_SMALL = 4  # up to here sums of elementwise products are faster than many tiny matrix products


def apply(a: Array, x: Array) -> Array:
    """Blocks `[..., K, K]` times vectors `[..., K]`."""
    return times(a, x[..., None])[..., 0]


def recurrence(a: Array, b: Array, *, reverse: bool = False, limit: float | None = None) -> Array:
    """`x_t = a_t x_{t-1} + b_t` from `x_0 = 0`, in parallel over time; `reverse` from the last.

    With a limit, what exceeds it is cut, so that nothing overflows. Without, a result that
    overflowed in products of matrices is computed again step by step.
    """

    def bounded(x: Array) -> Array:
        return x if limit is None else jnp.clip(x, -limit, limit)

    def compose(earlier: tuple[Array, Array], later: tuple[Array, Array]) -> tuple[Array, Array]:
        (a1, b1), (a2, b2) = earlier, later
        return bounded(times(a2, a1)), bounded(apply(a2, b1) + b2)

    x = jax.lax.associative_scan(compose, (a, b), reverse=reverse)[1]
    if limit is not None:
        return x
    sound = jnp.all(jnp.isfinite(x))
    return jax.lax.cond(sound, lambda *_: x, step_by_step(reverse), a, b)


def step_by_step(reverse: bool) -> Callable[[Array, Array], Array]:
    """The same recurrence, step by step."""

    def run(a: Array, b: Array) -> Array:
        def step(x: Array, ab: tuple[Array, Array]) -> tuple[Array, Array]:
            x = apply(ab[0], x) + ab[1]
            return x, x

        return jax.lax.scan(step, jnp.zeros_like(b[0]), (a, b), reverse=reverse)[1]

    return run


def rounding(dtype: Any) -> float:
    """The relative rounding of a floating type."""
    info: Any = jnp.finfo(dtype)  # type: ignore[no-untyped-call]
    return float(info.eps)


def _real(leaf: Any) -> Any:
    info: Any = jnp.finfo(leaf.dtype)  # type: ignore[no-untyped-call]
    return info.dtype


def _size(leaf: Any) -> int:
    return int(np.prod(leaf.shape))
