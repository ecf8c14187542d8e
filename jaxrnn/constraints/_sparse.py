"""`Sparse` and `Masked`: matrices of which most is 0, and stays so."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._kinds import ARRAY, Refused, refusal
from .._typing import Array, ArrayLike, Key, Leaf
from ._constraint import Constraint, Held


class SparseParams(NamedTuple):
    """Free numbers of `Sparse`."""

    values: Float[Array, "..."]
    mask: Held
    """1 where there is a weight, and 0 elsewhere."""


class Sparse(Constraint):
    """A parameter with a given share of weights; the others are 0, and stay 0.

    Which ones there are is drawn once, their number exactly. They start from what was drawn for
    them divided by `sqrt(density)`, so that products keep their variance.

    Args:
        density: the share of weights that there are, above 0 and at most 1.

    Raises:
        ValueError: another density.

    Reference: H. Jaeger & H. Haas, "Harnessing nonlinearity", Science 304 (2004).

    Example:
        >>> import jax
        >>> from jaxrnn import cells, constraints
        >>> cell = cells.Constrained(cells.Elman(3, 10), "recurrent", constraints.Sparse(0.2))
        >>> recurrent = cell.resolve(cell.init(jax.random.key(0)))[1].recurrent
        >>> int((recurrent != 0).sum())
        20
    """

    density: Leaf = 0.1

    def __post_init__(self) -> None:
        """Check the density."""
        if not _check.holds(lambda density: (density > 0) & (density <= 1), self.density):
            raise ValueError(f"Sparse: density must be above 0 and at most 1, got {self.density}")

    def init(self, key: Key, value: Array) -> SparseParams:
        """A random mask, and larger values."""
        _check.number("Sparse", density=self.density)
        density = jnp.asarray(self.density).astype(value.dtype)
        order = jax.random.permutation(key, value.size).reshape(value.shape)
        share = jnp.round(density.astype(float) * value.size)
        mask = order < jnp.broadcast_to(share, order.shape).astype(order.dtype)
        values = value / jnp.broadcast_to(jnp.sqrt(density), value.shape)
        return SparseParams(values, Held(mask.astype(value.dtype)))

    def value(self, free: SparseParams) -> Array:
        return jnp.where(free.mask.value != 0, free.values, jnp.zeros_like(free.values))


class MaskedParams(NamedTuple):
    """Free numbers of `Masked`."""

    values: Float[Array, "..."]


class Masked(Constraint):
    """A parameter that is 0 where a mask says so: the connections of a circuit, say.

    Args:
        mask: of the parameter's shape; there is a weight where it is not 0.

    Raises:
        ValueError: a mask of another shape.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, constraints
        >>> lower = constraints.Masked(jnp.tril(jnp.ones((4, 4))))
        >>> cell = cells.Constrained(cells.Elman(3, 4), "recurrent", lower)
        >>> recurrent = cell.resolve(cell.init(jax.random.key(0)))[1].recurrent
        >>> bool((recurrent == jnp.tril(recurrent)).all())
        True
    """

    mask: ArrayLike

    def __post_init__(self) -> None:
        """Check that the mask is an array; flags are as good as numbers."""
        mask = ARRAY.take(self.mask)
        if mask is Refused:
            raise TypeError(refusal("Masked", "mask", ARRAY, self.mask))
        object.__setattr__(self, "mask", mask)

    def init(self, key: Key, value: Array) -> MaskedParams:
        """What was drawn."""
        if jnp.shape(self.mask) != value.shape:
            raise ValueError(
                f"Masked: mask must have the shape of the parameter, {value.shape}, got "
                f"{jnp.shape(self.mask)}"
            )
        return MaskedParams(value)

    def value(self, free: MaskedParams) -> Array:
        return jnp.where(
            jnp.asarray(self.mask).astype(bool), free.values, jnp.zeros_like(free.values)
        )
