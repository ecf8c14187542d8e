"""Long short-term memory whose input and forget gates are one."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array, Key, Leaf
from ._dense import drawn_blocks
from ._lstm import LSTMCarry, WithCell
from ._pointwise import PointwiseCell
from ._squash import SIGMOID, TANH


class CoupledLSTMParams(NamedTuple):
    """Parameters of `CoupledLSTM`; the gates are concatenated in the order f, g, o."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "H 3*H"]
    bias: Float[Array, " 3*H"] | None


class CoupledLSTM(WithCell, PointwiseCell):
    """Long short-term memory with coupled gates (CIFG): what it forgets is what it writes.

        f, g, o = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        c_t = sigmoid(f) * c_{t-1} + (1 - sigmoid(f)) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t),   y_t = h_t

    A quarter fewer parameters than `LSTM`, and a cell that stays within (-1, 1).

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: K. Greff et al., "LSTM: a search space odyssey", IEEE Transactions on Neural Networks
    and Learning Systems 28 (2017; arXiv 1503.04069), for the variant CIFG.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.CoupledLSTM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    forget_bias: Leaf = 1.0
    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"forget": SIGMOID, "candidate": TANH, "output": SIGMOID}

    def init(self, key: Key) -> CoupledLSTMParams:
        """Glorot kernels and orthogonal recurrent kernels per gate; the forget bias."""
        drawn = drawn_blocks(key, self.inputs, self.hidden, 3, bias=self.use_bias)
        params = CoupledLSTMParams(*drawn)
        if params.bias is None:
            return params
        return params._replace(bias=params.bias.at[: self.hidden].add(self.forget_bias))

    def update(
        self, params: CoupledLSTMParams, carry: LSTMCarry, *blocks: Array
    ) -> tuple[LSTMCarry, Array]:
        f, g, o = blocks
        c = f * carry.cell + (1 - f) * g
        h = o * jnp.tanh(c)
        return LSTMCarry(h, c), h
