"""Long short-term memory with working-memory connections."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import glorot, orthogonal, recur, zeros
from .._typing import Array, Batch, Key, Leaf
from ._dense import DenseCell
from ._lstm import LSTMCarry


class WMCLSTMParams(NamedTuple):
    """Parameters of `WMCLSTM`; the gates are in the order i, f, g, o, those of `memory` i, f."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    memory: Float[Array, "H 2*H"]
    output_memory: Float[Array, "H H"]
    bias: Float[Array, " 4*H"]
    memory_bias: Float[Array, " 3*H"]


class WMCLSTM(DenseCell):
    """Long short-term memory whose gates see the memory, through weights and a squashing function.

        i, f, g, o = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        m_i, m_f   = split(tanh(c_{t-1} @ memory + memory_bias))
        c_t = sigmoid(f + m_f) * c_{t-1} + sigmoid(i + m_i) * tanh(g)
        m_o = tanh(c_t @ output_memory + memory_bias)
        h_t = sigmoid(o + m_o) * tanh(c_t),   y_t = h_t

    Peepholes are diagonal and unbounded; these connections are neither.

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.

    Reference: F. Landi et al., "Working memory connections for LSTM", Neural Networks 144 (2021).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.WMCLSTM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    forget_bias: Leaf = 1.0

    def init(self, key: Key) -> WMCLSTMParams:
        """As `LSTM`, with orthogonal weights from the memory."""
        kernel, recurrent, memory, output = jax.random.split(key, 4)
        return WMCLSTMParams(
            kernel=glorot(kernel, self.inputs, self.hidden, 4),
            recurrent=orthogonal(recurrent, self.hidden, 4),
            memory=orthogonal(memory, self.hidden, 2),
            output_memory=orthogonal(output, self.hidden, 1),
            bias=jnp.zeros((4, self.hidden)).at[1].add(self.forget_bias).ravel(),
            memory_bias=jnp.zeros(3 * self.hidden),
        )

    def carry(self, params: WMCLSTMParams, batch: Batch = ()) -> LSTMCarry:
        return LSTMCarry(*(zeros(batch, self.hidden, params.recurrent) for _ in "hc"))

    def mix(self, params: WMCLSTMParams, carry: LSTMCarry) -> Any:
        """`h @ recurrent`, and `c @ memory`."""
        return recur(carry.hidden, params.recurrent), recur(carry.cell, params.memory)

    def gate(
        self, params: WMCLSTMParams, carry: LSTMCarry, u: Array, r: tuple[Array, Array]
    ) -> Any:
        """Input and forget gate with the old memory, the output gate with the new one."""
        i, f, o, g = self._gates(params, u, r)
        cell = f * carry.cell + i * jnp.tanh(g)
        hidden = self._output(params, o, cell) * jnp.tanh(cell)
        return LSTMCarry(hidden, cell), hidden.astype(params.kernel.dtype)

    def gates(self, params: WMCLSTMParams, carry: LSTMCarry, x: Array) -> dict[str, Array]:
        """Input, forget and output gate."""
        i, f, o, g = self._gates(params, self.project(params, x), self.mix(params, carry))
        cell = f * carry.cell + i * jnp.tanh(g)
        return {"input": i, "forget": f, "output": self._output(params, o, cell)}

    def _gates(self, params: WMCLSTMParams, u: Array, r: tuple[Array, Array]) -> tuple[Array, ...]:
        cut = 2 * self.hidden
        bias = params.memory_bias[:cut].astype(u.dtype)
        both = jnp.tanh(r[1] + jnp.broadcast_to(bias, r[1].shape))
        z = u + r[0]
        i, f = jnp.split(jax.nn.sigmoid(z[..., :cut] + both), 2, axis=-1)
        g, o = jnp.split(z[..., cut:], 2, axis=-1)
        return i, f, o, g

    def _output(self, params: WMCLSTMParams, o: Array, cell: Array) -> Array:
        bias = params.memory_bias[2 * self.hidden :].astype(cell.dtype)
        seen = recur(cell, params.output_memory) + jnp.broadcast_to(bias, cell.shape)
        return jax.nn.sigmoid(o + jnp.tanh(seen))
