"""The chaos free network."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot, together
from .._typing import Array, Inputs, Key
from ._dense import drawn_blocks
from ._pointwise import PointwiseCell
from ._squash import SIGMOID


class CFNParams(NamedTuple):
    """Parameters of `CFN`; the kernel's blocks are f, i and the candidate, the others' f and i."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "H 2*H"]
    bias: Float[Array, " 2*H"] | None


class CFN(PointwiseCell):
    """The chaos free network: gates between the old state and the input, and nothing else.

        u_f, u_i, u_n = split(x_t @ kernel)
        f, i = split((u_f, u_i) + bias + h_{t-1} @ recurrent)
        h_t  = sigmoid(f) * tanh(h_{t-1}) + sigmoid(i) * tanh(u_n),   y_t = h_t

    Without inputs the state goes to zero whatever the parameters, so that its dynamics cannot be
    chaotic.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: T. Laurent & J. von Brecht, "A recurrent neural network without chaos", ICLR 2017
    (arXiv 1612.06212).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.CFN(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"forget": SIGMOID, "input": SIGMOID}

    def init(self, key: Key) -> CFNParams:
        """Glorot kernels and orthogonal recurrent kernels per block, biases of zero."""
        kernel, recurrent, _ = drawn_blocks(key, self.inputs, self.hidden, 3, 2, bias=False)
        bias = jnp.zeros(2 * self.hidden) if self.use_bias else None
        return CFNParams(kernel, recurrent, bias)

    def project(self, params: CFNParams, x: Array) -> Inputs:
        """What the inputs contribute to the gates, and the whole candidate."""
        u = dot(x, params.kernel)
        sums, n = u[..., : 2 * self.hidden], u[..., 2 * self.hidden :]
        sums = sums if params.bias is None else add(sums, params.bias)
        return sums, together(jnp.tanh(n))

    def update(self, params: CFNParams, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        f, i, n = blocks
        # By itself, since XLA would not vectorise it in one loop with the slices of gates.
        h = f * together(jnp.tanh(carry)) + i * n
        return h, h
