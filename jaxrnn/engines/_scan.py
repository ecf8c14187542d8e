"""`Scan`: the reference engine."""

import jax

from .. import _check
from .._typing import Carry, Inputs, Params
from ..cells import Cell, MemoryCell
from ._engine import Engine


class Scan(Engine[Cell]):
    """`lax.scan` over time. Takes every cell and every transformation of JAX.

    What a cell can compute for all steps at once is computed outside the loop. Every other engine
    is tested against this one.

    Args:
        unroll: steps per iteration of the compiled loop; more of them take longer to compile.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.GRU(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Scan(unroll=2))[1].shape
        (7, 2, 4)
    """

    unroll: int = jax.tree.static(default=1)

    def __post_init__(self) -> None:
        """Check the size."""
        _check.sizes("Scan", unroll=self.unroll)

    def run(self, cell: Cell, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        def body(carry: Carry, u: Inputs) -> tuple[Carry, Inputs]:
            return cell.advance(params, carry, u)

        us, turned = cell.prepare(params, xs), None
        if isinstance(cell, MemoryCell):
            us, turned = us.turned_back()
        carry, outs = jax.lax.scan(body, carry, us, unroll=self.unroll)
        carry = carry if turned is None else turned(carry)
        return carry, cell.finish(params, outs, xs)
