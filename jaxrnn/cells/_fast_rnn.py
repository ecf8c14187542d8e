"""Fast recurrent networks, made for small devices."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot
from .._typing import Array, Key, Leaf
from ._dense import drawn_blocks
from ._pointwise import PointwiseCell
from ._squash import LINEAR, TANH


class FastRNNParams(NamedTuple):
    """Parameters of `FastRNN`; the sigmoids of alpha and beta are what the cell multiplies by."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " H"] | None
    alpha: Float[Array, ""]
    beta: Float[Array, ""]


class FastRNN(PointwiseCell):
    """A simple recurrent network with a weighted residual connection of two learned numbers.

        h_t = sigmoid(alpha) * tanh(x_t @ kernel + bias + h_{t-1} @ recurrent)
              + sigmoid(beta) * h_{t-1}
        y_t = h_t

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        alpha: what `init` starts alpha from.
        beta: what `init` starts beta from.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: A. Kusupati et al., "FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated
    recurrent neural network", NeurIPS 2018 (arXiv 1901.02358).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.FastRNN(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    alpha: Leaf = -3.0
    beta: Leaf = 3.0
    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"candidate": TANH}

    def init(self, key: Key) -> FastRNNParams:
        """Glorot kernel, orthogonal recurrent kernel, a bias of zero, and the two numbers."""
        drawn = drawn_blocks(key, self.inputs, self.hidden, 1, bias=self.use_bias)
        return FastRNNParams(*drawn, *_numbers(self.alpha, self.beta))

    def update(self, params: FastRNNParams, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        h = _part(params.alpha, carry) * blocks[0] + _part(params.beta, carry) * carry
        return h, h


class FastGRNNParams(NamedTuple):
    """Parameters of `FastGRNN`; the rows of `bias` are those of z and n."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, "2 H"]
    zeta: Float[Array, ""]
    nu: Float[Array, ""]


class FastGRNN(PointwiseCell):
    """A gated network of one pair of matrices, which gate and candidate share.

        a   = x_t @ kernel + h_{t-1} @ recurrent
        z   = sigmoid(a + bias[0]),   n = tanh(a + bias[1])
        h_t = (sigmoid(zeta) * (1 - z) + sigmoid(nu)) * n + z * h_{t-1},   y_t = h_t

    The biases are what tells gate and candidate apart, so they are always there.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        zeta: what `init` starts zeta from.
        nu: what `init` starts nu from.

    Reference: A. Kusupati et al., "FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated
    recurrent neural network", NeurIPS 2018 (arXiv 1901.02358).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.FastGRNN(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    zeta: Leaf = 1.0
    nu: Leaf = -4.0
    blocks: ClassVar = {"sum": LINEAR}

    def init(self, key: Key) -> FastGRNNParams:
        """Glorot kernel, orthogonal recurrent kernel, biases of one, and the two numbers."""
        kernel, recurrent, _ = drawn_blocks(key, self.inputs, self.hidden, 1, bias=False)
        numbers = _numbers(self.zeta, self.nu)
        return FastGRNNParams(kernel, recurrent, jnp.ones((2, self.hidden)), *numbers)

    def project(self, params: FastGRNNParams, x: Array) -> Array:
        """`x @ kernel`."""
        return dot(x, params.kernel)

    def update(self, params: FastGRNNParams, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        z, n = (add(blocks[0], bias) for bias in params.bias)
        z = jax.nn.sigmoid(z)
        share = _part(params.zeta, carry) * (1 - z) + _part(params.nu, carry)
        h = share * jnp.tanh(n) + z * carry
        return h, h

    def gates(self, params: FastGRNNParams, carry: Array, x: Array) -> dict[str, Array]:
        """The update gate."""
        z = self.project(params, x) + self.mix(params, carry)
        return {"update": jax.nn.sigmoid(add(z, params.bias[0]))}


def _numbers(*values: Leaf) -> tuple[Array, ...]:
    return tuple(jnp.asarray(value, jnp.result_type(float)) for value in values)


def _part(number: Array, like: Array) -> Array:
    """The sigmoid of a learned number."""
    return jax.nn.sigmoid(number.astype(like.dtype))
