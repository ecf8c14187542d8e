"""`Shielded`: objectives that read outputs as they are."""

from typing import Any

import jax.numpy as jnp

from .._typing import Array
from ._evaluate import fill, shield
from ._objective import Objective


class Shielded(Objective):
    """An objective that is given the outputs of all steps as they are, not filled.

    All such objectives, in a loss or a metric and whatever counts for each, read the same array,
    and XLA computes once what they have in common. Nothing leaks: values are selected after, and
    derivatives where the outputs are read. Only of what depends on one step, though: a number that
    all steps share, such as `smoothing`, would get the derivatives of every step.
    """

    @property
    def stepwise(self) -> bool:
        return True

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        if where is None:
            return super().values_where(outputs, targets, None)
        outputs, targets = shield(outputs, where), fill(targets, where, 0.25)
        values = super().values_where(outputs, targets, None)
        if values.shape != where.shape:
            return values  # which is refused by who asked for it
        return jnp.where(where, values, 0)
