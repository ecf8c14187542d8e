"""`Wrapper`: a cell around a cell."""

import abc
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._numerics import affine, moving, pushed
from .._typing import Batch, Carry, Inputs, Key, Params
from ._cell import Cell, GatedCell
from ._rule import Rule


class Parted(NamedTuple):
    """What the inner cell reads at a step, and what `Wrapper.settle` reads."""

    inner: Any
    aside: Any


class Wrapper(Cell):
    """A cell around another one, of the same kind, that adjusts the carry after each step.

        new, y = cell.step(params, old, inner)        inner, aside = split(x)
        carry' = settle(old, new, aside)

    A wrapper defines `settle`, and also `split` if its inputs hold more than those of the inner
    cell (flags, or random numbers added by `draw`). It has the parameters, carry and outputs of
    the inner cell and runs on the same engines. Engines that compose steps are the exception. A
    composed map cannot be settled afterwards, so a wrapper around an `AssociativeCell` is a plain
    `Cell`, and so is one around a kind of cell that keeps no carries.

    Args:
        cell: the cell inside.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> class Damped(jaxrnn.cells.Wrapper):
        ...     def settle(self, old, new, aside):
        ...         return jax.tree.map(lambda old, new: 0.5 * (old + new), old, new)
        >>> cell = Damped(jaxrnn.cells.GRU(3, 4))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jnp.ones((7, 2, 3)), engine=jaxrnn.engines.BPTT())[1].shape
        (7, 2, 4)
    """

    cell: Cell

    @abc.abstractmethod
    def settle(self, old: Carry, new: Carry, aside: Any) -> Carry:
        """The adjusted carry, from those before and after the step.

        Around a gated cell, `BPTT` uses the inner cell's rule if this is jointly affine in both
        carries and in the numbers of `aside`, and `Automatic()` otherwise.
        """

    def split(self, x: Inputs) -> tuple[Inputs, Any]:
        """What the inner cell reads of the inputs, and what `settle` reads."""
        return x, ()

    @property
    def kind(self) -> type[Cell]:
        return GatedCell if self.cell.kind is GatedCell else Cell

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        return self.cell.input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        return self.cell.output_shape

    @property
    def _inner(self) -> Any:
        """The cell, whatever its kind."""
        return self.cell

    def inside(self, params: Params) -> Params:
        """The parameters of the cell inside: all of them, unless the wrapper has its own."""
        return params

    def around(self, params: Params, inner: Params) -> Params:
        """The parameters with others of the cell inside."""
        return inner

    def init(self, key: Key) -> Params:
        return self.cell.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.cell.carry(self.inside(params), batch)

    def draw(self, params: Params, xs: Inputs, key: Key) -> Inputs:
        return self.cell.draw(self.inside(params), xs, key)

    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple[Cell, Params]:
        """The same around what is run of the cell inside."""
        cell, inner = self.cell.resolve(self.inside(params), batch, key)
        same = self if cell is self.cell else dataclasses.replace(self, cell=cell)
        return same, self.around(params, inner)

    def detach(self, carry: Carry, x: Inputs) -> Carry:
        inner, aside = self.split(x)
        carry = self.cell.detach(carry, inner)
        settled = self.settle(carry, carry, aside)

        def leaf(value: Any, put_in: Any) -> Any:
            # The value is that of the carry; what `settle` puts in keeps its gradient, if it has
            # one: a running maximum starts from minus infinity.
            if not jnp.issubdtype(value.dtype, jnp.inexact):
                return value
            put_in = jnp.where(jnp.isfinite(put_in), put_in, jnp.zeros_like(put_in))
            return value + (put_in - jax.lax.stop_gradient(put_in)).astype(value.dtype)

        return jax.tree.map(leaf, carry, settled)

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        inner, aside = self.split(x)
        new, y = self.cell.step(self.inside(params), carry, inner)
        return self.settle(carry, new, aside), y

    def gates(self, params: Params, carry: Carry, x: Inputs) -> dict[str, Any]:
        return self.cell.gates(self.inside(params), carry, self.split(x)[0])

    def prepare(self, params: Params, xs: Inputs) -> Parted:
        inner, aside = self.split(xs)
        return Parted(self.cell.prepare(self.inside(params), inner), aside)

    def advance(self, params: Params, carry: Carry, u: Parted) -> tuple[Carry, Inputs]:
        new, out = self.cell.advance(self.inside(params), carry, u.inner)
        return self.settle(carry, new, u.aside), out

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        return self.cell.finish(self.inside(params), outs, self.split(xs)[0])

    # The methods of a gated cell, around one.

    def project(self, params: Params, x: Inputs) -> Parted:
        return self.prepare(params, x)

    def mix(self, params: Params, carry: Carry) -> Inputs:
        return self._inner.mix(self.inside(params), carry)

    def gate(self, params: Params, carry: Carry, u: Parted, r: Inputs) -> tuple[Carry, Inputs]:
        new, y = self._inner.gate(self.inside(params), carry, u.inner, r)
        return self.settle(carry, new, u.aside), y

    @property
    def rule(self) -> Rule:
        """The inner cell's rule, followed by the derivative of `settle`."""
        return Settling(self._inner.rule)


class Settling(Rule):
    """The derivative of a gate inside a wrapper whose `settle` is affine."""

    rule: Rule

    def holds(self, cell: Any, params: Params, carry: Carry, u: Parted, r: Inputs) -> bool:
        """Where `settle` is jointly affine in the carries and in the numbers that it reads."""

        def settle(numbers: Any, aside: Any) -> Carry:
            return cell.settle(*numbers[:2], _put_in(numbers[2], aside))

        numbers = (carry, carry, moving(u.aside))
        inner = self.rule.holds(cell.cell, cell.inside(params), carry, u.inner, r)
        return inner and affine(settle, numbers, u.aside)

    def remember(
        self, cell: Any, params: Params, carry: Carry, u: Parted, r: Inputs
    ) -> tuple[tuple[Carry, Inputs], Parted]:
        (new, y), memory = self.rule.remember(cell.cell, cell.inside(params), carry, u.inner, r)
        return (cell.settle(carry, new, u.aside), y), Parted(memory, u.aside)

    @property
    def replays(self) -> bool:
        return self.rule.replays

    def replay(
        self, cell: Any, params: Params, carry: Carry, memory: Parted
    ) -> tuple[Carry, Inputs]:
        new, y = self.rule.replay(cell.cell, cell.inside(params), carry, memory.inner)
        return cell.settle(carry, new, memory.aside), y

    def linearize(self, cell: Any, params: Params, carry: Carry, memory: Parted) -> Parted:
        inner = self.rule.linearize(cell.cell, cell.inside(params), carry, memory.inner)
        integers = jax.tree.map(lambda c, d: c if d is None else None, carry, moving(carry))
        return Parted(inner, (memory.aside, integers))

    def merge(self, d_u: Parted, d_r: Inputs) -> Parted:
        return Parted(self.rule.merge(d_u.inner, d_r), d_u.aside)

    def push(
        self, cell: Any, params: Params, point: Parted, d_carry: Carry, d_z: Parted
    ) -> tuple[Carry, Inputs]:
        d_new, d_y = self.rule.push(cell.cell, cell.inside(params), point.inner, d_carry, d_z.inner)
        aside, integers = point.aside

        def at(d: Any, integer: Any) -> Any:
            return integer if d is None else jnp.zeros_like(d)

        # `settle` is affine, so that its derivative is the same everywhere, at zero too.
        zero = jax.tree.map(at, d_carry, integers, is_leaf=lambda leaf: leaf is None)
        return pushed(cell.settle, (zero, zero, aside), (d_carry, d_new, d_z.aside)), d_y


def _put_in(numbers: Any, tree: Any) -> Any:
    """The tree with the numbers where there are any, and its own leaves elsewhere."""

    def leaf(number: Any, own: Any) -> Any:
        return own if number is None else number

    return jax.tree.map(leaf, numbers, tree, is_leaf=lambda leaf: leaf is None)
