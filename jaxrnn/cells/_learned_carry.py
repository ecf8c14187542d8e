"""`LearnedCarry`: a cell whose initial carry is a parameter."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._dtypes import at_least_float32
from .._typing import Batch, Carry, Inputs, Key, Params
from ._cell import Cell, GatedCell
from ._rule import Rule


class LearnedCarryParams(NamedTuple):
    """Parameters of `LearnedCarry`."""

    cell: Params
    start: Carry
    """The carry before the first step, of one sequence."""


class LearnedCarry(Cell):
    """A cell around another one, which learns the carry that every sequence starts from.

        h_0 = start, a parameter;   carry, y = cell.step(params.cell, carry, x)

    It is the same for every sequence, and a reset goes back to it. It runs on the engines of the
    cell inside, but for those that compose steps. For a carry that depends on something that was
    read before, see `networks.CarryFromContext`.

    Args:
        cell: the cell inside, whose own initial carry is where training starts from.

    Raises:
        TypeError: in `init`, for a cell whose carry holds other than floating-point numbers.

    Reference: M. Forcada & R. Carrasco, "Learning the initial state of a second-order recurrent
    neural network during regular-language inference", Neural Computation 7 (1995).

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.LearnedCarry(jaxrnn.cells.GRU(3, 4))
        >>> params = cell.init(jax.random.key(0))
        >>> loss = lambda params: jaxrnn.unroll(cell, params, jnp.ones((7, 2, 3)))[1].sum()
        >>> jax.grad(loss)(params).start.shape
        (4,)
    """

    cell: Cell

    @property
    def kind(self) -> type[Cell]:
        return GatedCell if self.cell.kind is GatedCell else Cell

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        return self.cell.input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        return self.cell.output_shape

    def init(self, key: Key) -> LearnedCarryParams:
        """The parameters of the cell, and its own initial carry."""
        params = self.cell.init(key)
        # A copy, as the cell's carry may be a parameter itself: two leaves that share a buffer
        # cannot be donated.
        start = jax.tree.map(jnp.copy, self.cell.carry(params))
        dtypes = [leaf.dtype for leaf in jax.tree.leaves(start)]
        wrong = [dtype for dtype in dtypes if not jnp.issubdtype(dtype, jnp.inexact)]
        if wrong:
            raise TypeError(
                "LearnedCarry: a carry is learned where it consists of floating-point numbers; "
                f"that of `{type(self.cell).__name__}` holds {wrong[0]}"
            )
        return LearnedCarryParams(params, start)

    def carry(self, params: LearnedCarryParams, batch: Batch = ()) -> Carry:
        def repeat(leaf: Any) -> Any:
            leaf = leaf.astype(at_least_float32(leaf.dtype))
            # Without a batch it would be the parameter itself, which goes with a donated carry.
            return jnp.broadcast_to(leaf, (*batch, *leaf.shape)) if batch else jnp.copy(leaf)

        return jax.tree.map(repeat, params.start)

    def draw(self, params: LearnedCarryParams, xs: Inputs, key: Key) -> Inputs:
        return self.cell.draw(params.cell, xs, key)

    def gates(self, params: LearnedCarryParams, carry: Carry, x: Inputs) -> dict[str, Any]:
        return self.cell.gates(params.cell, carry, x)

    def detach(self, carry: Carry, x: Inputs) -> Carry:
        return self.cell.detach(carry, x)

    def step(self, params: LearnedCarryParams, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        return self.cell.step(params.cell, carry, x)

    def prepare(self, params: LearnedCarryParams, xs: Inputs) -> Inputs:
        return self.cell.prepare(params.cell, xs)

    def advance(self, params: LearnedCarryParams, carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
        return self.cell.advance(params.cell, carry, u)

    def finish(self, params: LearnedCarryParams, outs: Inputs, xs: Inputs) -> Inputs:
        return self.cell.finish(params.cell, outs, xs)

    # The methods of a gated cell, around one.

    @property
    def _inner(self) -> Any:
        return self.cell

    def project(self, params: LearnedCarryParams, x: Inputs) -> Inputs:
        return self._inner.project(params.cell, x)

    def mix(self, params: LearnedCarryParams, carry: Carry) -> Inputs:
        return self._inner.mix(params.cell, carry)

    def gate(
        self, params: LearnedCarryParams, carry: Carry, u: Inputs, r: Inputs
    ) -> tuple[Carry, Inputs]:
        return self._inner.gate(params.cell, carry, u, r)

    @property
    def rule(self) -> Rule:
        """The inner cell's."""
        return Inside(self._inner.rule)


class Inside(Rule):
    """The rule of the cell inside, with its part of the parameters."""

    rule: Rule

    def holds(self, cell: Any, params: Any, carry: Carry, u: Inputs, r: Inputs) -> bool:
        return self.rule.holds(cell.cell, params.cell, carry, u, r)

    def remember(
        self, cell: Any, params: Any, carry: Carry, u: Inputs, r: Inputs
    ) -> tuple[tuple[Carry, Inputs], Any]:
        return self.rule.remember(cell.cell, params.cell, carry, u, r)

    @property
    def replays(self) -> bool:
        return self.rule.replays

    def replay(self, cell: Any, params: Any, carry: Carry, memory: Any) -> tuple[Carry, Inputs]:
        return self.rule.replay(cell.cell, params.cell, carry, memory)

    def linearize(self, cell: Any, params: Any, carry: Carry, memory: Any) -> Any:
        return self.rule.linearize(cell.cell, params.cell, carry, memory)

    def merge(self, d_u: Inputs, d_r: Inputs) -> Any:
        return self.rule.merge(d_u, d_r)

    def push(
        self, cell: Any, params: Any, point: Any, d_carry: Carry, d_z: Any
    ) -> tuple[Carry, Inputs]:
        return self.rule.push(cell.cell, params.cell, point, d_carry, d_z)
