"""`LearnedCarry`: a cell whose initial carry is a parameter."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._dtypes import at_least_float32
from .._typing import Batch, Carry, Inputs, Key, Params
from ._transparent import Transparent


class LearnedCarryParams(NamedTuple):
    """Parameters of `LearnedCarry`."""

    cell: Params
    start: Carry
    """The carry before the first step, of one sequence."""


class LearnedCarry(Transparent):
    """A cell around another one, which learns the carry that every sequence starts from.

        h_0 = start, a parameter;   carry, y = cell.step(params.cell, carry, x)

    It is the same for every sequence, and a reset goes back to it. It runs on the engines of the
    cell inside. For a carry that depends on something that was read before, see
    `networks.CarryFromContext`.

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

    def inside(self, params: LearnedCarryParams) -> Params:
        return params.cell

    def around(self, params: LearnedCarryParams, inner: Params) -> LearnedCarryParams:
        return params._replace(cell=inner)

    def finish(self, params: LearnedCarryParams, outs: Inputs, xs: Inputs) -> Inputs:
        return self.cell.finish(params.cell, outs, self.split(xs)[0])
