"""Long short-term memory."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import glorot, orthogonal, recur, together, zeros
from .._typing import Array, Batch, Key, Leaf
from ._dense import DenseCell


class LSTMParams(NamedTuple):
    """Parameters of `LSTM`; the gates stand side by side in the order i, f, g, o."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"]


class LSTMCarry(NamedTuple):
    """Carry of `LSTM`."""

    hidden: Float[Array, "*batch H"]
    cell: Float[Array, "*batch H"]


class LSTMFactors(NamedTuple):
    """Partial derivatives inside a step of `LSTM`: of c and h, with respect to what follows `_`."""

    c_cell: Float[Array, "*batch H"]
    c_i: Float[Array, "*batch H"]
    c_f: Float[Array, "*batch H"]
    c_g: Float[Array, "*batch H"]
    h_c: Float[Array, "*batch H"]
    h_o: Float[Array, "*batch H"]


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
        return self._step(params, carry, self._squash(u + r))

    def remember(
        self,
        params: LSTMParams,
        carry: LSTMCarry,
        u: Float[Array, "... G"],
        r: Float[Array, "... G"],
    ) -> tuple[tuple[LSTMCarry, Float[Array, "... H"]], Float[Array, "... G"]]:
        """The step, and the four gates before they are scaled."""
        squashed = self._squash(u + r)
        return self._step(params, carry, squashed), squashed

    def linearize(
        self, params: LSTMParams, carry: LSTMCarry, memory: Float[Array, "... G"]
    ) -> LSTMFactors:
        """The partial derivatives of c and h."""
        i, f, g, o = self._gates(memory)
        squashed = jnp.tanh(f * carry.cell + i * g)
        return LSTMFactors(
            c_cell=f,
            c_i=g * i * (1 - i),
            c_f=carry.cell * f * (1 - f),
            c_g=i * (1 - g**2),
            h_c=o * (1 - squashed**2),
            h_o=squashed * o * (1 - o),
        )

    def merge(self, d_u: Float[Array, "... G"], d_r: Float[Array, "... G"]) -> Array:
        """The gate reads `u + r`."""
        return d_u + d_r

    def pushforward(
        self,
        params: LSTMParams,
        point: LSTMFactors,
        d_carry: LSTMCarry,
        d_z: Float[Array, "... G"],
    ) -> tuple[LSTMCarry, Float[Array, "... H"]]:
        """The chain rule, by multiplication alone."""
        d_i, d_f, d_g, d_o = jnp.split(d_z, 4, axis=-1)
        d_c = point.c_cell * d_carry.cell + point.c_i * d_i + point.c_f * d_f + point.c_g * d_g
        d_h = point.h_c * d_c + point.h_o * d_o
        return LSTMCarry(d_h, d_c), d_h.astype(params.kernel.dtype)

    def _squash(self, z: Array) -> Array:
        """One tanh for all gates: sigmoid(z) = (1 + tanh(z / 2)) / 2."""
        half = together(jnp.repeat(jnp.array([0.5, 0.5, 1.0, 0.5], z.dtype), self.hidden))
        return together(jnp.tanh(z * jnp.broadcast_to(half, z.shape)))

    def _gates(self, squashed: Array) -> tuple[Array, Array, Array, Array]:
        """sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)."""
        i, f, g, o = jnp.split(squashed, 4, axis=-1)
        return 0.5 * i + 0.5, 0.5 * f + 0.5, g, 0.5 * o + 0.5

    def _step(
        self, params: LSTMParams, carry: LSTMCarry, squashed: Array
    ) -> tuple[LSTMCarry, Array]:
        i, f, g, o = self._gates(squashed)
        c = f * carry.cell + i * g
        h = o * jnp.tanh(c)
        return LSTMCarry(h, c), h.astype(params.kernel.dtype)
