"""Layers that treat every step alike: `Embedding`, `Dense`, `LayerNorm`, `Activation`."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import add, dot, glorot
from .._typing import Array, Key, Leaf
from ._layer import Memoryless


class Embedding(Memoryless):
    """A vector a symbol: `y = table[x]`.

    A symbol outside `[0, vocab)` raises `ValueError` where its number is known; under `jit` it
    gives NaN, never another symbol's vector.

    Shapes: x `Int[T, *batch]`, y `[T, *batch, features]`.

    Args:
        vocab: how many symbols there are.
        features: the vectors' length; they start Gaussian with variance `1 / features`.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> layer = networks.Embedding(20, 8)
        >>> params = layer.init(jax.random.key(0))
        >>> layer.apply(params, jax.numpy.arange(5))[1].shape
        (5, 8)
    """

    vocab: int = jax.tree.static()
    features: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check.sizes("Embedding", vocab=self.vocab, features=self.features)

    def init(self, key: Key) -> Float[Array, "V F"]:
        """The table."""
        return jax.random.normal(key, (self.vocab, self.features)) / jnp.sqrt(self.features)

    def transform(
        self, params: Float[Array, "V F"], xs: Integer[Array, "..."], *, key: Key | None = None
    ) -> Float[Array, "... F"]:
        """Look up."""
        if not jnp.issubdtype(xs.dtype, jnp.integer):
            raise TypeError(f"Embedding: symbols must be integers, got {xs.dtype}")
        if _check.concrete(xs):
            self._check_range(np.asarray(xs))
        # Negative numbers would count from the end; out of range on the other side gives NaN.
        # A byte could not hold `vocab` itself.
        xs = xs.astype(int)
        xs = jnp.where(xs < 0, self.vocab, xs)
        return jnp.take(params, xs, axis=0, mode="fill", fill_value=jnp.nan)

    def _check_range(self, symbols: np.ndarray) -> None:
        wrong = symbols[(symbols < 0) | (symbols >= self.vocab)]
        if wrong.size:
            raise ValueError(
                f"Embedding: symbols must lie in [0, {self.vocab}), got {wrong.ravel()[0]}"
            )

    @property
    def input_shape(self) -> tuple[()]:
        """Symbols."""
        return ()

    @property
    def output_shape(self) -> tuple[int]:
        """`features`."""
        return (self.features,)


class DenseParams(NamedTuple):
    """Parameters of `Dense`."""

    kernel: Float[Array, "I O"]
    bias: Float[Array, " O"]


class Dense(Memoryless):
    """A full matrix and a bias: `y = x @ kernel + bias`.

    Shapes: x `[T, *batch, inputs]`, y `[T, *batch, outputs]`.

    Args:
        inputs: features of x.
        outputs: features of y.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> layer = networks.Dense(3, 5)
        >>> params = layer.init(jax.random.key(0))
        >>> layer.apply(params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 5)
    """

    inputs: int = jax.tree.static()
    outputs: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check.sizes("Dense", inputs=self.inputs, outputs=self.outputs)

    def init(self, key: Key) -> DenseParams:
        """Glorot kernel, no bias."""
        return DenseParams(glorot(key, self.inputs, self.outputs, 1), jnp.zeros(self.outputs))

    def transform(
        self, params: DenseParams, xs: Float[Array, "... I"], *, key: Key | None = None
    ) -> Float[Array, "... O"]:
        """The product and the bias."""
        return add(dot(xs, params.kernel), params.bias).astype(params.kernel.dtype)

    @property
    def input_shape(self) -> tuple[int]:
        """`inputs`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`outputs`."""
        return (self.outputs,)


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
        """Check the size."""
        _check.sizes("LayerNorm", features=self.features)

    def init(self, key: Key) -> LayerNormParams:
        """Scale one, bias zero."""
        return LayerNormParams(jnp.ones(self.features), jnp.zeros(self.features))

    def transform(
        self, params: LayerNormParams, xs: Float[Array, "... F"], *, key: Key | None = None
    ) -> Float[Array, "... F"]:
        """Normalise, in at least float32."""
        wide = xs.astype(at_least_float32(xs.dtype))
        centred = wide - wide.mean(-1, keepdims=True)
        spread = jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + self.epsilon)
        scale = jnp.broadcast_to(params.scale.astype(wide.dtype), wide.shape)
        return add(centred * spread * scale, params.bias).astype(xs.dtype)

    @property
    def input_shape(self) -> tuple[int]:
        """`features`."""
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        """`features`."""
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
        """The function."""
        return self.function(xs)

    @property
    def keeps_shape(self) -> bool:
        """Yes."""
        return True
