"""`DenseCell`: a gated cell of two full matrices."""

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import add, dot, glorot, orthogonal, recur, zeros
from .._typing import Array, Batch, Carry, Key, Params
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
        """`x @ kernel + bias`; without a bias, `params.bias` is None."""
        u = dot(x, params.kernel)
        return u if params.bias is None else add(u, params.bias)

    def mix(self, params: Params, carry: Carry) -> Array:
        """`h @ recurrent`."""
        return recur(carry, params.recurrent)


def drawn_blocks(
    key: Key, inputs: int, hidden: int, blocks: int, recurrent: int | None = None, *, bias: bool
) -> tuple[Array, Array, Array | None]:
    """Glorot kernels and orthogonal recurrent kernels side by side, and biases of zero or None.

    There are as many recurrent blocks as kernels, unless `recurrent` says how many.
    """
    first, second = jax.random.split(key)
    return (
        glorot(first, inputs, hidden, blocks),
        orthogonal(second, hidden, blocks if recurrent is None else recurrent),
        jnp.zeros(blocks * hidden) if bias else None,
    )
