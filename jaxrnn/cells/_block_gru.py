"""The gated recurrent unit in heads."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, glorot, recur_blocks
from .._typing import Array, Key
from ._block_lstm import orthogonal_heads
from ._dense import DenseCell
from ._gru import GRURule, opened


class BlockGRUParams(NamedTuple):
    """Parameters of `BlockGRU`; blocks in the order r, z, n, in every head's matrix too."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "N D 3*D"]
    bias: Float[Array, " 3*H"] | None
    candidate_bias: Float[Array, " H"] | None


class BlockGRU(DenseCell):
    """The gated recurrent unit in heads: `GRU` with a block-diagonal recurrent matrix.

        u_r, u_z, u_n = split(x_t @ kernel + bias)
        r_r, r_z, r_n = split(h_{t-1} @ blocks(recurrent) + (0, 0, candidate_bias))
        r   = sigmoid(u_r + r_r),   z = sigmoid(u_z + r_z)
        n   = tanh(u_n + r * r_n)
        h_t = (1 - z) * n + z * h_{t-1},   y_t = h_t

    Units hear only of those in their own head; heads meet in the layer above.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        heads: how many blocks the recurrent matrix has; they divide `hidden`.
        use_bias: whether there are biases; without, they are None in the parameters.

    Reference: K. Poeppel, M. Beck & S. Hochreiter, "FlashRNN: I/O-aware optimization of traditional
    RNNs on modern hardware", ICLR 2025 (arXiv 2412.07752), for heads of LSTM and GRU.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.BlockGRU(3, 4, heads=2)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    heads: int = jax.tree.static(default=1)
    use_bias: bool = jax.tree.static(default=True)
    rule = GRURule()

    def __post_init__(self) -> None:
        """Check the sizes and the heads."""
        super().__post_init__()
        _check.heads("BlockGRU", self.heads, hidden=self.hidden)

    def init(self, key: Key) -> BlockGRUParams:
        """Glorot kernels per gate, orthogonal blocks, biases of zero."""
        kernel, recurrent = jax.random.split(key)
        return BlockGRUParams(
            glorot(kernel, self.inputs, self.hidden, 3),
            orthogonal_heads(recurrent, self.hidden, self.heads, 3),
            jnp.zeros(3 * self.hidden) if self.use_bias else None,
            jnp.zeros(self.hidden) if self.use_bias else None,
        )

    def mix(self, params: BlockGRUParams, carry: Array) -> Float[Array, "... G"]:
        """`h @ blocks(recurrent)`, with the candidate's bias."""
        r, bias = recur_blocks(carry, params.recurrent), params.candidate_bias
        return r if bias is None else add(r, jnp.pad(bias, (2 * self.hidden, 0)))

    def gate(self, params: BlockGRUParams, carry: Array, u: Array, r: Array) -> tuple[Array, Array]:
        """Reset, update, candidate."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: BlockGRUParams, carry: Array, x: Array) -> dict[str, Array]:
        """Reset and update gate."""
        return opened(self.project(params, x), self.mix(params, carry), self.hidden)
