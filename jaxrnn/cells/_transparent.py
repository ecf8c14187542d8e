"""`Transparent`: what wrappers share that leave the carry alone."""

import abc
from typing import Any

from .._typing import Carry, Inputs, Params
from ._associative import AssociativeCell, LinearCell
from ._cell import Cell, GatedCell
from ._transition import Transition
from ._wrapper import Wrapper


class Transparent(Wrapper):
    """A wrapper that leaves the carry alone, and so runs on every engine of the cell inside.

    It says what is given out after the loop, `finish`.
    """

    @abc.abstractmethod
    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        """The outputs, from what the loop gave."""

    def settle(self, old: Carry, new: Carry, aside: Any) -> Carry:
        return new

    @property
    def kind(self) -> type[Cell]:
        kinds: tuple[type[Cell], ...] = (GatedCell, LinearCell, AssociativeCell)
        return next((kind for kind in kinds if issubclass(self.cell.kind, kind)), Cell)

    def prepare(self, params: Params, xs: Inputs) -> Inputs:
        """Around a gated cell, parted; else as the cell inside has it, for its engines read it."""
        if self.kind is GatedCell:
            return super().prepare(params, xs)
        return self.cell.prepare(self.inside(params), self.split(xs)[0])

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        if self.kind is GatedCell:
            return super().advance(params, carry, u)
        return self.cell.advance(self.inside(params), carry, u)

    # The methods of an associative and of a linear cell, around one.

    def elements(self, params: Params, x: Inputs) -> Inputs:
        return self.prepare(params, x)

    def compose(self, earlier: Inputs, later: Inputs) -> Inputs:
        return self._inner.compose(earlier, later)

    def apply(self, element: Inputs, carry: Carry) -> Carry:
        return self._inner.apply(element, carry)

    def passed(self, element: Inputs, before: Carry, after: Carry) -> Inputs:
        return self._inner.passed(element, before, after)

    def read(self, params: Params, h: Carry, x: Inputs) -> Inputs:
        return self.finish(params, h, x)

    def matrix(self, params: Params) -> Carry | None:
        return self._inner.matrix(self.inside(params))

    @property
    def transition(self) -> Transition:
        """That of the linear cell inside."""
        transition: Transition = self._inner.transition
        return transition
