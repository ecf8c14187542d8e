"""Accuracy of the most probable classes."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Array
from ..information._softmax import real
from ._objective import Objective
from ._targets import are_labels, class_weight


class Accuracy(Objective):
    """1 where the label is among the `top` highest outputs, else 0; its gradient is 0.

    Equal outputs rank by class, the lower first. A distribution counts as its most probable class.

    Shapes: outputs `[T, *batch, V]`; targets `Int[T, *batch]` or `Float[T, *batch, V]`. A label
    outside `[0, V)`, or a row that is no distribution, is an error where it can be read; inside
    `jit` its step has weight 0.

    Attributes:
        top: how many guesses, at most `V`.

    Raises:
        TypeError: for outputs, labels or distributions of another dtype.
        ValueError: for shapes that do not fit, and labels outside `[0, V)`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import Accuracy
        >>> outputs, labels = jnp.array([[0.0, 2.0, 1.0], [0.0, 2.0, 1.0]]), jnp.array([1, 2])
        >>> print(Accuracy()(outputs, labels), Accuracy(top=2)(outputs, labels))
        [1. 0.] [1. 1.]
    """

    top: int = jax.tree.static(default=1)

    def __post_init__(self) -> None:
        """Refuse fewer than one guess."""
        _check.sizes("Accuracy", top=self.top)

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        """`where`, without labels outside `[0, V)` and rows that are no distributions."""
        return class_weight("Accuracy", outputs, targets, where)

    def values(self, outputs: Any, targets: Any) -> Array:
        """1 or 0 for every step."""
        z = real("Accuracy", "outputs", outputs)
        if self.top > z.shape[-1]:
            raise ValueError(f"Accuracy: top={self.top} guesses of {z.shape[-1]} classes.")
        labels = jnp.asarray(targets)
        if not are_labels("Accuracy", outputs, targets):
            labels = jnp.argmax(labels, axis=-1)
        guesses = jax.lax.top_k(z, self.top)[1]
        found = guesses == labels.astype(guesses.dtype)[..., None]
        return jnp.any(found, axis=-1).astype(z.dtype)
