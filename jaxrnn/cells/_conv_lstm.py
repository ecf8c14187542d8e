"""Long short-term memory over images."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array, Batch, Key, Leaf
from ._conv import ConvCell
from ._lstm import LSTMCarry, LSTMRule


class ConvLSTMParams(NamedTuple):
    """Parameters of `ConvLSTM`; the gates are concatenated in the order i, f, g, o."""

    kernel: Float[Array, "*window I 4*H"]
    recurrent: Float[Array, "*window H 4*H"]
    bias: Float[Array, " 4*H"] | None


class ConvLSTM(ConvCell):
    """Long short-term memory over images or series of any number of axes: Keras' `ConvLSTM`.

        i, f, g, o = split(x_t * kernel + bias + h_{t-1} * recurrent)
        c_t = sigmoid(f) . c_{t-1} + sigmoid(i) . tanh(g)
        h_t = sigmoid(o) . tanh(c_t),   y_t = h_t

    where `*` convolves and `.` multiplies elementwise. As in Keras, the peepholes of the paper are
    left out: one weight for each place of the image would tie a cell to its borders. Strides and
    padding shrink the state; the recurrent convolution keeps its size.

    Shapes: x `[*batch, *space, inputs]`; carry `LSTMCarry(hidden, cell)`, each
    `[*batch, *output_shape]`, as y.

    Args:
        inputs: channels of an image.
        hidden: channels of the state.
        space: the size of an image: `(32, 32)`; `(100,)` for a series.
        kernel_size: the size of both kernels, one number or one per axis.
        strides: of the convolution of the inputs, one number or one per axis.
        dilation: of the convolution of the inputs, one number or one per axis.
        padding: of the convolution of the inputs, `Same()` or `Valid()`.
        use_bias: whether there is a bias.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.

    Raises:
        ValueError: sizes below 1, a tuple with other than one number per axis, or a kernel that
            does not fit into the image.

    Reference: X. Shi et al., "Convolutional LSTM network: a machine learning approach for
    precipitation nowcasting", NeurIPS 2015.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.ConvLSTM(3, 4, (8, 8), strides=2)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 8, 8, 3)))[1].shape
        (7, 2, 4, 4, 4)
    """

    forget_bias: Leaf = 1.0
    rule = LSTMRule()

    def init(self, key: Key) -> ConvLSTMParams:
        """Glorot kernels and orthogonal recurrent kernels per gate; the forget bias."""
        kernel, recurrent = self._draw(key, 4, 4)
        bias = jnp.zeros((4, self.hidden)).at[1].add(self.forget_bias)
        return ConvLSTMParams(kernel, recurrent, bias.ravel() if self.use_bias else None)

    def carry(self, params: ConvLSTMParams, batch: Batch = ()) -> LSTMCarry:
        return LSTMCarry(*(self._blank(params, batch) for _ in "hc"))

    def mix(self, params: ConvLSTMParams, carry: LSTMCarry) -> Float[Array, "... G"]:
        return self._spread(carry.hidden, params.recurrent)

    def gate(self, params: ConvLSTMParams, carry: LSTMCarry, u: Array, r: Array) -> Any:
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: ConvLSTMParams, carry: LSTMCarry, x: Array) -> dict[str, Array]:
        """Input, forget and output gate."""
        z = self.project(params, x) + self.mix(params, carry)
        i, f, _, o = jnp.split(jax.nn.sigmoid(z), 4, axis=-1)
        return {"input": i, "forget": f, "output": o}
