"""The update gate network."""

from typing import ClassVar, NamedTuple

import jax
from jaxtyping import Float

from .._typing import Array, Key
from ._dense import drawn_blocks
from ._pointwise import PointwiseCell
from ._squash import SIGMOID, TANH


class UGRNNParams(NamedTuple):
    """Parameters of `UGRNN`; the blocks are concatenated in the order g, c."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "H 2*H"]
    bias: Float[Array, " 2*H"] | None


class UGRNN(PointwiseCell):
    """The update gate network: a recurrent network with one gate.

        g, c = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        h_t  = sigmoid(g) * h_{t-1} + (1 - sigmoid(g)) * tanh(c),   y_t = h_t

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: J. Collins, J. Sohl-Dickstein & D. Sussillo, "Capacity and trainability in recurrent
    neural networks", ICLR 2017 (arXiv 1611.09913).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.UGRNN(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"update": SIGMOID, "candidate": TANH}

    def init(self, key: Key) -> UGRNNParams:
        """Glorot kernels and orthogonal recurrent kernels per block, biases of zero."""
        return UGRNNParams(*drawn_blocks(key, self.inputs, self.hidden, 2, bias=self.use_bias))

    def update(self, params: UGRNNParams, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        g, c = blocks
        h = g * carry + (1 - g) * c
        return h, h
