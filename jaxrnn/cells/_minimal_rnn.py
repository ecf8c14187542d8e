"""The minimal recurrent network."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot, glorot, orthogonal, together
from .._typing import Array, Inputs, Key
from ._pointwise import PointwiseCell
from ._squash import SIGMOID


class MinimalRNNParams(NamedTuple):
    """Parameters of `MinimalRNN`; of the biases, the first is that of z, the second of the gate."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "H H"]
    latent: Float[Array, "H H"]
    bias: Float[Array, "2 H"] | None


class MinimalRNN(PointwiseCell):
    """The minimal recurrent network: a gate between the state and an image of the input.

        z_t = tanh(x_t @ kernel + bias[0])
        g   = sigmoid(z_t @ latent + bias[1] + h_{t-1} @ recurrent)
        h_t = g * h_{t-1} + (1 - g) * z_t,   y_t = h_t

    The state is an average of past z, so that it lives where they live. (With a gate that does not
    read the state it would be linear in it.)

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there are biases; without, `params.bias` is None.

    Reference: M. Chen, "MinimalRNN: toward more interpretable and trainable recurrent neural
    networks", 2017 (arXiv 1711.06788).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.MinimalRNN(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"update": SIGMOID}

    def init(self, key: Key) -> MinimalRNNParams:
        """Glorot kernel, orthogonal kernels between the units, biases of zero."""
        kernel, recurrent, latent = jax.random.split(key, 3)
        return MinimalRNNParams(
            glorot(kernel, self.inputs, self.hidden, 1),
            orthogonal(recurrent, self.hidden, 1),
            orthogonal(latent, self.hidden, 1),
            jnp.zeros((2, self.hidden)) if self.use_bias else None,
        )

    def project(self, params: MinimalRNNParams, x: Array) -> Inputs:
        """What z contributes to the gate, and z."""
        z, bias = dot(x, params.kernel), params.bias
        z = together(jnp.tanh(z if bias is None else add(z, bias[0])))
        u = dot(z.astype(params.latent.dtype), params.latent)
        return u if bias is None else add(u, bias[1]), z

    def update(self, params: MinimalRNNParams, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        g, z = blocks
        h = g * carry + (1 - g) * z
        return h, h
