"""The recurrent additive network."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot
from .._typing import Array, Inputs, Key
from ._dense import drawn_blocks
from ._lstm import LSTMCarry, WithCell
from ._pointwise import PointwiseCell
from ._squash import SIGMOID


class RANParams(NamedTuple):
    """Parameters of `RAN`; the kernel's blocks are i, f and the content, the others' i and f."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "H 2*H"]
    bias: Float[Array, " 2*H"] | None


class RAN(WithCell, PointwiseCell):
    """The recurrent additive network: a gated sum of inputs, without a candidate of its own.

        u_i, u_f, u_c = split(x_t @ kernel)
        i, f = split((u_i, u_f) + bias + h_{t-1} @ recurrent)
        c_t  = sigmoid(i) * u_c + sigmoid(f) * c_{t-1}
        h_t  = tanh(c_t),   y_t = h_t

    The cell is a weighted sum of the inputs' contents: the weights say what it remembers.

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: K. Lee, O. Levy & L. Zettlemoyer, "Recurrent additive networks", 2017
    (arXiv 1705.07393).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.RAN(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"input": SIGMOID, "forget": SIGMOID}

    def init(self, key: Key) -> RANParams:
        """Glorot kernels and orthogonal recurrent kernels per block, biases of zero."""
        kernel, recurrent, _ = drawn_blocks(key, self.inputs, self.hidden, 3, 2, bias=False)
        bias = jnp.zeros(2 * self.hidden) if self.use_bias else None
        return RANParams(kernel, recurrent, bias)

    def project(self, params: RANParams, x: Array) -> Inputs:
        """What the inputs contribute to the gates, and their content."""
        u = dot(x, params.kernel)
        sums, content = u[..., : 2 * self.hidden], u[..., 2 * self.hidden :]
        return sums if params.bias is None else add(sums, params.bias), content

    def update(
        self, params: RANParams, carry: LSTMCarry, *blocks: Array
    ) -> tuple[LSTMCarry, Array]:
        i, f, content = blocks
        c = i * content + f * carry.cell
        h = jnp.tanh(c)
        return LSTMCarry(h, c), h
