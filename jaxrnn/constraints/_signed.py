"""`Signed`: units that excite, and units that inhibit."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._typing import Array, Key, Leaf
from ._constraint import Constraint, matrix


class SignedParams(NamedTuple):
    """Free numbers of `Signed`."""

    magnitude: Float[Array, "... I H"]


class Signed(Constraint):
    """Dale's law: all weights that leave a unit have one sign.

        W[i, j] = sign[i] |magnitude[i, j]|,   sign[i] = 1 for the first `excitatory` share, else -1

    A row of a recurrent matrix holds what leaves a unit. It starts from the sizes of what was
    drawn. A weight of 0 is pushed away from 0 by its gradient as one above 0 is.

    Args:
        excitatory: the share of units that excite, in [0, 1].

    Raises:
        ValueError: another share, or a parameter that is no matrix.

    Reference: H. F. Song, G. R. Yang & X.-J. Wang, "Training excitatory-inhibitory recurrent neural
    networks for cognitive tasks", PLOS Computational Biology 12 (2016).

    Example:
        >>> import jax
        >>> from jaxrnn import cells, constraints
        >>> cell = cells.Constrained(cells.Leaky(3, 5), "recurrent", constraints.Signed(0.8))
        >>> recurrent = cell.resolve(cell.init(jax.random.key(0)))[1].recurrent
        >>> bool((recurrent[:4] >= 0).all()), bool((recurrent[4:] <= 0).all())
        (True, True)
    """

    excitatory: Leaf = 0.8

    def __post_init__(self) -> None:
        """Check the share."""
        if not _check.holds(lambda share: (share >= 0) & (share <= 1), self.excitatory):
            raise ValueError(f"Signed: excitatory must be in [0, 1], got {self.excitatory}")

    def init(self, key: Key, value: Array) -> SignedParams:
        """The sizes of what was drawn."""
        matrix("Signed", value)
        return SignedParams(jnp.abs(value))

    def value(self, free: SignedParams) -> Array:
        magnitude = free.magnitude
        _check.number("Signed", excitatory=self.excitatory)
        rows = magnitude.shape[-2]
        first = jnp.round(jnp.asarray(self.excitatory).astype(float) * rows)
        excites = jnp.arange(rows).astype(first.dtype) < jnp.broadcast_to(first, (rows,))
        excites = jnp.broadcast_to(excites[:, None], magnitude.shape)
        size = jnp.where(magnitude < 0, -magnitude, magnitude)
        return jnp.where(excites, size, -size)
