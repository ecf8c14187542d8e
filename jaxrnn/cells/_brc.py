"""Bistable recurrent cells."""

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot, glorot
from .._typing import Array, Inputs, Key
from ._dense import drawn_blocks
from ._pointwise import PointwiseCell
from ._squash import SIGMOID, TANH


class BRCParams(NamedTuple):
    """Parameters of `BRC`; blocks of the kernel in the order a, c, h, the others' a, c."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, " 2*H"]
    bias: Float[Array, " 3*H"] | None


class NBRCParams(NamedTuple):
    """Parameters of `NBRC`; blocks of the kernel in the order a, c, h, the others' a, c."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "H 2*H"]
    bias: Float[Array, " 3*H"] | None


class Bistable(PointwiseCell):
    """What both bistable cells share."""

    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"feedback": TANH, "update": SIGMOID}

    def project(self, params: Any, x: Array) -> Inputs:
        """What the inputs contribute to a and c, and to the new state."""
        u = dot(x, params.kernel)
        u = u if params.bias is None else add(u, params.bias)
        return u[..., : 2 * self.hidden], u[..., 2 * self.hidden :]

    def update(self, params: Any, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        a, c, u = blocks
        h = c * carry + (1 - c) * jnp.tanh(u + (1 + a) * carry)
        return h, h


class BRC(Bistable):
    """The bistable recurrent cell: every unit is a memory of its own, which no other unit disturbs.

        u_a, u_c, u_h = split(x_t @ kernel + bias),   w_a, w_c = split(recurrent)
        a   = 1 + tanh(u_a + w_a * h_{t-1}),   c = sigmoid(u_c + w_c * h_{t-1})
        h_t = c * h_{t-1} + (1 - c) * tanh(u_h + a * h_{t-1}),   y_t = h_t

    A unit whose feedback a exceeds 1 has two stable states, and keeps either for ever without an
    input.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: N. Vecoven, D. Ernst & G. Drion, "A bio-inspired bistable recurrent cell allows for
    long-lasting memory", PLOS ONE 16 (2021; arXiv 2006.05252).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.BRC(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    def init(self, key: Key) -> BRCParams:
        """Glorot kernels per block, recurrent weights of one, biases of zero."""
        bias = jnp.zeros(3 * self.hidden) if self.use_bias else None
        return BRCParams(glorot(key, self.inputs, self.hidden, 3), jnp.ones(2 * self.hidden), bias)

    def mix(self, params: BRCParams, carry: Array) -> Array:
        """`w_a * h` and `w_c * h`."""
        both = jnp.concatenate([carry, carry], axis=-1)
        return both * jnp.broadcast_to(params.recurrent.astype(both.dtype), both.shape)


class NBRC(Bistable):
    """The recurrently neuromodulated bistable cell: `BRC`, where units set each other's gates.

        u_a, u_c, u_h = split(x_t @ kernel + bias),   r_a, r_c = split(h_{t-1} @ recurrent)
        a   = 1 + tanh(u_a + r_a),   c = sigmoid(u_c + r_c)
        h_t = c * h_{t-1} + (1 - c) * tanh(u_h + a * h_{t-1}),   y_t = h_t

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: N. Vecoven, D. Ernst & G. Drion, "A bio-inspired bistable recurrent cell allows for
    long-lasting memory", PLOS ONE 16 (2021; arXiv 2006.05252).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.NBRC(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    def init(self, key: Key) -> NBRCParams:
        """Glorot kernels and orthogonal recurrent kernels per block, biases of zero."""
        return NBRCParams(*drawn_blocks(key, self.inputs, self.hidden, 3, 2, bias=self.use_bias))
