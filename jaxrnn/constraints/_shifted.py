"""`Shifted`: a parameter that is told apart from a constant in it."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._typing import Array, Key, Leaf
from ._constraint import Constraint


class ShiftedParams(NamedTuple):
    """Free numbers of `Shifted`."""

    rest: Float[Array, "..."]


class Shifted(Constraint):
    """A parameter that is a constant and a trained rest: `value = shift + rest`.

    haiku adds a forget bias of 1 in every step, so weights and weight decay see the rest alone.

    It starts from what was drawn.

    Args:
        shift: a number, or an array of the parameter's shape.

    Raises:
        ValueError: an array of another shape.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, constraints
        >>> cell = cells.Constrained(cells.Elman(2, 3), "bias", constraints.Shifted(1.0))
        >>> params = cell.init(jax.random.key(0))
        >>> params.bias.rest.tolist(), cell.resolve(params)[1].bias.tolist()
        ([-1.0, -1.0, -1.0], [0.0, 0.0, 0.0])
    """

    shift: Leaf = 1.0

    def init(self, key: Key, value: Array) -> ShiftedParams:
        """What was drawn, less the shift."""
        return ShiftedParams(value - self._like(value))

    def value(self, free: ShiftedParams) -> Array:
        return free.rest + self._like(free.rest)

    def _like(self, value: Array) -> Array:
        """The shift, in the shape and the type of the parameter."""
        if np.shape(self.shift) not in ((), value.shape):
            raise ValueError(
                f"Shifted: shift must be a number or have the shape of the parameter, "
                f"{value.shape}, got {np.shape(self.shift)}"
            )
        return jnp.broadcast_to(jnp.asarray(self.shift).astype(value.dtype), value.shape)
