"""The recurrent highway network."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, glorot, orthogonal, recur
from .._typing import Array, Key, Leaf
from ._candidate import added
from ._dense import DenseCell
from ._rule import Rule
from ._squash import SIGMOID, TANH, squashed


class RHNParams(NamedTuple):
    """Parameters of `RHN`; the blocks are concatenated in the order h, t, for each of L layers."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "L H 2*H"]
    bias: Float[Array, "L 2*H"] | None


class RHNRule(Rule):
    """The factors of every layer; memory: each layer's state, candidate and gate."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: RHNParams, carry: Array, u: Array, r: Array) -> Any:
        s, z, memory = carry, u + r, []
        for layer in range(cell.depth):
            if layer:
                z = cell.sums(params, layer, s)
            h, t = jnp.split(squashed(z, (TANH, SIGMOID)), 2, axis=-1)
            memory.append((s, h, t))
            s = s + t * (h - s)
        return (s, s.astype(params.kernel.dtype)), memory

    def replay(self, cell: Any, params: RHNParams, carry: Array, memory: Any) -> Any:
        points = self.linearize(cell, params, carry, memory)
        d_s = jnp.zeros_like(carry)
        for layer, (point, (s, _, _)) in enumerate(zip(points, memory, strict=True)):
            if layer:
                d_z = added(cell.sums(params, layer, s)) + recur(d_s, params.recurrent[layer])
                d_s = _through(point, d_s, d_z)
        s, h, t = memory[-1]
        s = s + t * (h - s) + d_s
        return s, s.astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: RHNParams, carry: Array, memory: Any) -> Any:
        return [(1 - t, t * (1 - h**2), (h - s) * t * (1 - t)) for s, h, t in memory]

    def push(self, cell: Any, params: RHNParams, point: Any, d_carry: Array, d_z: Array) -> Any:
        d_s = _through(point[0], d_carry, d_z)
        for layer in range(1, cell.depth):
            d_s = _through(point[layer], d_s, recur(d_s, params.recurrent[layer]))
        return d_s, d_s.astype(params.kernel.dtype)


def _through(point: Any, d_s: Array, d_z: Array) -> Array:
    """The tangent after a layer."""
    by_s, by_h, by_t = point
    d_h, d_t = jnp.split(d_z, 2, axis=-1)
    return by_s * d_s + by_h * d_h + by_t * d_t


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
    rule = RHNRule()

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
        return self.rule.remember(self, params, carry, u, r)[0]

    def sums(self, params: RHNParams, layer: int, s: Array) -> Array:
        """What a layer above the first squashes."""
        z = recur(s, params.recurrent[layer])
        return z if params.bias is None else add(z, params.bias[layer])
