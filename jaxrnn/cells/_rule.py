"""`Rule`: how the gate of a cell is differentiated."""

import abc
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .._config import Config
from .._numerics import pushed
from .._typing import Carry, Inputs, Params


class Rule(Config):
    """The derivative of `GatedCell.gate`, in parts, so that little of it has to be sequential.

        (carry', y), memory = remember(cell, params, carry, u, r)      in the forward loop
        point               = linearize(cell, params, carry, memory)   for many steps at once
        d_carry', d_y       = push(cell, params, point, d_carry, merge(d_u, d_r))

    `push` is linear in `d_carry` and the merged tangents; its transpose is what the backward loop
    runs. A cell with a rule of its own returns the factors of its derivative from `linearize`, and
    only multiplies by them in `push`. Such a rule can ignore the tangents of parameters: while
    parameters that the gate itself reads are being differentiated, `Automatic` is used instead,
    unless the rule `replays`: then their part is the derivative of `replay`, for many steps at
    once.

    `merge` combines the tangents of u and r, linearly, into what `push` needs. By default that is
    their sum, for a gate that reads `u + r`; the backward loop then stores one cotangent, not two.

    Trees of tangents have None at leaves without a derivative: integers, flags, keys.
    """

    def holds(self, cell: Any, params: Params, carry: Carry, u: Inputs, r: Inputs) -> bool:
        """Whether the derivative is right for such arrays; if not, `Automatic` is used."""
        return True

    @property
    def replays(self) -> bool:
        """Whether there is a `replay`."""
        return False

    def replay(self, cell: Any, params: Params, carry: Carry, memory: Any) -> tuple[Carry, Inputs]:
        """The result of `gate` from the memory of a step, as a function of parameters alone.

        What of the memory depends on parameters counts as a constant: its own dependence is taken
        into account elsewhere.
        """
        raise NotImplementedError

    @abc.abstractmethod
    def remember(
        self, cell: Any, params: Params, carry: Carry, u: Inputs, r: Inputs
    ) -> tuple[tuple[Carry, Inputs], Any]:
        """The result of `gate`, and what the derivative needs besides the old carry."""

    @abc.abstractmethod
    def linearize(self, cell: Any, params: Params, carry: Carry, memory: Any) -> Any:
        """What `push` needs to know about the point at which the gate is linearised."""

    def merge(self, d_u: Inputs, d_r: Inputs) -> Any:
        """Both tangents as one."""
        return jax.tree.map(jnp.add, d_u, d_r)

    @abc.abstractmethod
    def push(
        self, cell: Any, params: Params, point: Any, d_carry: Carry, d_z: Any
    ) -> tuple[Carry, Inputs]:
        """The tangents of the new carry and of the output."""


class Automatic(Rule):
    """`gate` is evaluated again inside the backward loop, and differentiated there by JAX.

    Example:
        >>> import jaxrnn
        >>> class Mine(jaxrnn.cells.DenseCell):
        ...     '''A gated cell without a derivative of its own.'''
        >>> Mine.rule
        Automatic()
    """

    def remember(
        self, cell: Any, params: Params, carry: Carry, u: Inputs, r: Inputs
    ) -> tuple[tuple[Carry, Inputs], Any]:
        return cell.gate(params, carry, u, r), (u, r)

    @property
    def replays(self) -> bool:
        return True

    def replay(self, cell: Any, params: Params, carry: Carry, memory: Any) -> tuple[Carry, Inputs]:
        return cell.gate(params, carry, *memory)

    def linearize(self, cell: Any, params: Params, carry: Carry, memory: Any) -> Any:
        return carry, *memory

    def merge(self, d_u: Inputs, d_r: Inputs) -> Any:
        return d_u, d_r

    def push(
        self, cell: Any, params: Params, point: Any, d_carry: Carry, d_z: Any
    ) -> tuple[Carry, Inputs]:
        d_new, d_y = pushed(partial(cell.gate, params), point, (d_carry, *d_z))
        return d_new, d_y


class WithOutput(Rule):
    """A rule for a gate inside, whose output is made anew: `output`, linear in what it reads."""

    rule: Rule

    @abc.abstractmethod
    def output(self, old: Carry, new: Carry, y: Inputs) -> Inputs:
        """The output, from both carries and the output inside; the same for tangents of these."""

    def holds(self, cell: Any, params: Params, carry: Carry, u: Inputs, r: Inputs) -> bool:
        return self.rule.holds(cell, params, carry, u, r)

    def remember(
        self, cell: Any, params: Params, carry: Carry, u: Inputs, r: Inputs
    ) -> tuple[tuple[Carry, Inputs], Any]:
        (new, y), memory = self.rule.remember(cell, params, carry, u, r)
        return (new, self.output(carry, new, y)), memory

    @property
    def replays(self) -> bool:
        return self.rule.replays

    def replay(self, cell: Any, params: Params, carry: Carry, memory: Any) -> tuple[Carry, Inputs]:
        new, y = self.rule.replay(cell, params, carry, memory)
        return new, self.output(carry, new, y)

    def linearize(self, cell: Any, params: Params, carry: Carry, memory: Any) -> Any:
        return self.rule.linearize(cell, params, carry, memory)

    def merge(self, d_u: Inputs, d_r: Inputs) -> Any:
        return self.rule.merge(d_u, d_r)

    def push(
        self, cell: Any, params: Params, point: Any, d_carry: Carry, d_z: Any
    ) -> tuple[Carry, Inputs]:
        d_new, d_y = self.rule.push(cell, params, point, d_carry, d_z)
        return d_new, self.output(d_carry, d_new, d_y)
