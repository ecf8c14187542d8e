"""Long short-term memory."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import recur, together, zeros
from .._typing import Array, Batch, Key, Leaf
from ._dense import DenseCell, drawn_blocks
from ._rule import Rule


class LSTMParams(NamedTuple):
    """Parameters of `LSTM`; the gates are concatenated in the order i, f, g, o."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"] | None


class LSTMCarry(NamedTuple):
    """Carry of `LSTM`."""

    hidden: Float[Array, "*batch H"]
    cell: Float[Array, "*batch H"]


class LSTMRule(Rule):
    """The factors of d_c and d_h. One tanh serves all gates: sigmoid(z) = (1 + tanh(z / 2)) / 2."""

    def remember(self, cell: Any, params: Any, carry: LSTMCarry, u: Array, r: Array) -> Any:
        half = together(jnp.repeat(jnp.array([0.5, 0.5, 1.0, 0.5], u.dtype), cell.hidden))
        memory = together(jnp.tanh((u + r) * jnp.broadcast_to(half, u.shape)))
        return self.replay(cell, params, carry, memory), memory

    @property
    def replays(self) -> bool:
        return True

    def replay(self, cell: Any, params: Any, carry: LSTMCarry, memory: Array) -> Any:
        i, f, g, o = self._gates(memory)
        c = f * carry.cell + i * g
        h = o * jnp.tanh(c)
        return LSTMCarry(h, c), h.astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: Any, carry: LSTMCarry, memory: Array) -> Any:
        i, f, g, o = self._gates(memory)
        tanh_c = jnp.tanh(f * carry.cell + i * g)
        d_c = f, g * i * (1 - i), carry.cell * f * (1 - f), i * (1 - g**2)
        return d_c, (o * (1 - tanh_c**2), tanh_c * o * (1 - o))

    def push(self, cell: Any, params: Any, point: Any, d_carry: LSTMCarry, d_z: Array) -> Any:
        (c_cell, c_i, c_f, c_g), (h_c, h_o) = point
        d_i, d_f, d_g, d_o = jnp.split(d_z, 4, axis=-1)
        d_c = c_cell * d_carry.cell + c_i * d_i + c_f * d_f + c_g * d_g
        d_h = h_c * d_c + h_o * d_o
        return LSTMCarry(d_h, d_c), d_h.astype(params.kernel.dtype)

    def _gates(self, memory: Array) -> tuple[Array, Array, Array, Array]:
        i, f, g, o = jnp.split(memory, 4, axis=-1)
        return 0.5 * i + 0.5, 0.5 * f + 0.5, g, 0.5 * o + 0.5


class WithCell(DenseCell):
    """A dense cell whose carry is a hidden state and a cell; the product reads the hidden state."""

    def carry(self, params: Any, batch: Batch = ()) -> LSTMCarry:
        return LSTMCarry(*(zeros(batch, self.hidden, params.recurrent) for _ in "hc"))

    def mix(self, params: Any, carry: LSTMCarry) -> Float[Array, "... G"]:
        return recur(carry.hidden, params.recurrent)


class LSTMLike(WithCell):
    """A cell whose gate is that of `LSTM`."""

    rule: ClassVar[Rule] = LSTMRule()

    def gate(self, params: Any, carry: LSTMCarry, u: Array, r: Array) -> Any:
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: Any, carry: LSTMCarry, x: Array) -> dict[str, Array]:
        """Input, forget and output gate."""
        z = self.project(params, x) + self.mix(params, carry)
        i, f, _, o = jnp.split(jax.nn.sigmoid(z), 4, axis=-1)
        return {"input": i, "forget": f, "output": o}


def lstm_bias(hidden: int, forget_bias: Leaf, *, use: bool) -> Array | None:
    """Zeros, and the forget gate's bias."""
    return jnp.zeros((4, hidden)).at[1].add(forget_bias).ravel() if use else None


class LSTM(LSTMLike):
    """Long short-term memory with forget gates.

        i, f, g, o = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t),   y_t = h_t

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: S. Hochreiter & J. Schmidhuber, Neural Computation 9 (1997); with forget gates: F.
    Gers et al., ibid. 12 (2000); with a forget bias of 1: R. Jozefowicz et al., ICML 2015.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.LSTM(3, 4), jax.numpy.ones((7, 2, 3))
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[0].cell.shape
        (2, 4)
    """

    forget_bias: Leaf = 1.0
    use_bias: bool = jax.tree.static(default=True)

    def init(self, key: Key) -> LSTMParams:
        """Glorot kernels and orthogonal recurrent kernels per gate; the forget bias."""
        kernel, recurrent, _ = drawn_blocks(key, self.inputs, self.hidden, 4, bias=False)
        bias = lstm_bias(self.hidden, self.forget_bias, use=self.use_bias)
        return LSTMParams(kernel, recurrent, bias)

    def gate_through(
        self,
        params: LSTMParams,
        carry: LSTMCarry,
        u: Array,
        r: Array,
        change: Callable[[Array], Array],
    ) -> Any:
        """The candidate is `tanh(g)`."""
        i, f, g, o = jnp.split(u + r, 4, axis=-1)
        c = jax.nn.sigmoid(f) * carry.cell + jax.nn.sigmoid(i) * change(jnp.tanh(g))
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return LSTMCarry(h, c), h.astype(params.kernel.dtype)
