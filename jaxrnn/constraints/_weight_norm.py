"""`WeightNormalised`: the length of a unit's weights apart from their direction."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array, Key
from ._constraint import Constraint, matrix, wide


class WeightNormalisedParams(NamedTuple):
    """Free numbers of `WeightNormalised`."""

    direction: Float[Array, "... I H"]
    scale: Float[Array, "... H"]


class WeightNormalised(Constraint):
    """The weights of each unit as a length and a direction.

        W[:, j] = scale[j] direction[:, j] / |direction[:, j]|

    It starts from what was drawn. It does not restrict the matrix, only how it is trained.

    Raises:
        ValueError: a parameter that is no matrix.

    Reference: T. Salimans & D. Kingma, "Weight normalization", NIPS 2016.

    Example:
        >>> import jax
        >>> from jaxrnn import constraints, networks
        >>> normalised = constraints.WeightNormalised()
        >>> layer = networks.Constrained(networks.Dense(3, 2), "kernel", normalised)
        >>> layer.init(jax.random.key(0)).kernel.scale.shape
        (2,)
    """

    def init(self, key: Key, value: Array) -> WeightNormalisedParams:
        """What was drawn, and the lengths that it has."""
        matrix("WeightNormalised", value)
        lengths = jnp.sqrt((wide(value) ** 2).sum(-2))
        return WeightNormalisedParams(value, lengths.astype(value.dtype))

    def value(self, free: WeightNormalisedParams) -> Array:
        direction = wide(free.direction)
        square = (direction**2).sum(-2)
        zero = square == 0  # a unit without a direction has weights of 0, and finite gradients
        factor = wide(free.scale) / jnp.sqrt(jnp.where(zero, 1, square))
        whole = jnp.broadcast_to(factor[..., None, :], direction.shape)
        return (direction * whole).astype(free.direction.dtype)
