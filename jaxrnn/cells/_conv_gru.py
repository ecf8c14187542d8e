"""Gated recurrent units over images: reset after the recurrent convolution, and before it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, together
from .._typing import Array, Key
from ._conv import ConvCell
from ._gru import GRURule


class ConvGRUParams(NamedTuple):
    """Parameters of `ConvGRU`; the blocks are concatenated in the order r, z, n."""

    kernel: Float[Array, "*window I 3*H"]
    recurrent: Float[Array, "*window H 3*H"]
    bias: Float[Array, " 3*H"] | None
    candidate_bias: Float[Array, " H"] | None


class ConvGRU(ConvCell):
    """The gated recurrent unit over images, whose reset gate acts after the convolution.

        u_r, u_z, u_n = split(x_t * kernel + bias)
        r_r, r_z, r_n = split(h_{t-1} * recurrent + (0, 0, candidate_bias))
        r   = sigmoid(u_r + r_r),   z = sigmoid(u_z + r_z)
        n   = tanh(u_n + r . r_n)
        h_t = (1 - z) . n + z . h_{t-1},   y_t = h_t

    where `*` convolves and `.` multiplies elementwise: `GRU`, with convolutions for its products.
    One convolution a step serves all gates; `ResetBeforeConvGRU` has two in a row.

    Shapes: x `[*batch, *space, inputs]`, carry and y `[*batch, *output_shape]`.

    Args:
        inputs: channels of an image.
        hidden: channels of the state.
        space: the size of an image: `(32, 32)`; `(100,)` for a series.
        kernel_size: the size of both kernels, one number or one per axis.
        strides: of the convolution of the inputs, one number or one per axis.
        dilation: of the convolution of the inputs, one number or one per axis.
        padding: of the convolution of the inputs, `Same()` or `Valid()`.
        use_bias: whether there are biases.

    Raises:
        ValueError: sizes below 1, a tuple with other than one number per axis, or a kernel that
            does not fit into the image.

    Reference: N. Ballas et al., "Delving deeper into convolutional networks for learning video
    representations", ICLR 2016; in the form of K. Cho et al., arXiv 1406.1078, version 1.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.ConvGRU(3, 4, (8, 8))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 8, 8, 3)))[1].shape
        (7, 2, 8, 8, 4)
    """

    rule = GRURule()

    def init(self, key: Key) -> ConvGRUParams:
        """Glorot kernels and orthogonal recurrent kernels per gate, no biases."""
        kernel, recurrent = self._draw(key, 3, 3)
        bias = jnp.zeros(3 * self.hidden) if self.use_bias else None
        return ConvGRUParams(
            kernel, recurrent, bias, bias[: self.hidden] if bias is not None else None
        )

    def mix(self, params: ConvGRUParams, carry: Array) -> Float[Array, "... G"]:
        """`h * recurrent`, with the candidate's bias."""
        r = self._spread(carry, params.recurrent)
        if params.candidate_bias is None:
            return r
        return add(r, jnp.pad(params.candidate_bias, (2 * self.hidden, 0)))

    def gate(self, params: ConvGRUParams, carry: Array, u: Array, r: Array) -> Any:
        """Reset, update, candidate."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: ConvGRUParams, carry: Array, x: Array) -> dict[str, Array]:
        """Reset and update gate."""
        return _opened(self.project(params, x) + self.mix(params, carry), self.hidden)


class ResetBeforeConvGRUParams(NamedTuple):
    """Parameters of `ResetBeforeConvGRU`; the blocks of `kernel` and `bias` are r, z, n."""

    kernel: Float[Array, "*window I 3*H"]
    recurrent: Float[Array, "*window H 2*H"]
    candidate: Float[Array, "*window H H"]
    bias: Float[Array, " 3*H"] | None


class ResetBeforeConvGRU(ConvCell):
    """The gated recurrent unit over images as published: the reset acts before the convolution.

        u_r, u_z, u_n = split(x_t * kernel + bias)
        r, z = split(sigmoid((u_r, u_z) + h_{t-1} * recurrent))
        n    = tanh(u_n + (r . h_{t-1}) * candidate)
        h_t  = (1 - z) . n + z . h_{t-1},   y_t = h_t

    where `*` convolves and `.` multiplies elementwise.

    Shapes: x `[*batch, *space, inputs]`, carry and y `[*batch, *output_shape]`.

    Args:
        inputs: channels of an image.
        hidden: channels of the state.
        space: the size of an image: `(32, 32)`; `(100,)` for a series.
        kernel_size: the size of all kernels, one number or one per axis.
        strides: of the convolution of the inputs, one number or one per axis.
        dilation: of the convolution of the inputs, one number or one per axis.
        padding: of the convolution of the inputs, `Same()` or `Valid()`.
        use_bias: whether there is a bias.

    Raises:
        ValueError: sizes below 1, a tuple with other than one number per axis, or a kernel that
            does not fit into the image.

    Reference: N. Ballas et al., "Delving deeper into convolutional networks for learning video
    representations", ICLR 2016.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.ResetBeforeConvGRU(3, 4, (20,), kernel_size=5)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 20, 3)))[1].shape
        (7, 2, 20, 4)
    """

    def init(self, key: Key) -> ResetBeforeConvGRUParams:
        """Glorot kernels and orthogonal recurrent kernels per gate, no bias."""
        kernel, recurrent = self._draw(key, 3, 3)
        cut = 2 * self.hidden
        bias = jnp.zeros(3 * self.hidden) if self.use_bias else None
        return ResetBeforeConvGRUParams(kernel, recurrent[..., :cut], recurrent[..., cut:], bias)

    def gate(
        self, params: ResetBeforeConvGRUParams, carry: Array, u: Array, r: Array
    ) -> tuple[Array, Array]:
        """Reset and update, then the candidate with its own convolution."""
        cut = 2 * self.hidden
        reset, z = jnp.split(together(jax.nn.sigmoid(u[..., :cut] + r)), 2, axis=-1)
        n = jnp.tanh(u[..., cut:] + self._spread(reset * carry, params.candidate))
        h = (1 - z) * n + z * carry
        return h, h.astype(params.kernel.dtype)

    def gates(self, params: ResetBeforeConvGRUParams, carry: Array, x: Array) -> dict[str, Array]:
        """Reset and update gate."""
        z = self.project(params, x)[..., : 2 * self.hidden] + self.mix(params, carry)
        return _opened(z, self.hidden)


def _opened(z: Array, size: int) -> dict[str, Array]:
    reset, update = jnp.split(jax.nn.sigmoid(z[..., : 2 * size]), 2, axis=-1)
    return {"reset": reset, "update": update}
