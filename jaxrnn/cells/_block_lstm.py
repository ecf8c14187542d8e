"""Long short-term memory in heads."""

from typing import NamedTuple

import jax
from jaxtyping import Float

from .. import _check
from .._numerics import glorot, orthogonal, recur_blocks
from .._typing import Array, Key, Leaf
from ._lstm import LSTMCarry, LSTMLike, lstm_bias


class BlockLSTMParams(NamedTuple):
    """Parameters of `BlockLSTM`; gates in the order i, f, g, o, in every head's matrix too."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "N D 4*D"]
    bias: Float[Array, " 4*H"] | None


class BlockLSTM(LSTMLike):
    """Long short-term memory in heads: the recurrent matrix is block-diagonal.

        i, f, g, o = split(x_t @ kernel + bias + h_{t-1} @ blocks(recurrent))
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t),   y_t = h_t

    Units hear only of those in their own head; heads meet in the layer above. With as many times
    fewer recurrent weights as there are heads, the state can be wider at the same cost.

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        heads: how many blocks the recurrent matrix has; they divide `hidden`.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: K. Poeppel, M. Beck & S. Hochreiter, "FlashRNN: I/O-aware optimization of traditional
    RNNs on modern hardware", ICLR 2025 (arXiv 2412.07752), for heads of LSTM and GRU.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.BlockLSTM(3, 4, heads=2)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    heads: int = jax.tree.static(default=1)
    forget_bias: Leaf = 1.0
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        """Check the sizes and the heads."""
        super().__post_init__()
        _check.heads("BlockLSTM", self.heads, hidden=self.hidden)

    def init(self, key: Key) -> BlockLSTMParams:
        """Glorot kernels per gate, orthogonal blocks; the forget bias."""
        kernel, recurrent = jax.random.split(key)
        return BlockLSTMParams(
            glorot(kernel, self.inputs, self.hidden, 4),
            orthogonal_heads(recurrent, self.hidden, self.heads, 4),
            lstm_bias(self.hidden, self.forget_bias, use=self.use_bias),
        )

    def mix(self, params: BlockLSTMParams, carry: LSTMCarry) -> Float[Array, "... G"]:
        """`h @ blocks(recurrent)`."""
        return recur_blocks(carry.hidden, params.recurrent)


def orthogonal_heads(key: Key, hidden: int, heads: int, gates: int) -> Float[Array, "N D G"]:
    """Orthogonal kernels, one for each head and gate: `[heads, size, gates * size]`."""
    keys = jax.random.split(key, heads)
    return jax.vmap(lambda key: orthogonal(key, hidden // heads, gates))(keys)
