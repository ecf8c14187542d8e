"""The three kinds of cell: what one step computes."""

import abc
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._config import Config
from .._numerics import drop
from .._typing import Array, Batch, Carry, Inputs, Key, Params


class Cell(Config):
    """One step of recurrence, `step(params, carry, x) -> (carry, y)`.

    An engine runs a cell through time in three parts, of which only the middle one is sequential:

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

    def prepare(self, params: Params, xs: Inputs) -> Inputs:
        """What can be computed from the inputs alone, for all steps at once."""
        return xs

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        """What has to wait for the carry of the step before."""
        return self.step(params, carry, u)

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        """What can be computed after the loop, for all steps at once."""
        return outs

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """The features of one step's input, such as `(64,)`, or `(None, None, 3)` of an image.

        `None` in it is an axis of any size. A cell that does not say, `None`, takes any number of
        features along one axis, or a tree of such.
        """
        return None

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """The features of one step's output; `None` if the cell does not say."""
        return None


class GatedCell(Cell):
    """A cell whose step is one product with the carry, then cheap local maths.

        u = project(params, x)      time-parallel: called once on [T, *batch, I]
        r = mix(params, carry)      affine in the carry
        carry, y = gate(params, carry, u, r)

    `mix` is the only product inside the time loop, and its transpose the only one inside the
    backward loop. `u` and `r` reach `gate` separately, so that a reset may act on `r` alone.
    `gate` is pointwise, or nearly, and may own parameters (peepholes, norms). Its derivative is
    automatic; `linearize` and `pushforward` are there for a cell that knows a faster one.
    """

    @abc.abstractmethod
    def project(self, params: Params, x: Inputs) -> Inputs:
        """The share of the inputs `[..., I]` in the pre-activations."""

    @abc.abstractmethod
    def mix(self, params: Params, carry: Carry) -> Inputs:
        """The share of the carry in the pre-activations; affine in the carry."""

    @abc.abstractmethod
    def gate(self, params: Params, carry: Carry, u: Inputs, r: Inputs) -> tuple[Carry, Inputs]:
        """From both shares and the old carry to the new carry and the output."""

    def remember(
        self, params: Params, carry: Carry, u: Inputs, r: Inputs
    ) -> tuple[tuple[Carry, Inputs], Any]:
        """The result of `gate`, and what its derivative needs to know of it beside the old carry.

        By default u and r.
        """
        return self.gate(params, carry, u, r), (u, r)

    def linearize(self, params: Params, carry: Carry, memory: Any) -> Any:
        """What `pushforward` needs to know of the point, computed outside the loop.

        By default the point itself. A cell that returns the factors of its derivative instead, and
        only multiplies with them in `pushforward`, has the fastest backward loop.
        """
        return carry, *memory

    def merge(self, d_u: Inputs, d_r: Inputs) -> Any:
        """What `pushforward` needs of the tangents of u and r; linear in both.

        By default both. Where the gate reads `u + r`, `d_u + d_r` is all, and the backward loop has
        one cotangent to store instead of two. `d_u` is None at leaves without a derivative (whole
        numbers, flags).
        """
        return d_u, d_r

    def pushforward(
        self, params: Params, point: Any, d_carry: Carry, d_z: Any
    ) -> tuple[Carry, Inputs]:
        """The derivative of `gate` at a point: linear in `d_carry` and `d_z = merge(d_u, d_r)`.

        By default automatic: `gate` is evaluated again inside the backward loop, and nothing of its
        inside is kept in memory. `remember`, `linearize`, `merge` and `pushforward` belong
        together: a gate that reads parameters which are being differentiated uses the automatic
        ones, so that a cell's own need not know of its parameters' tangents.
        """
        d_u, d_r = d_z
        d_u = jax.tree.map(
            lambda u, d: np.zeros(jnp.shape(u), jax.dtypes.float0) if d is None else d,
            point[1],
            d_u,
        )
        return jax.jvp(partial(self.gate, params), point, (d_carry, d_u, d_r))[1]

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """`project`, then `mix` and `gate`."""
        return self.advance(params, carry, self.project(params, x))

    def prepare(self, params: Params, xs: Inputs) -> Inputs:
        """`project` over all steps."""
        return self.project(params, xs)

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        """`mix` and `gate`."""
        return self.gate(params, carry, u, self.mix(params, carry))


class LinearCell(Cell):
    """A cell whose state follows a linear recurrence, elementwise.

        a, b = coefficients(params, x)    time-parallel
        h_t  = a_t * h_{t-1} + b_t
        y    = read(params, h, x)         time-parallel

    `a`, `b` and `h` are trees of one structure. The recurrence is associative, so that it can be
    run in parallel over time.
    """

    @abc.abstractmethod
    def coefficients(self, params: Params, x: Inputs) -> tuple[Carry, Carry]:
        """The factor and the summand of the recurrence, each `[..., H]`."""

    @abc.abstractmethod
    def read(self, params: Params, h: Carry, x: Inputs) -> Inputs:
        """The output from the new state and the input."""

    def restarts(self, x: Inputs) -> Array | None:
        """Where `h_{t-1}` is dropped, by selection, before it is multiplied: `Bool[...]` or None.

        A product with zero would let a NaN in the old state live on.
        """
        return None

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """One step of the recurrence, read out."""
        h, _ = self.advance(params, carry, self.prepare(params, x))
        return h, self.read(params, h, x)

    def prepare(self, params: Params, xs: Inputs) -> Inputs:
        """The coefficients and the restarts of all steps."""
        return *self.coefficients(params, xs), self.restarts(xs)

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        """`h = a * h + b`."""
        a, b, restart = u
        if restart is not None:
            carry = drop(restart, carry)
        h = jax.tree.map(lambda a, h, b: a * h + b, a, carry, b)
        return h, h

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        """`read` over all steps."""
        return self.read(params, outs, xs)
