"""Squared error."""

from typing import Any

import jax.numpy as jnp

from .. import _check
from .._numerics import real
from .._typing import Array
from ._objective import Objective


class SquaredError(Objective):
    """Squared error of every step, averaged over the features.

    Shapes: outputs and targets `[T, *batch, features]`, equal; nothing broadcasts, for
    `[T, B] - [T, B, 1]` would silently compare every sequence with every other.

    Raises:
        TypeError: for outputs or targets that are not real floating numbers.
        ValueError: for shapes that differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import SquaredError
        >>> print(SquaredError()(jnp.array([[1.0, 3.0]]), jnp.array([[0.0, 0.0]])))
        [5.]
    """

    def values(self, outputs: Any, targets: Any) -> Array:
        _check.one_array("SquaredError", outputs=outputs, targets=targets)
        if jnp.shape(outputs) != jnp.shape(targets) or jnp.ndim(outputs) == 0:
            raise ValueError(
                "SquaredError: outputs and targets must have one shape [T, *batch, features], got "
                f"{_check.describe(outputs)} and {_check.describe(targets)}. "
                "Give a single feature its own axis: `targets[..., None]`."
            )
        y = real("SquaredError", "outputs", outputs)
        error = y - real("SquaredError", "targets", targets).astype(y.dtype)
        return jnp.mean(error**2, axis=-1)
