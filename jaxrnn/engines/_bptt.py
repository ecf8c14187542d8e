"""`BPTT`: back-propagation through time with a hand-written derivative."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from .._typing import Array, Carry, Inputs, Params
from ..cells import GatedCell
from ._engine import Engine


class BPTT(Engine[GatedCell]):
    """The scan of a gated cell, with a derivative that holds only what must be sequential.

    Automatic differentiation of a scan adds to every weight's gradient at every step, and saves
    what every operation of the gate needs. Here the derivative is a linear recurrence of its own,

        d_r_t            = D mix(d_carry_{t-1}) + D mix(d_params)
        d_carry_t, d_y_t = pushforward(point_t, d_carry_{t-1}, merge(d_u_t, d_r_t))

    whose second summand and whose points (`GatedCell.linearize`) are computed for all steps at
    once. Run backwards, its loop holds the transposes of `mix` and of the gate's derivative, and
    the gradient of each weight is a single product after it. As it is a rule for tangents, every
    transformation of JAX applies: `grad`, `jvp`, `jacfwd`, `hessian`, `vmap`.

    Reference: P. Werbos, "Backpropagation through time", Proceedings of the IEEE 78 (1990);
    J. Appleyard, T. Kocisky & P. Blunsom, arXiv 1604.01946, for moving products out of the loop.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.LSTM(3, 4), jax.numpy.ones((7, 2, 3))
        >>> loss = lambda p: jaxrnn.unroll(cell, p, xs, engine=jaxrnn.engines.BPTT())[1].sum()
        >>> jax.grad(loss)(cell.init(jax.random.key(0))).recurrent.shape
        (4, 16)
    """

    @property
    def takes(self) -> type[GatedCell]:
        """Gated cells."""
        return GatedCell

    def run(
        self, cell: GatedCell, params: Params, carry: Carry, xs: Inputs
    ) -> tuple[Carry, Inputs]:
        """Prepare, run the loop under its own rule, finish."""
        carry, outs = _loop((cell, params), carry, cell.prepare(params, xs))
        return carry, cell.finish(params, outs, xs)


Weights = tuple[GatedCell, Params]  # the leaves of a cell (a leak, say) have derivatives too


@jax.custom_jvp
def _loop(weights: Weights, carry: Carry, us: Inputs) -> tuple[Carry, Inputs]:
    cell, params = weights
    return jax.lax.scan(partial(cell.advance, params), carry, us)


@partial(_loop.defjvp, symbolic_zeros=True)
def _(
    primals: tuple[Weights, Carry, Inputs], tangents: tuple[Weights, Carry, Inputs]
) -> tuple[tuple[Carry, Inputs], tuple[Carry, Inputs]]:
    weights, carry, us = primals
    cell, params = weights
    d_weights, d_carry, d_us = (jax.tree.map(_array, tangent) for tangent in tangents)

    def body(carry: Carry, u: Inputs) -> tuple[Carry, Any]:
        r = cell.mix(params, carry)
        following, y = cell.gate(params, carry, u, r)
        return following, (y, carry, r)

    last, (ys, carries, rs) = jax.lax.scan(body, carry, us)

    # For all steps at once: the points, and what the weights' own tangents contribute.
    points = jax.vmap(partial(cell.linearize, params))(carries, us, rs)
    moved = [not isinstance(leaf, SymbolicZero) for leaf in jax.tree.leaves(tangents[0])]
    d_rs = d_gates = None
    if _depends(lambda weights: _mix(weights, carries), weights, moved):
        d_rs = jax.jvp(lambda weights: _mix(weights, carries), (weights,), (d_weights,))[1]
    if _depends(lambda weights: _gates(weights, carries, us, rs), weights, moved):
        d_gates = jax.jvp(
            lambda weights: _gates(weights, carries, us, rs), (weights,), (d_weights,)
        )[1]

    d_us = _moving(d_us)
    d_zs = cell.merge(d_us, jax.tree.map(jnp.zeros_like, rs) if d_rs is None else d_rs)
    still = jax.tree.map(lambda d_u: jnp.zeros_like(d_u[0]), d_us)

    def push(d_carry: Carry, step: Any) -> tuple[Carry, Inputs]:
        point, d_z, d_gate = step
        # `mix` is affine, so that its derivative is the same everywhere, at zero too.
        zero = jax.tree.map(jnp.zeros_like, d_carry)
        d_r = jax.jvp(partial(cell.mix, params), (zero,), (d_carry,))[1]
        d_z = _plus(cell.merge(still, d_r), d_z)
        return _plus(cell.pushforward(params, point, d_carry, d_z), d_gate)

    d_last, d_ys = jax.lax.scan(push, d_carry, (points, d_zs, d_gates))
    return (last, ys), (d_last, d_ys)


def _mix(weights: Weights, carries: Carry) -> Inputs:
    cell, params = weights
    return cell.mix(params, carries)


def _gates(weights: Weights, carries: Carry, us: Inputs, rs: Inputs) -> tuple[Carry, Inputs]:
    cell, params = weights
    return jax.vmap(partial(cell.gate, params))(carries, us, rs)


def _plus(tree: Any, other: Any | None) -> Any:
    return tree if other is None else jax.tree.map(jnp.add, tree, other)


def _depends(function: Callable[[Weights], Any], weights: Weights, moved: list[bool]) -> bool:
    """Whether a leaf of the weights that has a tangent enters the computation at all."""
    jaxpr = jax.make_jaxpr(function)(weights).jaxpr
    used = {id(v) for equation in jaxpr.eqns for v in equation.invars}
    used |= {id(v) for v in jaxpr.outvars}
    return any(move and id(v) in used for v, move in zip(jaxpr.invars, moved, strict=True))


def _array(tangent: Any) -> Array | np.ndarray:
    """A tangent as an array, also where it is known to be zero."""
    if not isinstance(tangent, SymbolicZero):
        return tangent
    if tangent.dtype == jax.dtypes.float0:
        return np.zeros(tangent.shape, tangent.dtype)
    return jnp.zeros(tangent.shape, tangent.dtype)


def _moving(d_us: Inputs) -> Inputs:
    """The tangents that exist: `None` for whole numbers and flags, which have none."""
    return jax.tree.map(lambda d: None if d.dtype == jax.dtypes.float0 else d, d_us)
