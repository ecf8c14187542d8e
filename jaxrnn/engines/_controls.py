"""Masks and resets, made part of the cell so that every engine runs them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool

from .._numerics import placed, select
from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ..cells import AssociativeCell, Cell, MemoryCell, MemoryStep, Parted, Wrapper


class Flags(NamedTuple):
    """What is done to the carry at each step: `Bool[T, *batch]` or None, in order of time.

    valid: where the step counts.
    begins: where the carry is fresh before the step; never where the step does not count.
    ends: where it is fresh after the step.
    """

    valid: Bool[Array, "..."] | None = None
    begins: Bool[Array, "..."] | None = None
    ends: Bool[Array, "..."] | None = None


class Steps(NamedTuple):
    """Inputs with their flags."""

    x: Inputs
    flags: Flags


class Controlled(Wrapper):
    """A cell whose inputs also say whether a step counts, and where the carry starts afresh.

    Args:
        cell: the cell inside.
        fresh: the carry that a reset puts in.
    """

    fresh: Carry

    @property
    def kind(self) -> type[Cell]:
        return self.cell.kind

    def split(self, x: Steps) -> tuple[Inputs, Flags]:
        return x.x, x.flags

    def settle(self, old: Carry, new: Carry, aside: Flags) -> Carry:
        """Held where the step does not count, fresh where the next one starts a sequence."""
        if aside.valid is not None:
            new = select(aside.valid, new, old)
        if aside.ends is not None:
            new = select(aside.ends, self.fresh, new)
        return new

    def prepare(self, params: Params, xs: Steps) -> Parted:
        u = super().prepare(params, xs)
        flags: Array = jax.tree.leaves(xs.flags)[0]
        # What a cell broadcasts over time and batch is on every device whole.
        return u._replace(inner=placed(u.inner, flags, range(flags.ndim)))

    def advance(self, params: Params, carry: Carry, u: Any) -> tuple[Carry, Inputs]:
        return super().advance(params, self._begun(carry, u.aside), u)

    # Around an associative cell, flags compose as its elements do, by selection: what comes before
    # a beginning is dropped, not multiplied by zero, so that a NaN in it dies.

    def apply(self, element: Any, carry: Carry) -> Carry:
        carry = self._begun(carry, element.aside)
        return self.settle(carry, self._inner.apply(element.inner, carry), element.aside)

    def passed(self, element: Any, before: Carry, after: Carry) -> Inputs:
        return self._inner.passed(element.inner, self._begun(before, element.aside), after)

    def compose(self, earlier: Any, later: Any) -> Any:
        first, second = earlier.aside, later.aside
        both = self._inner.compose(earlier.inner, later.inner)
        if second.begins is not None:
            both = select(second.begins, later.inner, both)
        if second.valid is None:
            return later._replace(inner=both, aside=_either(first, second))
        # A step that does not count is nothing to compose with, whatever its element.
        both = select(second.valid, both, earlier.inner)
        both = select(first.valid, both, later.inner)
        return later._replace(inner=both, aside=_either(first, second))

    def _begun(self, carry: Carry, flags: Flags) -> Carry:
        return carry if flags.begins is None else select(flags.begins, self.fresh, carry)


def _either(first: Flags, second: Flags) -> Flags:
    """The flags of two steps in one: it counts, or begins a sequence, where either does."""
    return jax.tree.map(jnp.logical_or, first, second)


class ControlledMemory(MemoryCell):
    """The same for a matrix memory: what is done to it at each step says so itself.

    A step that does not count writes nothing and lets nothing decay; where a sequence begins, the
    memory is empty.

    Args:
        cell: the cell inside.
    """

    cell: MemoryCell

    @property
    def memory_shape(self) -> tuple[int, int, int]:
        return self.cell.memory_shape

    def init(self, key: Key) -> Params:
        return self.cell.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.cell.carry(params, batch)

    def detach(self, carry: Carry, x: Steps) -> Carry:
        return self.cell.detach(carry, x.x)

    def project(self, params: Params, x: Steps) -> MemoryStep:
        u, flags = self.cell.prepare(params, x.x), x.flags
        one: Array = jax.tree.leaves(flags)[0]
        u = placed(u, one, range(one.ndim))
        begins = u.begins if flags.begins is None else flags.begins
        return u._replace(begins=begins).masked(flags.valid)

    def read(self, params: Params, out: Inputs, x: Steps) -> Inputs:
        return self.cell.read(params, out, x.x)


def controlled(
    cell: Cell, carry: Carry, fresh: Carry, xs: Inputs, valid: Array | None, begins: Array | None
) -> tuple[Cell, Carry, Steps]:
    """The cell under its flags, and the carry and inputs that it is run with."""
    flags = Flags(valid, begins)
    if isinstance(cell, MemoryCell):
        return ControlledMemory(cell), carry, Steps(xs, flags)
    if begins is not None and not issubclass(cell.kind, AssociativeCell):
        # Seen from the step before, a reset is the last thing done to the carry, so that the
        # product with the carry inside the loop stays as it is.
        carry = select(begins[0], fresh, carry)
        flags = Flags(valid, ends=jnp.roll(begins, -1, axis=0).at[-1].set(False))
    return Controlled(cell, fresh), carry, Steps(xs, flags)
