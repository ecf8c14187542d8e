"""`Embedding`: from symbols to vectors."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer

from .. import _check
from .._numerics import Initializer, drawn
from .._typing import Array, Key
from ._initial import unit_length
from ._layer import Memoryless


class Embedding(Memoryless):
    """One vector per symbol: `y = table[x]`.

    A symbol outside `[0, vocab)` raises `ValueError` where its value is known; under `jit` it
    gives NaN, never another symbol's vector.

    Shapes: x `Int[T, *batch]`, y `[T, *batch, features]`.

    Args:
        vocab: how many symbols there are.
        features: the vectors' length.
        table_init: how they are drawn, `(key, shape, dtype) -> Array`; of length 1 by default.

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
    table_init: Initializer = jax.tree.static(default=unit_length)

    def __post_init__(self) -> None:
        _check.sizes("Embedding", vocab=self.vocab, features=self.features)

    def init(self, key: Key) -> Float[Array, "V F"]:
        return drawn("Embedding", "table_init", self.table_init, key, self.vocab, self.features)

    def transform(
        self, params: Float[Array, "V F"], xs: Integer[Array, "..."], *, key: Key | None = None
    ) -> Float[Array, "... F"]:
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
        return ()

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)
