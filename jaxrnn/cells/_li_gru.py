"""The light gated recurrent unit."""

from typing import ClassVar, NamedTuple

import jax
from jaxtyping import Float

from .._typing import Array, Key
from ._dense import drawn_blocks
from ._pointwise import PointwiseCell
from ._squash import RELU, SIGMOID


class LiGRUParams(NamedTuple):
    """Parameters of `LiGRU`; the blocks are concatenated in the order z, n."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "H 2*H"]
    bias: Float[Array, " 2*H"] | None


class LiGRU(PointwiseCell):
    """The light gated recurrent unit, made for speech: no reset gate, a rectified candidate.

        z, n = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        h_t  = sigmoid(z) * h_{t-1} + (1 - sigmoid(z)) * relu(n),   y_t = h_t

    The state is not bounded. The paper therefore normalises `x_t @ kernel` over the batch; here a
    `LayerNorm` before the cell does it for each step alone.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: M. Ravanelli et al., "Light gated recurrent units for speech recognition", IEEE
    Transactions on Emerging Topics in Computational Intelligence 2 (2018; arXiv 1803.10225).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.LiGRU(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"update": SIGMOID, "candidate": RELU}

    def init(self, key: Key) -> LiGRUParams:
        """Glorot kernels and orthogonal recurrent kernels per block, biases of zero."""
        return LiGRUParams(*drawn_blocks(key, self.inputs, self.hidden, 2, bias=self.use_bias))

    def update(self, params: LiGRUParams, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        z, n = blocks
        h = z * carry + (1 - z) * n
        return h, h
