"""The closed-form continuous-time network."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._names import named
from .._numerics import add, dot, glorot, recur, zeros
from .._typing import Array, Batch, Key
from ._cell import GatedCell
from ._elapsed import Elapsed, Regular
from ._elman import slope
from ._rule import Rule
from ._squash import SIGMOID, TANH, squashed


@named
def lecun_tanh(x: Array) -> Array:
    """`1.7159 tanh(2 x / 3)`, which keeps the variance of normal inputs near 1.

    Reference: Y. LeCun et al., "Efficient backprop", Neural Networks: Tricks of the Trade (1998).

    Example:
        >>> import jax, jaxrnn
        >>> round(float(jaxrnn.cells.lecun_tanh(jax.numpy.ones(()))), 4)
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


class CfCRule(Rule):
    """The slopes of every layer, and the factors of d_h.

    Memory: the layers before their activation, the squashed heads, a, and the time.
    """

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: CfCParams, carry: Array, u: Any, r: Array) -> Any:
        return self._gate(cell, params, carry, u[0] + r, u[1])

    def replay(self, cell: Any, params: CfCParams, carry: Array, memory: Any) -> Any:
        # What counts is how it depends on the parameters; with the factors that are known, no head
        # has to be squashed again, nor the last product be taken.
        (v, *_), *_ = memory
        for layer in params.layers:
            v = add(recur(cell.activation(v), layer.kernel), layer.bias)
        _, factors, (_, elapsed) = self.linearize(cell, params, carry, memory)
        h = self._moved(factors, elapsed, jnp.split(v, 4, axis=-1))
        return h.astype(carry.dtype), h.astype(params.kernel.dtype)

    def _gate(self, cell: Any, params: CfCParams, carry: Array, v: Array, elapsed: Array) -> Any:
        layers = [v]
        for layer in params.layers:
            v = add(recur(cell.activation(v), layer.kernel), layer.bias)
            layers.append(v)
        both, a, b = jnp.split(v, [2 * cell.hidden, 3 * cell.hidden], axis=-1)
        time = a * jnp.broadcast_to(elapsed, a.shape).astype(a.dtype) + b
        known = squashed(jnp.concatenate([both, time], axis=-1), (TANH, TANH, SIGMOID))
        f, g, s = jnp.split(known, 3, axis=-1)
        h = (f + s * (g - f)).astype(carry.dtype)
        # Without a backbone, the first layer is the last one.
        kept = layers[:-1] or layers
        return (h, h.astype(params.kernel.dtype)), (kept, known, a, elapsed)

    def linearize(self, cell: Any, params: CfCParams, carry: Array, memory: Any) -> Any:
        layers, known, a, elapsed = memory
        f, g, s = jnp.split(known, 3, axis=-1)
        slopes = [slope(cell.activation, v) for v in layers[: len(params.layers)]]
        return slopes, ((1 - s) * (1 - f**2), s * (1 - g**2), (g - f) * s * (1 - s)), (a, elapsed)

    def merge(self, d_u: Any, d_r: Array) -> tuple[Array, Array]:
        """The first layer reads `u + r`; the time is one of the inputs."""
        return d_u[0] + d_r, d_u[1]

    def push(self, cell: Any, params: CfCParams, point: Any, d_carry: Array, d_z: Any) -> Any:
        (slopes, factors, (a, elapsed)), (d_v, d_elapsed) = point, d_z
        for layer, steep in zip(params.layers, slopes, strict=True):
            d_v = recur(steep * d_v, layer.kernel)
        d_h = self._moved(factors, elapsed, jnp.split(d_v, 4, axis=-1))
        d_h = d_h + factors[2] * a * jnp.broadcast_to(d_elapsed, a.shape).astype(a.dtype)
        return d_h.astype(d_carry.dtype), d_h.astype(params.kernel.dtype)

    def _moved(self, factors: Any, elapsed: Array, heads: list[Array]) -> Array:
        """How far the state moves with the heads."""
        (h_f, h_g, h_time), (f, g, a, b) = factors, heads
        elapsed = jnp.broadcast_to(elapsed, a.shape).astype(a.dtype)
        return h_f * f + h_g * g + h_time * (elapsed * a + b)


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
    rule = CfCRule()

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
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: CfCParams, carry: Array, x: Array) -> dict[str, Array]:
        """The share of the second state in the new one."""
        u, r = self.project(params, x), self.mix(params, carry)
        _, (_, known, _, _) = self.rule.remember(self, params, carry, u, r)
        return {"time": known[..., 2 * self.hidden :]}
