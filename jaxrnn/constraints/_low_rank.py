"""`LowRank`: a matrix of a given rank."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import svd
from .._typing import Array, Key
from ._constraint import Constraint, matrix, wide


class LowRankParams(NamedTuple):
    """Free numbers of `LowRank`."""

    left: Float[Array, "... I R"]
    right: Float[Array, "... R H"]


class LowRank(Constraint):
    """A matrix of rank at most `rank`: `W = left @ right`.

    It starts from the nearest such matrix to that which was drawn. It saves parameters where `rank`
    is below `I H / (I + H)`.

    Args:
        rank: at least 1, and at most the smaller size of the matrix.

    Raises:
        ValueError: another rank, or a parameter that is no matrix.

    Reference: A. Kusupati et al., "FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated
    recurrent neural network", NeurIPS 2018.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, constraints
        >>> cell = cells.Constrained(cells.Elman(3, 8), "recurrent", constraints.LowRank(2))
        >>> cell.init(jax.random.key(0)).recurrent.left.shape
        (8, 2)
    """

    rank: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the rank."""
        _check.sizes("LowRank", rank=self.rank)

    def init(self, key: Key, value: Array) -> LowRankParams:
        """The largest singular values, shared equally by both factors."""
        shape = matrix("LowRank", value)
        if self.rank > min(shape):
            raise ValueError(
                f"LowRank: rank must be at most {min(shape)} for a parameter of shape "
                f"{value.shape}, got {self.rank}"
            )
        left, values, right = svd(wide(value))
        root = jnp.sqrt(values[..., : self.rank])
        left = left[..., : self.rank] * jnp.broadcast_to(
            root[..., None, :], left[..., : self.rank].shape
        )
        right = right[..., : self.rank, :]
        right = jnp.broadcast_to(root[..., None], right.shape) * right
        return LowRankParams(left.astype(value.dtype), right.astype(value.dtype))

    def value(self, free: LowRankParams) -> Array:
        return (wide(free.left) @ wide(free.right)).astype(free.left.dtype)
