"""Objectives that read the outputs alone."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import are_labels
from .._typing import Array
from ..objectives import Objective


class OfOutputs(Objective):
    """`function(outputs) -> [T, *batch]`; the targets are not read and may be `None`.

    For metrics alone: it computes what stands in the padding too, which drops out of values but not
    out of gradients.
    """

    function: Callable[[Any], Array] = jax.tree.static()

    @property
    def stepwise(self) -> bool:
        return True

    def values(self, outputs: Any, targets: Any) -> Array:
        return self.function(outputs)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        return self.function(outputs)  # whatever axes the outputs have beside the steps


def check_labels_only(who: str, outputs: Any, targets: Any) -> None:
    """Raise for targets that are distributions."""
    if not are_labels(who, outputs, targets):
        raise ValueError(
            f"{who}: it takes integer labels {jnp.shape(outputs)[:-1]}, not a distribution, got "
            f"targets {_check.describe(targets)}."
        )
