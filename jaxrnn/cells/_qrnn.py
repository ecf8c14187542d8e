"""The quasi-recurrent network."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array
from ._input_gated import InputGatedCell, InputGatedParams


class QRNN(InputGatedCell):
    """The quasi-recurrent network's pooling with forget and output gates, "fo-pooling".

        u_z, u_f, u_o = split(x_t @ kernel + bias)
        f   = sigmoid(u_f)
        c_t = f * c_{t-1} + (1 - f) * tanh(u_z),   y_t = sigmoid(u_o) * c_t

    The paper's gates read a window of the last steps. That is a layer of its own, which also
    streams: `networks.CausalConv(inputs, width=2, outputs=2 * inputs, groups=1)` before the cell
    can hand on both steps of a window of 2.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias.

    Reference: J. Bradbury et al., "Quasi-recurrent neural networks", ICLR 2017 (arXiv 1611.01576).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.QRNN(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 4)
    """

    @property
    def blocks(self) -> int:
        return 3

    def coefficients(
        self, params: InputGatedParams, x: Float[Array, "... I"]
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """`f` and `(1 - f) * tanh(u_z)`."""
        z, f = self.project(params, x, 0, 2)
        return jax.nn.sigmoid(f), jax.nn.sigmoid(-f) * jnp.tanh(z)

    def read(
        self, params: InputGatedParams, h: Float[Array, "... H"], x: Float[Array, "... I"]
    ) -> Float[Array, "... H"]:
        """The state behind the output gate."""
        (o,) = self.project(params, x, 2, 3)
        return (jax.nn.sigmoid(o) * h).astype(params.kernel.dtype)
