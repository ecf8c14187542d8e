"""`ForcedCell`: linear dynamics, and a force on every unit that is squashed."""

import abc
from typing import Any

import jax.numpy as jnp

from .._typing import Array, Carry, Params
from ._dense import DenseCell
from ._rule import Rule


class ForcedRule(Rule):
    """`update` is linear in the carry and the force together, so it is its own derivative."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: Params, carry: Carry, u: Array, r: Array) -> Any:
        force = jnp.tanh(u + r)
        return self.replay(cell, params, carry, force), force

    def replay(self, cell: Any, params: Params, carry: Carry, memory: Array) -> Any:
        new, y = cell.update(params, carry, memory)
        return new, y.astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: Params, carry: Carry, memory: Array) -> Array:
        return 1 - memory**2

    def push(self, cell: Any, params: Params, point: Array, d_carry: Carry, d_z: Array) -> Any:
        return self.replay(cell, params, d_carry, point * d_z)


class ForcedCell(DenseCell):
    """A dense cell in which units follow linear dynamics under a force on each of them.

    force    = tanh(u + r)
    carry', y = update(params, carry, force)     linear in carry and force together
    """

    rule = ForcedRule()

    @abc.abstractmethod
    def update(self, params: Params, carry: Carry, force: Array) -> tuple[Carry, Array]:
        """The new carry and the output."""

    def gate(self, params: Params, carry: Carry, u: Array, r: Array) -> tuple[Carry, Array]:
        """`update` under the force `tanh(u + r)`."""
        return self.rule.remember(self, params, carry, u, r)[0]
