"""Masks and resets, made part of the cell so that every engine runs them.

`controlled` wraps a cell of any kind into one of the same kind whose input at each step also says
whether the step counts and where the carry starts afresh. An engine sees a cell like any other.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool

from .._numerics import select
from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ..cells import Cell, GatedCell, LinearCell


class Steps(NamedTuple):
    """Inputs with their flags, `Bool[T, *batch]` or None; `starts` is never True where masked."""

    x: Inputs
    valid: Bool[Array, "..."] | None
    starts: Bool[Array, "..."] | None


class Weights(NamedTuple):
    """The parameters with the carry that a reset puts in."""

    params: Params
    fresh: Carry


def controlled(
    cell: Cell, params: Params, carry: Carry, fresh: Carry, steps: Steps
) -> tuple[Cell, Weights, Carry, Steps]:
    """Wrap the cell and everything it is run with."""
    weights = Weights(params, fresh)
    if isinstance(cell, LinearCell):
        return _ControlledLinear(cell), weights, carry, steps
    if steps.starts is not None:
        # Seen from the step before, a reset is the last thing done to the carry, so that the
        # product with the carry inside the loop stays as it is.
        carry = select(steps.starts[0], fresh, carry)
        following = jnp.roll(steps.starts, -1, axis=0).at[-1].set(False)
        steps = steps._replace(starts=following)
    if isinstance(cell, GatedCell):
        return _ControlledGated(cell), weights, carry, steps
    return _ControlledCell(cell), weights, carry, steps


def bare(cell: Cell) -> Cell:
    """The cell that `controlled` wrapped, or the cell itself."""
    if isinstance(cell, _ControlledCell | _ControlledGated | _ControlledLinear):
        return cell.cell
    return cell


def settle(weights: Weights, old: Carry, new: Carry, steps: Steps) -> Carry:
    """The carry after a step: held where masked, fresh where the next step starts a sequence."""
    if steps.valid is not None:
        new = select(steps.valid, new, old)
    if steps.starts is not None:
        new = select(steps.starts, weights.fresh, new)
    return new


class _ControlledCell(Cell):
    cell: Cell

    def init(self, key: Key) -> Params:
        return self.cell.init(key)

    def carry(self, params: Weights, batch: Batch = ()) -> Carry:
        return params.fresh

    def step(self, params: Weights, carry: Carry, x: Steps) -> tuple[Carry, Inputs]:
        new, y = self.cell.step(params.params, carry, x.x)
        return settle(params, carry, new, x), y


class _ControlledGated(GatedCell):
    cell: GatedCell

    def init(self, key: Key) -> Params:
        return self.cell.init(key)

    def carry(self, params: Weights, batch: Batch = ()) -> Carry:
        return params.fresh

    def project(self, params: Weights, x: Steps) -> Steps:
        return x._replace(x=self.cell.project(params.params, x.x))

    def mix(self, params: Weights, carry: Carry) -> Inputs:
        return self.cell.mix(params.params, carry)

    def gate(self, params: Weights, carry: Carry, u: Steps, r: Inputs) -> tuple[Carry, Inputs]:
        new, y = self.cell.gate(params.params, carry, u.x, r)
        return settle(params, carry, new, u), y

    def remember(
        self, params: Weights, carry: Carry, u: Steps, r: Inputs
    ) -> tuple[tuple[Carry, Inputs], Steps]:
        (new, y), memory = self.cell.remember(params.params, carry, u.x, r)
        return (settle(params, carry, new, u), y), u._replace(x=memory)

    def linearize(self, params: Weights, carry: Carry, memory: Steps) -> Steps:
        return memory._replace(x=self.cell.linearize(params.params, carry, memory.x))

    def merge(self, d_u: Steps, d_r: Inputs) -> Any:
        return self.cell.merge(d_u.x, d_r)

    def pushforward(
        self, params: Weights, point: Steps, d_carry: Carry, d_z: Any
    ) -> tuple[Carry, Inputs]:
        d_new, d_y = self.cell.pushforward(params.params, point.x, d_carry, d_z)
        # The fresh carry belongs to the weights: here its tangent is zero.
        still = Weights((), jax.tree.map(jnp.zeros_like, params.fresh))
        return settle(still, d_carry, d_new, point), d_y


class _ControlledLinear(LinearCell):
    cell: LinearCell

    def init(self, key: Key) -> Params:
        return self.cell.init(key)

    def carry(self, params: Weights, batch: Batch = ()) -> Carry:
        return params.fresh

    def coefficients(self, params: Weights, x: Steps) -> tuple[Carry, Carry]:
        a, b = self.cell.coefficients(params.params, x.x)
        if x.starts is not None:
            # A fresh carry h0 enters as a * h0 + b; `restarts` drops the old one.
            begun = jax.tree.map(
                lambda a, b, h: a * jnp.broadcast_to(h, a.shape) + b, a, b, params.fresh
            )
            b = select(x.starts, begun, b)
        if x.valid is not None:
            a = select(x.valid, a, jax.tree.map(jnp.ones_like, a))
            b = select(x.valid, b, jax.tree.map(jnp.zeros_like, b))
        return a, b

    def read(self, params: Weights, h: Carry, x: Steps) -> Inputs:
        return self.cell.read(params.params, h, x.x)

    def restarts(self, x: Steps) -> Array | None:
        return x.starts
