"""`AssociativeCell` and `LinearCell`: cells whose steps compose."""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp

from .._typing import Carry, Inputs, Params
from ._cell import Cell
from ._transition import Diagonal, Transition


class AssociativeCell(Cell):
    """A cell whose steps are maps of the carry that compose into maps of the same form.

        e   = elements(params, x)           time-parallel: one map per step
        h_t = apply(e_t, h_{t-1})
        y   = read(params, h, x)            time-parallel

    `apply(compose(e1, e2), h)` is `apply(e2, apply(e1, h))`, and `compose` is associative, so all
    steps can run in parallel over time. Affine maps qualify, whatever the shape of their matrix:
    one number per unit or one small matrix per block of units (`LinearCell`), or the transition of
    a matrix memory. Every leaf of an element has the batch axes in full, `[*batch, ...]`.
    """

    @abc.abstractmethod
    def elements(self, params: Params, x: Inputs) -> Inputs:
        """The maps of the steps whose inputs are `[..., I]`: a tree of `[..., ...]`."""

    @abc.abstractmethod
    def compose(self, earlier: Inputs, later: Inputs) -> Inputs:
        """The map that applies `earlier` and then `later`; over any leading axes."""

    @abc.abstractmethod
    def apply(self, element: Inputs, carry: Carry) -> Carry:
        """The carry after a step, from that before it; both `[*batch, ...]`."""

    @abc.abstractmethod
    def read(self, params: Params, h: Carry, x: Inputs) -> Inputs:
        """The output from the new carry and the input; over any leading axes."""

    def passed(self, element: Inputs, before: Carry, after: Carry) -> Inputs:
        """What `finish` gets of a step, from the carries around it: that after the step."""
        return after

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        h = self.apply(self.elements(params, x), carry)
        return h, self.read(params, h, x)

    def prepare(self, params: Params, xs: Inputs) -> Inputs:
        return self.elements(params, xs)

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        h = self.apply(u, carry)
        return h, self.passed(u, carry, h)

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        return self.read(params, outs, xs)

    @property
    def kind(self) -> type[Cell]:
        return AssociativeCell


class LinearCell(AssociativeCell):
    """A cell whose state follows a linear recurrence.

        a, b = coefficients(params, x)    time-parallel
        h_t  = a_t h_{t-1} + b_t
        y    = read(params, h, x)         time-parallel

    `b` and `h` are trees of the same structure. `transition` says what `a` is and how it acts:
    a factor for every unit, `Diagonal()`, in a tree like that of `h`; a 2x2 matrix for every pair
    of units, `PairBlocks()`; or a matrix for every block, `DenseBlocks()`.
    """

    transition: ClassVar[Transition] = Diagonal()

    @abc.abstractmethod
    def coefficients(self, params: Params, x: Inputs) -> tuple[Carry, Carry]:
        """The matrix and the summand of the recurrence, over any leading axes of `x`."""

    def matrix(self, params: Params) -> Carry | None:
        """The matrix, without leading axes, where it is the same at every step; else None.

        `coefficients` gives it as well. Engines that need no copy of it for every step use this.
        """
        return None

    def elements(self, params: Params, x: Inputs) -> tuple[Carry, Carry]:
        return self.coefficients(params, x)

    def compose(self, earlier: Inputs, later: Inputs) -> Inputs:
        a, _ = later
        return self.transition.compose(earlier[0], a), self.apply(later, earlier[1])

    def apply(self, element: Inputs, carry: Carry) -> Carry:
        a, b = element
        return jax.tree.map(jnp.add, self.transition.act(a, carry), b)

    @property
    def kind(self) -> type[Cell]:
        return LinearCell
