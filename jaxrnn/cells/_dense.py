"""`DenseCell`: a gated cell of two full matrices."""

import jax

from .. import _check
from .._numerics import add, dot, recur, zeros
from .._typing import Array, Batch, Carry, Params
from ._cell import GatedCell


class DenseCell(GatedCell):
    """A gated cell of two full matrices: `params` has `kernel`, `recurrent` and `bias`.

        u = x @ kernel + bias,   r = h @ recurrent

    A subclass writes `init` and `gate`. It also writes `carry` and `mix` if its carry is more than
    one array `[*batch, hidden]`.
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check.sizes(type(self).__name__, inputs=self.inputs, hidden=self.hidden)

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden,)`."""
        return (self.hidden,)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """Zeros."""
        return zeros(batch, self.hidden, params.recurrent)

    def project(self, params: Params, x: Array) -> Array:
        """`x @ kernel + bias`."""
        return add(dot(x, params.kernel), params.bias)

    def mix(self, params: Params, carry: Carry) -> Array:
        """`h @ recurrent`."""
        return recur(carry, params.recurrent)
