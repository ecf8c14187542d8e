"""The multiplicative LSTM."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot, glorot, orthogonal, recur
from .._typing import Array, Key, Leaf
from ._lstm import LSTMCarry, LSTMRule, WithCell, lstm_bias


class MultiplicativeLSTMParams(NamedTuple):
    """Parameters of `MultiplicativeLSTM`; blocks of the kernel in the order m, i, f, g, o."""

    kernel: Float[Array, "I 5*H"]
    recurrent: Float[Array, "H H"]
    intermediate: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"] | None


class MultiplicativeLSTM(WithCell):
    """The multiplicative LSTM: every input has a recurrent matrix of its own.

        u_m, u = split(x_t @ kernel)
        m_t = u_m * (h_{t-1} @ recurrent)
        i, f, g, o = split(u + bias + m_t @ intermediate)
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t),   y_t = h_t

    The matrix from one hidden state to the next is `recurrent @ diag(u_m) @ intermediate`. A step
    has two products in a row.

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: B. Krause et al., "Multiplicative LSTM for sequence modelling", ICLR 2017 workshop
    (arXiv 1609.07959).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.MultiplicativeLSTM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    forget_bias: Leaf = 1.0
    use_bias: bool = jax.tree.static(default=True)

    def init(self, key: Key) -> MultiplicativeLSTMParams:
        """Glorot kernels, orthogonal kernels between the units, the forget bias."""
        kernel, recurrent, intermediate = jax.random.split(key, 3)
        return MultiplicativeLSTMParams(
            glorot(kernel, self.inputs, self.hidden, 5),
            orthogonal(recurrent, self.hidden, 1),
            orthogonal(intermediate, self.hidden, 4),
            lstm_bias(self.hidden, self.forget_bias, use=self.use_bias),
        )

    def project(self, params: MultiplicativeLSTMParams, x: Array) -> Float[Array, "... G"]:
        """`x @ kernel`, with the biases of the gates."""
        u = dot(x, params.kernel)
        return u if params.bias is None else add(u, jnp.pad(params.bias, (self.hidden, 0)))

    def gate(
        self, params: MultiplicativeLSTMParams, carry: LSTMCarry, u: Array, r: Array
    ) -> tuple[LSTMCarry, Array]:
        """The intermediate state, its product, then the gates of an LSTM."""
        u, z = self._sums(params, u, r)
        result: tuple[LSTMCarry, Array] = LSTMRule().remember(self, params, carry, u, z)[0]
        return result

    def gates(
        self, params: MultiplicativeLSTMParams, carry: LSTMCarry, x: Array
    ) -> dict[str, Array]:
        """Input, forget and output gate."""
        u, z = self._sums(params, self.project(params, x), self.mix(params, carry))
        i, f, _, o = jnp.split(jax.nn.sigmoid(u + z), 4, axis=-1)
        return {"input": i, "forget": f, "output": o}

    def _sums(self, params: MultiplicativeLSTMParams, u: Array, r: Array) -> tuple[Array, Array]:
        """What the inputs and the intermediate state contribute to the gates."""
        m = u[..., : self.hidden] * r
        return u[..., self.hidden :], recur(m, params.intermediate)
