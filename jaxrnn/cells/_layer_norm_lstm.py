"""Long short-term memory with layer normalisation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot
from .._typing import Array, Key, Leaf
from ._dense import drawn_blocks
from ._lstm import LSTMCarry, WithCell
from ._norm import normed
from ._squash import SIGMOID, TANH, squashed


class LayerNormLSTMParams(NamedTuple):
    """Parameters of `LayerNormLSTM`; the gates are concatenated in the order i, f, g, o."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"]
    input_scale: Float[Array, " 4*H"]
    recurrent_scale: Float[Array, " 4*H"]
    cell_scale: Float[Array, " H"]
    cell_bias: Float[Array, " H"]


class LayerNormLSTM(WithCell):
    """Long short-term memory with layer normalisation.

        norm(z) = (z - mean(z)) / sqrt(var(z) + epsilon)
        i, f, g, o = split(input_scale * norm(x_t @ kernel) + bias
                           + recurrent_scale * norm(h_{t-1} @ recurrent))
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(cell_scale * norm(c_t) + cell_bias),   y_t = h_t

    Each norm goes over all of its vector, that of both products over all gates. One bias stands for
    those of both norms, whose sum is all that counts.

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.
        epsilon: keeps the norm of equal numbers finite.

    Reference: J. L. Ba, J. R. Kiros & G. Hinton, "Layer normalization", 2016 (arXiv 1607.06450).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.LayerNormLSTM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    forget_bias: Leaf = 1.0
    epsilon: Leaf = 1e-5

    def __post_init__(self) -> None:
        """Check the sizes and epsilon."""
        super().__post_init__()
        _check.number("LayerNormLSTM", epsilon=self.epsilon)
        _check.at_least_0("LayerNormLSTM", epsilon=self.epsilon)

    def init(self, key: Key) -> LayerNormLSTMParams:
        """Glorot and orthogonal kernels per gate, scales of 1, the forget bias."""
        kernel, recurrent, _ = drawn_blocks(key, self.inputs, self.hidden, 4, bias=False)
        gates, units = jnp.ones(4 * self.hidden), jnp.ones(self.hidden)
        bias = jnp.zeros((4, self.hidden)).at[1].add(self.forget_bias).ravel()
        return LayerNormLSTMParams(kernel, recurrent, bias, gates, gates, units, 0 * units)

    def project(self, params: LayerNormLSTMParams, x: Array) -> Float[Array, "... G"]:
        """`input_scale * norm(x @ kernel) + bias`."""
        u = normed(dot(x, params.kernel), params.input_scale, self.epsilon)
        return add(u, params.bias)

    def gate(
        self, params: LayerNormLSTMParams, carry: LSTMCarry, u: Array, r: Array
    ) -> tuple[LSTMCarry, Array]:
        """The norms of the recurrent product and of the cell, and the gates of an LSTM."""
        z = u + normed(r, params.recurrent_scale, self.epsilon)
        i, f, g, o = jnp.split(squashed(z, (SIGMOID, SIGMOID, TANH, SIGMOID)), 4, axis=-1)
        c = f * carry.cell + i * g
        h = o * jnp.tanh(add(normed(c, params.cell_scale, self.epsilon), params.cell_bias))
        return LSTMCarry(h, c), h.astype(params.kernel.dtype)

    def gates(self, params: LayerNormLSTMParams, carry: LSTMCarry, x: Array) -> dict[str, Array]:
        """Input, forget and output gate."""
        r = normed(self.mix(params, carry), params.recurrent_scale, self.epsilon)
        i, f, _, o = jnp.split(jax.nn.sigmoid(self.project(params, x) + r), 4, axis=-1)
        return {"input": i, "forget": f, "output": o}
