"""`BPTT`: back-propagation through time with a hand-written derivative."""

from typing import Any

import jax

from .. import _check
from .._typing import Carry, Inputs, Params
from ..cells import GatedCell
from ._engine import Engine
from ._gated import Gated, run_gated


class BPTT(Engine[GatedCell]):
    """The scan of a gated cell, with a derivative that holds only what must be sequential.

    JAX's own derivative of a scan adds to every weight's gradient at every step, and saves what
    every operation of the gate needs. Here the derivative is written as a linear recurrence,

        d_r_t            = D mix(d_carry_{t-1}) + D mix(d_params)
        d_carry_t, d_y_t = push(point_t, d_carry_{t-1}, merge(d_u_t, d_r_t))

    The backward loop is its transpose: it contains only the transposes of `mix` and of the gate's
    derivative. Points (`linearize` of the cell's `rule`) and the gradients of weights and inputs
    are computed for a block of steps at once. A block is short enough to stay in a processor's
    cache; only the carry, its cotangent and the gradients of the weights pass from one block to
    the next. `grad`, `jvp`, `jacfwd`, `hessian` and `vmap` all apply.

    Args:
        block: steps in a block, a divisor of the number of steps; by default chosen by size.

    Reference: P. Werbos, "Backpropagation through time", Proceedings of the IEEE 78 (1990);
    J. Appleyard, T. Kocisky & P. Blunsom, arXiv 1604.01946, for moving products out of the loop.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.LSTM(3, 4), jax.numpy.ones((7, 2, 3))
        >>> loss = lambda p: jaxrnn.unroll(cell, p, xs, engine=jaxrnn.engines.BPTT())[1].sum()
        >>> jax.grad(loss)(cell.init(jax.random.key(0))).recurrent.shape
        (4, 16)
    """

    block: int | None = jax.tree.static(default=None)

    def __post_init__(self) -> None:
        """Check the size."""
        if self.block is not None:
            _check.sizes("BPTT", block=self.block)

    @property
    def takes(self) -> type[GatedCell]:
        return GatedCell

    def run(self, cell: Any, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        return run_gated(Gated(self.block), cell, params, carry, xs)
