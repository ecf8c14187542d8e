"""`EmitCarry`: a cell that gives its carries beside its outputs."""

from typing import NamedTuple

from .._typing import Carry, Inputs, Params
from ._rule import Rule, WithOutput
from ._transparent import Transparent
from ._wrapper import Parted, Settling


class Emitted(NamedTuple):
    """What `EmitCarry` gives at every step."""

    output: Inputs
    before: Carry
    """The carry that the step started from: the initial one first, and a fresh one at a reset."""
    after: Carry


class EmitCarry(Transparent):
    """A cell that gives, beside its outputs, the carries before and after every step.

        carry', y = cell.step(params, carry, x);   emitted = (y, carry, carry')

    So `unroll` returns all states, as `before` and `after` of `[T, *batch, ...]`, zero at masked
    steps, where the carry is held. `before` begins with the initial carry. The cell keeps its kind
    and its engines, and what is not used of the three costs nothing under `jit`.

    Args:
        cell: the cell inside, of any kind.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.EmitCarry(jaxrnn.cells.LSTM(3, 4))
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((7, 2, 3))
        >>> last, (ys, before, after) = jaxrnn.unroll(cell, params, xs)
        >>> after.cell.shape, bool((before.cell[1:] == after.cell[:-1]).all())
        ((7, 2, 4), True)
    """

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Emitted]:
        new, y = self.cell.step(params, carry, x)
        return new, Emitted(y, carry, new)

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Emitted]:
        new, out = super().advance(params, carry, u)
        return new, Emitted(out, carry, new)

    def gate(self, params: Params, carry: Carry, u: Parted, r: Inputs) -> tuple[Carry, Emitted]:
        new, y = self._inner.gate(params, carry, u.inner, r)
        return new, Emitted(y, carry, new)

    def passed(self, element: Inputs, before: Carry, after: Carry) -> Emitted:
        return Emitted(self._inner.passed(element, before, after), before, after)

    def finish(self, params: Params, outs: Emitted, xs: Inputs) -> Emitted:
        return outs._replace(output=self.cell.finish(params, outs.output, xs))

    @property
    def output_shape(self) -> None:
        """None: it gives a tree."""
        return None

    @property
    def rule(self) -> Rule:
        """The inner cell's, with the tangents of the carries."""
        return Emitting(Settling(self._inner.rule))


class Emitting(WithOutput):
    """A rule that gives the tangents of the carries beside that of the output."""

    def output(self, old: Carry, new: Carry, y: Inputs) -> Emitted:
        return Emitted(y, old, new)
