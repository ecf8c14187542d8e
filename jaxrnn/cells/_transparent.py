"""`Transparent`: what wrappers share that leave the carry alone."""

import abc
from typing import Any

from .._typing import Carry, Inputs, Params
from ._associative import AssociativeCell
from ._cell import Cell, GatedCell
from ._wrapper import Parted, Wrapper


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
        kinds: tuple[type[Cell], ...] = (GatedCell, AssociativeCell)
        return next((kind for kind in kinds if issubclass(self.cell.kind, kind)), Cell)

    # The methods of an associative cell, around one.

    def elements(self, params: Params, x: Inputs) -> Parted:
        return self.prepare(params, x)

    def compose(self, earlier: Parted, later: Parted) -> Parted:
        return Parted(self._inner.compose(earlier.inner, later.inner), ())

    def apply(self, element: Parted, carry: Carry) -> Carry:
        return self._inner.apply(element.inner, carry)

    def passed(self, element: Parted, before: Carry, after: Carry) -> Inputs:
        return self._inner.passed(element.inner, before, after)

    def read(self, params: Params, h: Carry, x: Inputs) -> Inputs:
        return self.finish(params, h, x)
