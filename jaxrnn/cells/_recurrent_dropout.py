"""`RecurrentDropout`: dropout of what enters the state."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Array, Batch, Carry, Inputs, Key, Leaf, Params
from ._associative import LinearCell
from ._cell import Cell, GatedCell
from ._noisy import Drawn
from ._resolving import Resolving, leading
from ._rule import Automatic, Rule
from ._transparent import Transparent
from ._variational import drop
from ._wrapper import Parted


class RecurrentDropout(Resolving):
    """A cell whose candidate is dropped at random: what would enter the state, not what is in it.

        m ~ Bernoulli(1 - rate), one for each unit at each step
        c_t = f * c_{t-1} + i * (m * g / (1 - rate))      an LSTM
        h_t = (1 - z) * (m * n / (1 - rate)) + z * h_{t-1}      a GRU
        h_t = a h_{t-1} + m * b / (1 - rate)      a linear cell

    So nothing that is remembered is lost, over any number of steps. Without a key it is the cell
    inside. With one, the gate's derivative is the automatic one.

    Args:
        cell: a linear cell, or a gated one that says what its candidate is (`gate_through`):
            `LSTM`, `GRU`, `ResetBeforeGRU`.
        rate: the probability to drop, in [0, 1).

    Raises:
        TypeError: another cell.
        ValueError: a rate outside [0, 1).

    Reference: S. Semeniuta, A. Severyn & E. Barth, "Recurrent dropout without memory loss", COLING
    2016.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.RecurrentDropout(jaxrnn.cells.LSTM(3, 4), 0.25)
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((7, 2, 3))
        >>> jaxrnn.unroll(cell, params, xs, key=jax.random.key(1))[1].shape
        (7, 2, 4)
    """

    rate: Leaf = 0.25

    def __post_init__(self) -> None:
        """Check the cell and the rate."""
        cell = self.cell
        said = isinstance(cell, GatedCell) and _says_candidate(cell)
        if not (isinstance(cell, LinearCell) or said):
            raise TypeError(
                "RecurrentDropout: cell must be a `LinearCell`, or a `GatedCell` that defines "
                f"`gate_through`, as `LSTM` and `GRU` do, got `{type(self.cell).__name__}` (a "
                f"`{self.cell.kind.__name__}`). `Zoneout` takes any cell."
            )
        _check.fraction("RecurrentDropout", rate=self.rate)

    def draw(self, params: Params, xs: Inputs, key: Key) -> Drawn:
        """Inputs, and which candidates are kept."""
        _check.number("RecurrentDropout", rate=self.rate)
        mine, inside = jax.random.split(key)
        steps, *batch = leading(self.cell, xs)
        carry = jax.eval_shape(lambda params: self.cell.carry(params, tuple(batch)), params)
        shape = (steps, *jax.tree.leaves(carry)[0].shape)
        keep = jax.random.bernoulli(mine, 1 - self.rate, shape)
        return Drawn(self.cell.draw(params, xs, inside), keep)

    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple[Cell, Params]:
        """The cell inside; if there is a key, with a candidate that is dropped."""
        cell, params = self.cell.resolve(params, batch, key)
        return (cell if key is None else Dropping(cell, self.rate)), params


class Dropping(Transparent):
    """A cell whose inputs say which candidates are kept."""

    rate: Leaf

    def split(self, x: Inputs) -> tuple[Inputs, Any]:
        return (x.x, x.noise) if isinstance(x, Drawn) else (x, None)

    def prepare(self, params: Params, xs: Inputs) -> Inputs:
        inner, keep = self.split(xs)
        u = self.cell.prepare(params, inner)
        if self.kind is GatedCell:
            return Parted(u, keep)
        if keep is None:
            return u
        a, b = u
        return a, jax.tree.map(partial(self._dropped, keep), b)

    def advance(self, params: Params, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        if self.kind is GatedCell:
            return self.gate(params, carry, u, self.mix(params, carry))
        return super().advance(params, carry, u)

    def gate(self, params: Params, carry: Carry, u: Parted, r: Inputs) -> tuple[Carry, Inputs]:
        if u.aside is None:
            return self._inner.gate(params, carry, u.inner, r)
        change = partial(self._dropped, u.aside)
        return self._inner.gate_through(params, carry, u.inner, r, change)

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        carry, out = self.advance(params, carry, self.prepare(params, x))
        return carry, self.finish(params, out, x)

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        return self.cell.finish(params, outs, self.split(xs)[0])

    @property
    def rule(self) -> Rule:
        """JAX's, for the candidate is dropped inside the gate."""
        return Automatic()

    def _dropped(self, keep: Array, candidate: Array) -> Array:
        return drop(jnp.broadcast_to(keep, candidate.shape), candidate, self.rate)


def _says_candidate(cell: GatedCell) -> bool:
    return type(cell).gate_through is not GatedCell.gate_through
