"""Long short-term memory."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array, Batch, Key, Leaf
from ._dense import DenseCell, glorot, orthogonal, recur, zeros


class LSTMParams(NamedTuple):
    """Parameters of `LSTM`; the gates stand side by side in the order i, f, g, o."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"]


class LSTMCarry(NamedTuple):
    """Carry of `LSTM`."""

    hidden: Float[Array, "*batch H"]
    cell: Float[Array, "*batch H"]


class LSTM(DenseCell):
    """Long short-term memory with forget gates.

        i, f, g, o = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t),   y_t = h_t

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.

    Reference: S. Hochreiter & J. Schmidhuber, Neural Computation 9 (1997); forget gate: F. Gers,
    J. Schmidhuber & F. Cummins, Neural Computation 12 (2000); its bias of 1: R. Jozefowicz,
    W. Zaremba & I. Sutskever, ICML 2015.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.LSTM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> carry, ys = jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))
        >>> carry.cell.shape, ys.shape
        ((2, 4), (7, 2, 4))
    """

    forget_bias: Leaf = 1.0

    def init(self, key: Key) -> LSTMParams:
        """Glorot kernels and orthogonal recurrent kernels per gate; the forget bias."""
        kernel, recurrent = jax.random.split(key)
        i, g, o = jnp.zeros((3, self.hidden))
        return LSTMParams(
            kernel=glorot(kernel, self.inputs, self.hidden, 4),
            recurrent=orthogonal(recurrent, self.hidden, 4),
            bias=jnp.concatenate([i, jnp.full_like(i, self.forget_bias), g, o]),
        )

    def carry(self, params: LSTMParams, batch: Batch = ()) -> LSTMCarry:
        """Zeros."""
        zero = zeros(batch, self.hidden, params.recurrent)
        return LSTMCarry(zero, zero)

    def mix(self, params: LSTMParams, carry: LSTMCarry) -> Float[Array, "... G"]:
        """`h @ recurrent`."""
        return recur(carry.hidden, params.recurrent)

    def gate(
        self,
        params: LSTMParams,
        carry: LSTMCarry,
        u: Float[Array, "... G"],
        r: Float[Array, "... G"],
    ) -> tuple[LSTMCarry, Float[Array, "... H"]]:
        """The four gates."""
        i, f, g, o = jnp.split(u + r, 4, axis=-1)
        c = jax.nn.sigmoid(f) * carry.cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return LSTMCarry(h, c), h.astype(params.kernel.dtype)
