"""The stackable recurrent cell."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import glorot, orthogonal
from .._typing import Array, Key
from ._dense import DenseCell


class STARParams(NamedTuple):
    """Parameters of `STAR`; the blocks of `kernel` and `bias` are k, z."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " 2*H"]


class STAR(DenseCell):
    """The stackable recurrent cell: one gate, made so that gradients pass through many layers.

        u_k, u_z = split(x_t @ kernel + bias)
        k   = sigmoid(u_k + h_{t-1} @ recurrent),   z = tanh(u_z)
        h_t = tanh((1 - k) * h_{t-1} + k * z),   y_t = h_t

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.

    Reference: M. O. Turkoglu et al., "Gating revisited: deep multi-layer RNNs that can be trained",
    IEEE Transactions on Pattern Analysis and Machine Intelligence 44 (2022).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.STAR(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    def init(self, key: Key) -> STARParams:
        """Glorot kernels, an orthogonal recurrent kernel, no bias."""
        kernel, recurrent = jax.random.split(key)
        return STARParams(
            kernel=glorot(kernel, self.inputs, self.hidden, 2),
            recurrent=orthogonal(recurrent, self.hidden, 1),
            bias=jnp.zeros(2 * self.hidden),
        )

    def gate(
        self,
        params: STARParams,
        carry: Float[Array, "... H"],
        u: Float[Array, "... 2*H"],
        r: Float[Array, "... H"],
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """The gate between the state and what the input says."""
        u_k, u_z = jnp.split(u, 2, axis=-1)
        k = jax.nn.sigmoid(u_k + r)
        h = jnp.tanh(carry + k * (jnp.tanh(u_z) - carry))
        return h, h.astype(params.kernel.dtype)

    def gates(self, params: STARParams, carry: Array, x: Array) -> dict[str, Array]:
        """The gate k."""
        u_k, _ = jnp.split(self.project(params, x), 2, axis=-1)
        return {"update": jax.nn.sigmoid(u_k + self.mix(params, carry))}
