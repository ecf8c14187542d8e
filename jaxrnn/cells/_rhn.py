"""The recurrent highway network."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, glorot, orthogonal, recur
from .._typing import Array, Key, Leaf
from ._dense import DenseCell
from ._squash import SIGMOID, TANH, squashed


class RHNParams(NamedTuple):
    """Parameters of `RHN`; the blocks are concatenated in the order h, t, for each of L layers."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "L H 2*H"]
    bias: Float[Array, "L 2*H"] | None


class RHN(DenseCell):
    """The recurrent highway network: each step is a highway of `depth` layers.

        s_0 = s_L of the step before
        h_l, t_l = split(s_{l-1} @ recurrent[l] + bias[l] (+ x_t @ kernel in the first layer))
        s_l = sigmoid(t_l) * tanh(h_l) + (1 - sigmoid(t_l)) * s_{l-1},   l = 1 .. L
        y_t = s_L

    A step has as many products in a row as it has layers.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        depth: layers in a step.
        transform_bias: what `init` sets the biases of t to; low, so that layers pass on at first.
        use_bias: whether there are biases; without, `params.bias` is None.

    Reference: J. Zilly et al., "Recurrent highway networks", ICML 2017 (arXiv 1607.03474), with
    coupled gates.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.RHN(3, 4, depth=2)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    depth: int = jax.tree.static(default=5)
    transform_bias: Leaf = -2.0
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        """Check the sizes."""
        super().__post_init__()
        _check.sizes("RHN", depth=self.depth)

    def init(self, key: Key) -> RHNParams:
        """Glorot kernels, orthogonal kernels between the units, the bias of t."""
        kernel, recurrent = jax.random.split(key)
        layers = jax.random.split(recurrent, self.depth)
        bias = jnp.zeros((self.depth, 2, self.hidden)).at[:, 1].add(self.transform_bias)
        return RHNParams(
            glorot(kernel, self.inputs, self.hidden, 2),
            jax.vmap(lambda key: orthogonal(key, self.hidden, 2))(layers),
            bias.reshape(self.depth, -1) if self.use_bias else None,
        )

    def project(self, params: RHNParams, x: Array) -> Float[Array, "... G"]:
        """`x @ kernel`, with the biases of the first layer."""
        u = dot(x, params.kernel)
        return u if params.bias is None else add(u, params.bias[0])

    def mix(self, params: RHNParams, carry: Array) -> Float[Array, "... G"]:
        """The product of the first layer."""
        return recur(carry, params.recurrent[0])

    def gate(self, params: RHNParams, carry: Array, u: Array, r: Array) -> tuple[Array, Array]:
        """The first layer, and those above it, each with its own product."""
        s = _layer(carry, u + r)
        for layer in range(1, self.depth):
            z = recur(s, params.recurrent[layer])
            s = _layer(s, z if params.bias is None else add(z, params.bias[layer]))
        return s, s.astype(params.kernel.dtype)


def _layer(s: Array, z: Array) -> Array:
    h, t = jnp.split(squashed(z, (TANH, SIGMOID)), 2, axis=-1)
    return s + t * (h - s)
