"""Long short-term memory with working-memory connections."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, glorot, orthogonal, recur, zeros
from .._typing import Array, Batch, Key, Leaf
from ._dense import DenseCell
from ._lstm import LSTMCarry
from ._rule import Rule
from ._squash import SIGMOID, TANH, squashed


class WMCLSTMParams(NamedTuple):
    """Parameters of `WMCLSTM`; the gates are in the order i, f, g, o, those of `memory` i, f."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    memory: Float[Array, "H 2*H"]
    output_memory: Float[Array, "H H"]
    bias: Float[Array, " 4*H"]
    memory_bias: Float[Array, " 3*H"]


class WMCLSTMRule(Rule):
    """The factors of d_c and d_h.

    Memory: what the memory says to i and f, squashed; i, f and g; o before the memory speaks, and
    after; and what the memory says to o, squashed.
    """

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: Any, carry: LSTMCarry, u: Array, r: Any) -> Any:
        size = cell.hidden
        z, seen = u + r[0], jnp.tanh(r[1])
        z = jnp.concatenate([z[..., : 2 * size] + seen, z[..., 2 * size :]], axis=-1)
        known = squashed(z[..., : 3 * size], (SIGMOID, SIGMOID, TANH))
        return self._gate(params, carry, seen, known, z[..., 3 * size :])

    def replay(self, cell: Any, params: Any, carry: LSTMCarry, memory: Any) -> Any:
        return self._gate(params, carry, *memory[:3])[0]

    def _gate(self, params: Any, carry: LSTMCarry, seen: Array, known: Array, z_o: Array) -> Any:
        i, f, g = jnp.split(known, 3, axis=-1)
        c = f * carry.cell + i * g
        bias = params.memory_bias[2 * c.shape[-1] :]
        seen_o = jnp.tanh(add(recur(c, params.output_memory), bias))
        o = jax.nn.sigmoid(z_o + seen_o)
        h = o * jnp.tanh(c)
        result = LSTMCarry(h, c), h.astype(params.kernel.dtype)
        return result, (seen, known, z_o, o, seen_o)

    def linearize(self, cell: Any, params: Any, carry: LSTMCarry, memory: Any) -> Any:
        seen, known, _, o, seen_o = memory
        i, f, g = jnp.split(known, 3, axis=-1)
        tanh_c = jnp.tanh(f * carry.cell + i * g)
        c_i, c_f = g * i * (1 - i), carry.cell * f * (1 - f)
        m_i, m_f = jnp.split(1 - seen**2, 2, axis=-1)
        h_o = tanh_c * o * (1 - o)
        of_c = f, c_i, c_f, i * (1 - g**2), c_i * m_i, c_f * m_f
        return of_c, (o * (1 - tanh_c**2), h_o, h_o * (1 - seen_o**2))

    def merge(self, d_u: Array, d_r: tuple[Array, Array]) -> tuple[Array, Array]:
        """The sums of inputs and state, and what the memory says."""
        return d_u + d_r[0], d_r[1]

    def push(self, cell: Any, params: Any, point: Any, d_carry: LSTMCarry, d_z: Any) -> Any:
        (c_c, c_i, c_f, c_g, c_m_i, c_m_f), (h_c, h_o, h_m) = point
        d_i, d_f, d_g, d_o = jnp.split(d_z[0], 4, axis=-1)
        d_m_i, d_m_f = jnp.split(d_z[1], 2, axis=-1)
        d_c = c_c * d_carry.cell + c_i * d_i + c_f * d_f + c_g * d_g + c_m_i * d_m_i + c_m_f * d_m_f
        d_h = h_c * d_c + h_o * d_o + h_m * recur(d_c, params.output_memory)
        return LSTMCarry(d_h, d_c), d_h.astype(params.kernel.dtype)


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
    rule = WMCLSTMRule()

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
        """`h @ recurrent`, and `c @ memory + memory_bias`."""
        bias = params.memory_bias[: 2 * self.hidden]
        return recur(carry.hidden, params.recurrent), add(recur(carry.cell, params.memory), bias)

    def gate(
        self, params: WMCLSTMParams, carry: LSTMCarry, u: Array, r: tuple[Array, Array]
    ) -> Any:
        """Input and forget gate with the old memory, the output gate with the new one."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: WMCLSTMParams, carry: LSTMCarry, x: Array) -> dict[str, Array]:
        """Input, forget and output gate."""
        u, r = self.project(params, x), self.mix(params, carry)
        _, (_, known, _, o, _) = self.rule.remember(self, params, carry, u, r)
        i, f, _ = jnp.split(known, 3, axis=-1)
        return {"input": i, "forget": f, "output": o}
