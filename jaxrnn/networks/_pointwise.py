"""Layers that act on each step independently: `LayerNorm`, `Activation`."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import add
from .._typing import Array, Key, Leaf
from ._layer import Memoryless


class LayerNormParams(NamedTuple):
    """Parameters of `LayerNorm`."""

    scale: Float[Array, " F"]
    bias: Float[Array, " F"]


class LayerNorm(Memoryless):
    """Normalise the features of each step: `y = scale * (x - mean) / sqrt(var + epsilon) + bias`.

    Args:
        features: how many features there are.
        epsilon: keeps a constant step finite.

    Reference: J. L. Ba, J. R. Kiros & G. Hinton, arXiv 1607.06450.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> layer = networks.LayerNorm(3)
        >>> params = layer.init(jax.random.key(0))
        >>> layer.apply(params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 3)
    """

    features: int = jax.tree.static()
    epsilon: Leaf = 1e-6

    def __post_init__(self) -> None:
        _check.sizes("LayerNorm", features=self.features)
        _check.at_least_0("LayerNorm", epsilon=self.epsilon)

    def init(self, key: Key) -> LayerNormParams:
        return LayerNormParams(jnp.ones(self.features), jnp.zeros(self.features))

    def transform(
        self, params: LayerNormParams, xs: Float[Array, "... F"], *, key: Key | None = None
    ) -> Float[Array, "... F"]:
        """Normalise, in at least float32."""
        _check.number("LayerNorm", epsilon=self.epsilon)
        wide = xs.astype(at_least_float32(xs.dtype))
        centred = wide - wide.mean(-1, keepdims=True)
        spread = jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + self.epsilon)
        scale = jnp.broadcast_to(params.scale.astype(wide.dtype), wide.shape)
        return add(centred * spread * scale, params.bias).astype(xs.dtype)

    @property
    def input_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)


class Activation(Memoryless):
    """An elementwise function between layers.

    Args:
        function: any elementwise function, such as `jax.nn.gelu`.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> networks.Activation(jax.nn.relu).apply((), jax.numpy.array([[-1.0, 2.0]]))[1]
        Array([[0., 2.]], dtype=float32)
    """

    function: Callable[[Array], Array] = jax.tree.static()

    def transform(self, params: tuple[()], xs: Array, *, key: Key | None = None) -> Array:
        return self.function(xs)

    @property
    def keeps_shape(self) -> bool:
        return True
