"""`BPTT`: back-propagation through time with a hand-written reverse rule."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Carry, Inputs, Params
from ..cells import Cell, GatedCell
from ._engine import Engine


class BPTT(Engine[GatedCell]):
    """The scan of a gated cell, with a backward loop that holds only what must be sequential.

    Automatic differentiation of a scan adds to every weight's gradient at every step. Here the
    backward loop holds the gate's derivative and the transpose of `mix`; the gradients of all
    weights are single products over all steps, after the loop.

    It is a reverse rule (`jax.custom_vjp`): `jvp`, `jacfwd` and `hessian` raise `TypeError`; use
    `Scan()` for those.

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
    def takes(self) -> type[Cell]:
        """Gated cells."""
        return GatedCell

    def run(
        self, cell: GatedCell, params: Params, carry: Carry, xs: Inputs
    ) -> tuple[Carry, Inputs]:
        """Project, run the loop under the reverse rule, finish."""
        us, given = _split(cell.prepare(params, xs))
        carry, outs = _loop((cell, params), carry, us, given)
        return carry, cell.finish(params, outs, xs)


class _Given(NamedTuple):
    """The leaves of a step's input that have no gradient (masks), and how to put all together."""

    leaves: list[Any]
    differentiable: tuple[bool, ...]
    structure: Any


jax.tree_util.register_pytree_node(
    _Given,
    lambda given: ((given.leaves,), (given.differentiable, given.structure)),
    lambda static, children: _Given(children[0], *static),
)


def _split(us: Inputs) -> tuple[list[Any], _Given]:
    leaves, structure = jax.tree.flatten(us)
    flags = tuple(bool(jnp.issubdtype(leaf.dtype, jnp.inexact)) for leaf in leaves)
    moving = [leaf for leaf, flag in zip(leaves, flags, strict=True) if flag]
    still = [leaf for leaf, flag in zip(leaves, flags, strict=True) if not flag]
    return moving, _Given(still, flags, structure)


def _join(moving: list[Any], given: _Given) -> Inputs:
    sources = {True: iter(moving), False: iter(given.leaves)}
    return given.structure.unflatten(next(sources[flag]) for flag in given.differentiable)


Weights = tuple[GatedCell, Params]  # a cell's own leaves (a leak, say) have gradients too
Residuals = tuple[Weights, Carry, list[Any], Inputs, _Given]


def _mix(weights: Weights, carry: Carry) -> Inputs:
    cell, params = weights
    return cell.mix(params, carry)


def _gate(
    weights: Weights, given: _Given, carry: Carry, moving: list[Any], r: Inputs
) -> tuple[Carry, Inputs]:
    cell, params = weights
    return cell.gate(params, carry, _join(moving, given), r)


@jax.custom_vjp
def _loop(weights: Weights, carry: Carry, us: list[Any], given: _Given) -> tuple[Carry, Inputs]:
    def body(carry: Carry, step: tuple[list[Any], _Given]) -> tuple[Carry, Inputs]:
        u, given = step
        return _gate(weights, given, carry, u, _mix(weights, carry))

    return jax.lax.scan(body, carry, (us, given))


def _forward(
    weights: Weights, carry: Carry, us: list[Any], given: _Given
) -> tuple[tuple[Carry, Inputs], Residuals]:
    def body(carry: Carry, step: tuple[list[Any], _Given]) -> tuple[Carry, Any]:
        u, given = step
        r = _mix(weights, carry)
        following, y = _gate(weights, given, carry, u, r)
        return following, (y, carry, r)

    last, (ys, carries, rs) = jax.lax.scan(body, carry, (us, given))
    return (last, ys), (weights, carries, us, rs, given)


def _backward(residuals: Residuals, cotangents: tuple[Carry, Inputs]) -> tuple[Any, ...]:
    weights, carries, us, rs, given = residuals
    d_last, d_ys = cotangents
    first = jax.tree.map(lambda leaf: leaf[0], carries)
    transposed_mix = jax.linear_transpose(partial(_mix, weights), first)

    def body(d_next: Carry, step: Any) -> tuple[Carry, Any]:
        given, carry, u, r, d_y = step
        _, pull = jax.vjp(partial(_gate, weights, given), carry, u, r)
        d_gate, d_u, d_r = pull((d_next, d_y))
        (d_mix,) = transposed_mix(d_r)
        return jax.tree.map(jnp.add, d_gate, d_mix), (d_next, d_u, d_r)

    steps = (given, carries, us, rs, d_ys)
    d_carry, (d_nexts, d_us, d_rs) = jax.lax.scan(body, d_last, steps, reverse=True)

    # Over all steps at once: one product a weight. Where the gate has no parameters its part is
    # zero and the compiler drops it, the stacked `d_nexts` included.
    _, pull_mix = jax.vjp(lambda weights: _mix(weights, carries), weights)
    _, pull_gate = jax.vjp(lambda weights: _gates(weights, given, carries, us, rs), weights)
    d_weights = jax.tree.map(_add, pull_mix(d_rs)[0], pull_gate((d_nexts, d_ys))[0])
    return d_weights, d_carry, d_us, None


def _gates(
    weights: Weights, given: _Given, carries: Carry, us: list[Any], rs: Inputs
) -> tuple[Carry, Inputs]:
    return jax.vmap(partial(_gate, weights))(given, carries, us, rs)


def _add(a: Any, b: Any) -> Any:
    return a if a.dtype == jax.dtypes.float0 else a + b


_loop.defvjp(_forward, _backward)
