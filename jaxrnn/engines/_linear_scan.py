"""`LinearScan`: linear recurrences step by step, with their derivative by hand."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import known, select
from .._typing import Carry, Inputs, Params
from ..cells import Cell, LinearCell, Transition
from ._controls import Controlled, Flags
from ._engine import Engine
from ._segments import recomputed


class LinearScan(Engine[LinearCell]):
    """A linear recurrence step by step, of which only the recurrence stays in the loops.

        forward    h_t = a_t h_{t-1} + b_t          backward    g_t = a_{t+1}^T g_{t+1} + d_t

    The gradient with respect to `a_t` is the product of `g_t` and `h_{t-1}`, and is computed for
    all steps at once, after the loop. A matrix that is the same at every step is not copied.

    Where a state is much larger than what the cell reads (`S4D`, `S6`), this is done for a block of
    steps at a time, so that what the states are made of, and what is read of them, stays in a
    processor's cache. Of a block only its first carry is kept; the states are computed again in the
    backward pass, which takes less time than bringing them from memory.

    Args:
        unroll: steps per iteration of the compiled loops.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.MinGRU(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.LinearScan())[1].shape
        (7, 2, 4)
    """

    unroll: int = jax.tree.static(default=1)

    def __post_init__(self) -> None:
        """Check the size."""
        _check.sizes("LinearScan", unroll=self.unroll)

    @property
    def takes(self) -> type[Cell]:
        return LinearCell

    def run(self, cell: Any, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        size = _block(carry, xs)
        if size is None:
            return self._whole(cell, params, carry, xs)

        def block(cell: Any, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
            return self._whole(cell, params, carry, xs)

        return recomputed(block, size, cell, carry, xs)

    def _whole(self, cell: Any, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        made = cell.prepare(params, xs)
        (a, b), linear, fresh, flags = made, cell, carry, Flags()
        if isinstance(cell, Controlled):
            (a, b), linear, fresh, flags = made.inner, cell.cell, cell.fresh, made.aside
        steady = linear.matrix(params)
        if steady is not None:  # then what `prepare` makes of it is never computed
            axes = jax.tree.leaves(b)[0].ndim - jax.tree.leaves(linear.carry(params))[0].ndim
            a = jax.tree.map(lambda leaf: leaf.reshape(*(1,) * (axes - 1), *leaf.shape), steady)
        static = linear.transition, steady is not None, self.unroll
        hs = _solve(static, a, b, carry, fresh, flags)
        outs = cell.passed(made, _shifted(carry, hs), hs)
        return jax.tree.map(lambda h: h[-1], hs), cell.finish(params, outs, xs)


def _block(carry: Carry, xs: Inputs) -> int | None:
    """Steps in a block; None for all at once."""
    steps = jax.tree.leaves(xs)[0].shape[0]
    state, inputs = _bytes(carry), _bytes(xs)
    if not known(steps) or not known(state) or not known(inputs):
        return None
    size = max(1, _BLOCK // max(1, state))
    return size if size < steps and state * steps >= _LARGER * inputs else None


# Bytes of states in a block, of which several arrays are to fit the second cache of a core; and how
# many times larger than the inputs they must be. Else a loop of blocks costs more than it gives.
_BLOCK, _LARGER = 2**19, 4


def _bytes(tree: Inputs) -> Any:  # an `int`, or what JAX knows of one where sizes are symbols
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _shifted(carry: Carry, hs: Carry) -> Carry:
    """The states before each step."""
    return jax.tree.map(lambda first, h: jnp.concatenate([first[None], h[:-1]]), carry, hs)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _solve(
    static: tuple[Transition, bool, int],
    a: Carry,
    b: Carry,
    carry: Carry,
    fresh: Carry,
    flags: Flags,
) -> Carry:
    """All states. The derivative of a solution is one of the same recurrence, driven otherwise."""
    transition, steady, unroll = static

    def body(h: Carry, step: Any) -> tuple[Carry, Carry]:
        a_t, b_t, flags_t = step
        before = h if flags_t.begins is None else select(flags_t.begins, fresh, h)
        new = jax.tree.map(jnp.add, transition.act(a if steady else a_t, before), b_t)
        new = new if flags_t.valid is None else select(flags_t.valid, new, h)
        return new, new

    return jax.lax.scan(body, carry, (None if steady else a, b, flags), unroll=unroll)[1]


@_solve.defjvp
def _solve_jvp(
    static: tuple[Transition, bool, int], primals: Any, tangents: Any
) -> tuple[Carry, Carry]:
    a, _, carry, fresh, flags = primals
    d_a, d_b, d_carry, d_fresh, _ = tangents
    transition, steady, _ = static
    hs = _solve(static, *primals)
    before = _shifted(carry, hs)
    if flags.begins is not None:
        steps = len(flags.begins)
        whole = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (steps, *leaf.shape)), fresh)
        before = select(flags.begins, whole, before)
    if steady:
        d_a = jax.tree.map(lambda leaf: leaf[None], d_a)
    driven = jax.tree.map(jnp.add, transition.act(d_a, before), d_b)
    return hs, _solve(static, a, driven, d_carry, d_fresh, flags)
