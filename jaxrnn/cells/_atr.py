"""The addition-subtraction twin-gated recurrent network."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot, recur
from .._typing import Array, Inputs, Key
from ._dense import drawn_blocks
from ._pointwise import PointwiseCell
from ._squash import SIGMOID


class ATRParams(NamedTuple):
    """Parameters of `ATR`."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " H"] | None


class ATR(PointwiseCell):
    """The addition-subtraction twin-gated network: both gates from the same two products.

        p, q = x_t @ kernel + bias,  h_{t-1} @ recurrent
        h_t  = sigmoid(p + q) * p + sigmoid(p - q) * h_{t-1},   y_t = h_t

    The two gates are opposed: where the state agrees with the input, more is written and less is
    kept.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: B. Zhang et al., "Simplifying neural machine translation with addition-subtraction
    twin-gated recurrent networks", EMNLP 2018 (arXiv 1810.12546).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.ATR(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"input": SIGMOID, "forget": SIGMOID}

    def init(self, key: Key) -> ATRParams:
        """Glorot kernel, orthogonal recurrent kernel, a bias of zero."""
        return ATRParams(*drawn_blocks(key, self.inputs, self.hidden, 1, bias=self.use_bias))

    def project(self, params: ATRParams, x: Array) -> Inputs:
        """p for both gates, and for itself."""
        p = dot(x, params.kernel)
        p = p if params.bias is None else add(p, params.bias)
        return jnp.concatenate([p, p], axis=-1), p

    def mix(self, params: ATRParams, carry: Array) -> Array:
        """q and -q."""
        q = recur(carry, params.recurrent)
        return jnp.concatenate([q, -q], axis=-1)

    def update(self, params: ATRParams, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        i, f, p = blocks
        h = i * p + f * carry
        return h, h
