"""Dropout: one mask per step, or one for the whole sequence."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._typing import Array, Batch, Key, Leaf
from ._layer import Memoryless


class Dropout(Memoryless):
    """Drop features at random, independently at every step: `y = keep * x / (1 - rate)`.

    Without a key it is the identity.

    Args:
        rate: the probability to drop, in [0, 1); a leaf.

    Reference: N. Srivastava et al., Journal of Machine Learning Research 15 (2014).

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> xs = jax.numpy.ones((7, 2, 3))
        >>> _, ys = networks.Dropout(0.5).apply((), xs, key=jax.random.key(0))
        >>> sorted(set(ys.ravel().tolist()))
        [0.0, 2.0]
    """

    rate: Leaf

    def __post_init__(self) -> None:
        _check.fraction("Dropout", rate=self.rate)

    def transform(
        self, params: tuple[()], xs: Float[Array, "..."], *, key: Key | None = None
    ) -> Float[Array, "..."]:
        return _drop("Dropout", xs, self.rate, key, xs.shape)

    @property
    def keeps_shape(self) -> bool:
        return True


class VariationalDropout(Memoryless):
    """Drop features at random, the same ones at every step of a sequence.

    Each call draws one mask for each sequence of the batch. Without a key it is the identity.

    Args:
        rate: the probability to drop, in [0, 1); a leaf.

    Reference: Y. Gal & Z. Ghahramani, "A theoretically grounded application of dropout in recurrent
    neural networks", NIPS 2016.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> xs = jax.numpy.ones((7, 2, 3))
        >>> _, ys = networks.VariationalDropout(0.5).apply((), xs, key=jax.random.key(0))
        >>> bool((ys == ys[:1]).all())
        True
    """

    rate: Leaf

    def __post_init__(self) -> None:
        _check.fraction("VariationalDropout", rate=self.rate)

    def transform(
        self, params: tuple[()], xs: Float[Array, "..."], *, key: Key | None = None
    ) -> Float[Array, "..."]:
        return _drop("VariationalDropout", xs, self.rate, key, (1, *xs.shape[1:]))

    @property
    def stepwise(self) -> bool:
        """No: there is one mask for all steps."""
        return False

    @property
    def keeps_shape(self) -> bool:
        return True


def _drop(who: str, xs: Array, rate: Leaf, key: Key | None, shape: Batch) -> Array:
    _check.number(who, rate=rate)
    _check.floating(who, "xs", xs, "Put it after the `Embedding`.")
    if key is None:
        return xs
    keep = jnp.broadcast_to(jax.random.bernoulli(key, 1 - rate, shape), xs.shape)
    return jnp.where(keep, xs / jnp.asarray(1 - rate).astype(xs.dtype), 0)
