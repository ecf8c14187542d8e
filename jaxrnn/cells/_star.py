"""The stackable recurrent cell."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot, glorot, orthogonal
from .._typing import Array, Key
from ._dense import DenseCell
from ._rule import Rule


class STARParams(NamedTuple):
    """Parameters of `STAR`; the blocks of `kernel` and `bias` are k, z."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " 2*H"]


class STARRule(Rule):
    """The partial derivatives of h; memory: k, z and h."""

    def remember(self, cell: Any, params: STARParams, carry: Array, u: Array, r: Array) -> Any:
        u_k, z = jnp.split(u, 2, axis=-1)
        k = jax.nn.sigmoid(u_k + r)
        h = jnp.tanh(carry + k * (z - carry))
        return (h, h.astype(params.kernel.dtype)), (k, z, h)

    def linearize(self, cell: Any, params: STARParams, carry: Array, memory: Any) -> Any:
        k, z, h = memory
        slope = 1 - h**2
        return slope * (1 - k), slope * (z - carry) * k * (1 - k), slope * k

    def merge(self, d_u: Array, d_r: Array) -> Array:
        """The gate reads `u + r`; z reads u alone."""
        d_k, d_z = jnp.split(d_u, 2, axis=-1)
        return jnp.concatenate([d_k + d_r, d_z], axis=-1)

    def push(
        self, cell: Any, params: STARParams, point: Any, d_carry: Array, d_z: Array
    ) -> tuple[Array, Array]:
        h_carry, h_k, h_z = point
        d_k, d_z = jnp.split(d_z, 2, axis=-1)
        d_h = h_carry * d_carry + h_k * d_k + h_z * d_z
        return d_h, d_h.astype(params.kernel.dtype)


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

    rule = STARRule()

    def init(self, key: Key) -> STARParams:
        """Glorot kernels, an orthogonal recurrent kernel, no bias."""
        kernel, recurrent = jax.random.split(key)
        return STARParams(
            kernel=glorot(kernel, self.inputs, self.hidden, 2),
            recurrent=orthogonal(recurrent, self.hidden, 1),
            bias=jnp.zeros(2 * self.hidden),
        )

    def project(self, params: STARParams, x: Array) -> Float[Array, "... G"]:
        """`u_k` and `tanh(u_z)`."""
        u_k, u_z = jnp.split(add(dot(x, params.kernel), params.bias), 2, axis=-1)
        return jnp.concatenate([u_k, jnp.tanh(u_z)], axis=-1)

    def gate(
        self,
        params: STARParams,
        carry: Float[Array, "... H"],
        u: Float[Array, "... 2*H"],
        r: Float[Array, "... H"],
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """The gate between the state and what the input says."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: STARParams, carry: Array, x: Array) -> dict[str, Array]:
        """The gate k."""
        u_k, _ = jnp.split(self.project(params, x), 2, axis=-1)
        return {"update": jax.nn.sigmoid(u_k + self.mix(params, carry))}
