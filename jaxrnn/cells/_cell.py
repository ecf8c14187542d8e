"""`Cell` and `GatedCell`: what one step computes."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import jax

from .._config import Config
from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ._rule import Automatic, Rule


class Cell(Config):
    """One step of recurrence, `step(params, carry, x) -> (carry, y)`.

    An engine runs a cell through time in three parts, of which only the middle one is sequential:

        cell, params = resolve(params)             once
        us      = prepare(params, xs)              once, over the whole [T, *batch, ...]
        c, outs = advance(params, c, u_t)          for t = 1 .. T
        ys      = finish(params, outs, xs)         once

    The kinds of cell differ in what they move out of the loop. This one moves nothing.
    """

    @abc.abstractmethod
    def init(self, key: Key) -> Params:
        """Draw the parameters, in JAX's default float type; cast the tree for another."""

    @abc.abstractmethod
    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """The carry before the first step: arrays `[*batch, ...]` of at least float32."""

    @abc.abstractmethod
    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """Read `x` of `[*batch, I]`; return the next carry and the output `[*batch, H]`."""

    def draw(self, params: Params, xs: Inputs, key: Key) -> Inputs:
        """What the steps read instead of `xs` when a key is given: inputs and random numbers.

        A cell without randomness returns `xs`. A random one returns a tree of its own with both,
        each `[T, *batch, ...]`, so that all random numbers are drawn before the loop.
        """
        return xs

    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple["Cell", Params]:
        """The cell and the parameters that are run, made once before the loop: these, as a rule.

        A cell around a cell may put another one in its place, or compute parameters that all steps
        share. It draws random numbers only if a key is given.
        """
        return self, params

    def gates(self, params: Params, carry: Carry, x: Inputs) -> dict[str, Any]:
        """The values in [0, 1] of the gates of one step, `[*batch, H]` by name; none by default."""
        return {}

    def detach(self, carry: Carry, x: Inputs) -> Carry:
        """Cut the gradient of `carry`, the state after the step with input `x`."""
        return jax.lax.stop_gradient(carry)

    def prepare(self, params: Params, xs: Inputs) -> Inputs:
        """What can be computed from the inputs alone, for all steps at once."""
        return xs

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        """The part of a step that needs the carry of the step before."""
        return self.step(params, carry, u)

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        """What can be computed after the loop, for all steps at once."""
        return outs

    @property
    def kind(self) -> "type[Cell]":
        """The kind that engines run this cell as, which says what methods it has."""
        return Cell

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """The shape of one step's input: `(64,)`, `(None, None, 3)` for images, `()` for symbols.

        `None` inside the tuple is an axis of any size. `None` instead of a tuple means that the
        cell does not say: it takes any number of features along one axis, or a tree of such arrays.
        """
        return None

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """The shape of one step's output; `None` if the cell does not say."""
        return None


class GatedCell(Cell):
    """A cell whose step is one product with the carry, then cheap local maths.

        u = project(params, x)      time-parallel: called once on [T, *batch, I]
        r = mix(params, carry)      affine in the carry
        carry, y = gate(params, carry, u, r)

    `mix` is the only product inside the time loop, and its transpose the only one inside the
    backward loop. `u` and `r` reach `gate` separately, so that a reset may act on `r` alone.
    `gate` is pointwise, or nearly, and may own parameters (peepholes, norms). `rule` says how it
    is differentiated: automatically, unless the cell supplies a faster derivative.
    """

    rule: ClassVar[Rule] = Automatic()

    @abc.abstractmethod
    def project(self, params: Params, x: Inputs) -> Inputs:
        """What the inputs `[..., I]` contribute to the pre-activations."""

    @abc.abstractmethod
    def mix(self, params: Params, carry: Carry) -> Inputs:
        """What the carry contributes to the pre-activations; affine in the carry."""

    @abc.abstractmethod
    def gate(self, params: Params, carry: Carry, u: Inputs, r: Inputs) -> tuple[Carry, Inputs]:
        """The new carry and the output, from both contributions and the old carry."""

    def gate_through(
        self,
        params: Params,
        carry: Carry,
        u: Inputs,
        r: Inputs,
        change: Callable[[Array], Array],
    ) -> tuple[Carry, Inputs]:
        """`gate` with its candidate, what the gates let into the state, changed by a function.

        `RecurrentDropout` drops it. A cell that has no candidate leaves this as it is.
        """
        raise TypeError(f"{type(self).__name__} does not say what its candidate is")

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        return self.advance(params, carry, self.project(params, x))

    def prepare(self, params: Params, xs: Inputs) -> Inputs:
        return self.project(params, xs)

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        return self.gate(params, carry, u, self.mix(params, carry))

    @property
    def kind(self) -> type[Cell]:
        return GatedCell
