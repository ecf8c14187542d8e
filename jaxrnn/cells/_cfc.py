"""The closed-form continuous-time network."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, glorot, recur, zeros
from .._typing import Array, Batch, Key
from ._cell import GatedCell
from ._elapsed import Elapsed, Regular


def lecun_tanh(x: Array) -> Array:
    """`1.7159 tanh(2 x / 3)`, which keeps the variance of normal inputs near 1.

    Reference: Y. LeCun et al., "Efficient backprop", Neural Networks: Tricks of the Trade (1998).

    Example:
        >>> import jaxrnn
        >>> round(float(jaxrnn.cells.lecun_tanh(1.0)), 4)
        1.0
    """
    return 1.7159 * jnp.tanh(2 / 3 * x)


class CfCLayer(NamedTuple):
    """A layer of `CfC` behind the first one."""

    kernel: Float[Array, "B N"]
    bias: Float[Array, " N"]


class CfCParams(NamedTuple):
    """Parameters of `CfC`. The last layer is that of the heads, in the order f, g, a, b."""

    kernel: Float[Array, "I N"]
    recurrent: Float[Array, "H N"]
    bias: Float[Array, " N"]
    layers: tuple[CfCLayer, ...]


class CfC(GatedCell):
    """The closed-form continuous-time network: how far it moves depends on the time elapsed.

        v = backbone(x_t, h_{t-1}): layers of `activation`, the first of which reads both
        f, g, a, b = split(v @ kernel + bias)
        s   = sigmoid(a * elapsed + b)
        h_t = (1 - s) * tanh(f) + s * tanh(g),   y_t = h_t

    It approximates the solution of the differential equation of `LTC` in closed form, so that no
    solver runs inside of a step. Without a backbone, the heads read `x_t` and `h_{t-1}`, in one
    product.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input; with `LastFeature()` the last one is the time elapsed.
        hidden: features of the state.
        backbone: features of each layer of the backbone; `()` for none.
        activation: any elementwise function, of the backbone.
        elapsed: the time since the step before: `Regular(dt)`, or `LastFeature()` of the inputs.

    Raises:
        ValueError: sizes below 1, or fewer than 2 inputs with `LastFeature()`.

    Reference: R. Hasani et al., "Closed-form continuous-time neural networks", Nature Machine
    Intelligence 4 (2022).

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.CfC(3, 4, backbone=(8,), elapsed=jaxrnn.cells.LastFeature())
        >>> xs = jnp.ones((7, 2, 3)).at[..., -1].set(0.25)
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (7, 2, 4)
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    backbone: tuple[int, ...] = jax.tree.static(default=(128,))
    activation: Callable[[Array], Array] = jax.tree.static(default=lecun_tanh)
    elapsed: Elapsed = Regular()

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check.sizes("CfC", inputs=self.inputs, hidden=self.hidden)
        for size in self.backbone:
            _check.sizes("CfC", backbone=size)
        self.elapsed.features(self.inputs)

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden,)`."""
        return (self.hidden,)

    def init(self, key: Key) -> CfCParams:
        """Glorot kernels, no biases."""
        sizes = (*self.backbone, 4 * self.hidden)
        keys = jax.random.split(key, len(sizes))
        inputs = self.elapsed.features(self.inputs)
        first = glorot(keys[0], inputs + self.hidden, sizes[0], 1)
        layers = [
            CfCLayer(glorot(k, rows, columns, 1), jnp.zeros(columns))
            for k, rows, columns in zip(keys[1:], sizes[:-1], sizes[1:], strict=True)
        ]
        return CfCParams(first[:inputs], first[inputs:], jnp.zeros(sizes[0]), tuple(layers))

    def carry(self, params: CfCParams, batch: Batch = ()) -> Float[Array, "*batch H"]:
        """Zeros."""
        return zeros(batch, self.hidden, params.recurrent)

    def project(self, params: CfCParams, x: Array) -> tuple[Array, Array]:
        """The inputs' part of the first layer, and the time."""
        features, elapsed = self.elapsed.part(x)
        return add(dot(features, params.kernel), params.bias), elapsed

    def mix(self, params: CfCParams, carry: Array) -> Array:
        """The state's part of the first layer."""
        return recur(carry, params.recurrent)

    def gate(
        self, params: CfCParams, carry: Array, u: tuple[Array, Array], r: Array
    ) -> tuple[Array, Array]:
        """The other layers, and where the state is after the time."""
        f, g, s = self._heads(params, u, r)
        f, g = jnp.tanh(f), jnp.tanh(g)
        h = (f + s * (g - f)).astype(carry.dtype)
        return h, h.astype(params.kernel.dtype)

    def gates(self, params: CfCParams, carry: Array, x: Array) -> dict[str, Array]:
        """The share of the second state in the new one."""
        return {"time": self._heads(params, self.project(params, x), self.mix(params, carry))[2]}

    def _heads(
        self, params: CfCParams, u: tuple[Array, Array], r: Array
    ) -> tuple[Array, Array, Array]:
        """f, g and s of the equations."""
        first, elapsed = u
        v = first + r
        for layer in params.layers:
            v = add(recur(self.activation(v), layer.kernel), layer.bias)
        f, g, a, b = jnp.split(v, 4, axis=-1)
        return f, g, jax.nn.sigmoid(a * jnp.broadcast_to(elapsed, a.shape).astype(a.dtype) + b)
