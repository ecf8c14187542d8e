"""Accuracy of the most probable classes."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import are_labels, class_weight, own_logit, partition, real
from .._typing import Array
from ._shielded import Shielded


class Accuracy(Shielded):
    """1 where the label is among the `top` highest outputs, else 0; its gradient is 0.

    Equal outputs rank by class, the lower first; NaN outranks all, and is never right. A
    distribution counts as its most probable class.

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
        _check.sizes("Accuracy", top=self.top)

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        return class_weight("Accuracy", outputs, targets, where)

    def values(self, outputs: Any, targets: Any) -> Array:
        z = real("Accuracy", "outputs", outputs)
        if self.top > z.shape[-1]:
            raise ValueError(f"Accuracy: top={self.top} guesses of {z.shape[-1]} classes.")
        labels = jnp.asarray(targets)
        if not are_labels("Accuracy", outputs, targets):
            labels = jnp.argmax(labels, axis=-1)
        # A narrow type would wrap the number of a class around, onto another one's.
        labels = labels.astype(jnp.int32) if labels.dtype.itemsize < 4 else labels
        if self.top == 1:
            best = partition(jax.lax.stop_gradient(z))
            right = (best.place == labels.astype(jnp.int32)[..., None]) & ~jnp.isnan(best.top)
            return right[..., 0].astype(z.dtype)
        # The label's rank is counted: sorting all classes takes several times as long.
        classes = jax.lax.broadcasted_iota(labels.dtype, z.shape, z.ndim - 1)
        label, own = labels[..., None], own_logit(z, labels)[..., None]
        own, label = jnp.broadcast_to(own, z.shape), jnp.broadcast_to(label, z.shape)
        # NaN is never right, and others are not right beside it.
        ahead = ~(z <= own) | ((z == own) & (classes < label))
        return (jnp.sum(ahead, axis=-1, dtype=jnp.int32) < self.top).astype(z.dtype)
