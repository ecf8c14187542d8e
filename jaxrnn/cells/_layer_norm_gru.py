"""The gated recurrent unit with layer normalisation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, together
from .._typing import Array, Key, Leaf
from ._dense import DenseCell, drawn_blocks
from ._gru import opened
from ._norm import normed


class LayerNormGRUParams(NamedTuple):
    """Parameters of `LayerNormGRU`; the blocks are concatenated in the order r, z, n."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "H 3*H"]
    bias: Float[Array, " 3*H"]
    candidate_bias: Float[Array, " H"]
    input_scale: Float[Array, " 3*H"]
    recurrent_scale: Float[Array, " 3*H"]


class LayerNormGRU(DenseCell):
    """The gated recurrent unit with layer normalisation; its reset gate acts after the product.

        norm(z) = (z - mean(z)) / sqrt(var(z) + epsilon), of the two gates together, and of n
        u_r, u_z, u_n = split(input_scale * norm(x_t @ kernel) + bias)
        r_r, r_z, r_n = split(recurrent_scale * norm(h_{t-1} @ recurrent) + (0, 0, candidate_bias))
        r   = sigmoid(u_r + r_r),   z = sigmoid(u_z + r_z)
        n   = tanh(u_n + r * r_n)
        h_t = (1 - z) * n + z * h_{t-1},   y_t = h_t

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        epsilon: keeps the norm of equal numbers finite.

    Reference: J. L. Ba, J. R. Kiros & G. Hinton, "Layer normalization", 2016 (arXiv 1607.06450).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.LayerNormGRU(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    epsilon: Leaf = 1e-5

    def __post_init__(self) -> None:
        """Check the sizes and epsilon."""
        super().__post_init__()
        _check.number("LayerNormGRU", epsilon=self.epsilon)
        _check.at_least_0("LayerNormGRU", epsilon=self.epsilon)

    def init(self, key: Key) -> LayerNormGRUParams:
        """Glorot kernels and orthogonal recurrent kernels per gate; scales of 1, biases of 0."""
        kernel, recurrent, _ = drawn_blocks(key, self.inputs, self.hidden, 3, bias=False)
        scale = jnp.ones(3 * self.hidden)
        return LayerNormGRUParams(
            kernel, recurrent, 0 * scale, jnp.zeros(self.hidden), scale, scale
        )

    def project(self, params: LayerNormGRUParams, x: Array) -> Float[Array, "... G"]:
        """`input_scale * norm(x @ kernel) + bias`."""
        return add(self._normed(dot(x, params.kernel), params.input_scale), params.bias)

    def gate(
        self, params: LayerNormGRUParams, carry: Array, u: Array, r: Array
    ) -> tuple[Array, Array]:
        """The norm of the recurrent product, then reset, update, candidate."""
        cut = 2 * self.hidden
        r = self._recurrent(params, r)
        reset, z = jnp.split(together(jax.nn.sigmoid(u[..., :cut] + r[..., :cut])), 2, axis=-1)
        n = jnp.tanh(u[..., cut:] + reset * r[..., cut:])
        h = n + z * (carry - n)
        return h, h.astype(params.kernel.dtype)

    def gates(self, params: LayerNormGRUParams, carry: Array, x: Array) -> dict[str, Array]:
        """Reset and update gate."""
        r = self._recurrent(params, self.mix(params, carry))
        return opened(self.project(params, x), r, self.hidden)

    def _recurrent(self, params: LayerNormGRUParams, r: Array) -> Array:
        bias = jnp.pad(params.candidate_bias, (2 * self.hidden, 0))
        return add(self._normed(r, params.recurrent_scale), bias)

    def _normed(self, z: Array, scale: Array) -> Array:
        """The norms of both gates together, and of the candidate."""
        cut = 2 * self.hidden
        parts = (
            normed(z[..., :cut], scale[:cut], self.epsilon),
            normed(z[..., cut:], scale[cut:], self.epsilon),
        )
        return jnp.concatenate(parts, axis=-1)
