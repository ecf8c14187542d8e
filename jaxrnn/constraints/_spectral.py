"""`SpectrallyBounded`: a matrix whose spectral norm is bounded."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import spectral_norm
from .._typing import Array, Key, Leaf
from ._constraint import Constraint, matrix, wide


class SpectrallyBoundedParams(NamedTuple):
    """Free numbers of `SpectrallyBounded`."""

    weight: Float[Array, "... I H"]


class SpectrallyBounded(Constraint):
    """A matrix of spectral norm at most `bound`: `W = weight * min(1, bound / |weight|_2)`.

    The norm is computed, by a singular value decomposition at each call, not estimated. Of gates
    side by side it is that of the whole matrix, and so each gate's is bounded too. With a bound
    below 1, an `Elman` network forgets: it is a contraction.

    Args:
        bound: the largest spectral norm, above 0.

    Raises:
        ValueError: a bound that is not above 0, or a parameter that is no matrix.

    Reference: J. Miller & M. Hardt, "Stable recurrent models", ICLR 2019.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, constraints
        >>> bounded = constraints.SpectrallyBounded(0.9)
        >>> cell = cells.Constrained(cells.Elman(3, 8), "recurrent", bounded)
        >>> recurrent = cell.resolve(cell.init(jax.random.key(0)))[1].recurrent
        >>> print(f"{jnp.linalg.norm(recurrent, 2):.4f}")
        0.9000
    """

    bound: Leaf = 1.0

    def __post_init__(self) -> None:
        """Check the bound."""
        if not _check.holds(lambda bound: (bound > 0) & (bound < jnp.inf), self.bound):
            raise ValueError(f"SpectrallyBounded: bound must be above 0, got {self.bound}")

    def init(self, key: Key, value: Array) -> SpectrallyBoundedParams:
        """What was drawn."""
        matrix("SpectrallyBounded", value)
        return SpectrallyBoundedParams(value)

    def value(self, free: SpectrallyBoundedParams) -> Array:
        weight = wide(free.weight)
        _check.number("SpectrallyBounded", bound=self.bound)
        norm = spectral_norm(weight)
        bound = jnp.broadcast_to(jnp.asarray(self.bound).astype(weight.dtype), norm.shape)
        above = norm > bound
        factor = jnp.where(above, bound / jnp.where(above, norm, 1), 1)
        whole = jnp.broadcast_to(factor[..., None, None], weight.shape)
        return (weight * whole).astype(free.weight.dtype)
