"""Labels beside the logits that they are labels of."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._typing import Array, ArrayLike, Batch


def margin(z: Array, labels: Array) -> Array:
    """`logsumexp` of the other classes' logits, less the label's."""
    others = jnp.where(one_hot(labels, z), -jnp.inf, z)
    # Where no other class is possible, `top` is the least finite number, and the gradient is 0.
    top = jax.lax.stop_gradient(jnp.maximum(jnp.max(others, axis=-1), np.finfo(z.dtype).min))
    total = jnp.sum(jnp.exp(others - top[..., None]), axis=-1)
    return (top - own_logit(z, labels)) + jnp.log(jnp.where(total == 0, 1, total))


@jax.custom_jvp
def own_logit(z: Array, labels: Array) -> Array:
    """The logit of each label; 0 for a label out of range."""
    own = jnp.take_along_axis(z, labels[..., None], axis=-1, mode="clip")[..., 0]
    return jnp.where(in_range(labels, z.shape[-1]), own, 0)


@own_logit.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z, labels), (dz, _) = primals, tangents
    # Compared, not gathered: it fuses backwards, where a gather would be scattered.
    return own_logit(z, labels), jnp.sum(jnp.where(one_hot(labels, z), dz, 0), axis=-1)


def one_hot(labels: Array, z: Array) -> Array:
    """`Bool[..., V]`, True at the label."""
    return jax.nn.one_hot(labels, z.shape[-1], dtype=bool)


def in_range(labels: Array, classes: int) -> Array:
    """Which labels lie in `[0, classes)`."""
    return (labels >= 0) & (labels < classes)


def check_labels(
    who: str, labels: ArrayLike, shape: Batch, where: ArrayLike | None = None
) -> Array:
    """Integer labels for logits of `shape`, or raise; `where` says which steps' labels matter."""
    if not shape:
        raise ValueError(f"{who}: logits must have an axis of classes, got a number alone.")
    array = _check.numbers(who, "labels", labels)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(
            f"{who}: labels must be integers, got {_check.describe(array)}. "
            "Cast class indices with `.astype(jnp.int32)`."
        )
    if array.shape != shape[:-1]:
        raise ValueError(
            f"{who}: one label for each row of the logits {shape}, so labels must have shape "
            f"{shape[:-1]}, got {array.shape}. {remedy(shape, array.shape)}"
        )
    if _check.concrete(labels) and (where is None or _check.concrete(where)):
        seen = np.asarray(labels)
        wrong = (seen < 0) | (seen >= shape[-1])
        if where is not None:
            wrong &= np.asarray(where) != 0
        if wrong.any():
            first = tuple(map(int, np.argwhere(wrong)[0]))
            raise ValueError(
                f"{who}: labels must lie in [0, {shape[-1]}), got {seen[first]} at index {first}. "
                "Leave out padding with the objective's `where`."
            )
    return array.astype(jnp.int32) if array.dtype.itemsize < 4 else array


def remedy(shape: tuple[int, ...], given: tuple[int, ...]) -> str:
    """What to do about targets of shape `given` beside logits of `shape`."""
    if given == (*shape[:-1], 1):
        return "Squeeze the trailing axis of 1."
    if given == shape:
        return "Turn one-hot rows into labels with `jnp.argmax(labels, axis=-1)`."
    if given in (shape[1:-1], shape[1:]):
        return (
            "One target for a whole sequence needs outputs pooled over time: end the network with "
            "a pool such as `networks.LastPool()`."
        )
    if given[1:] in (shape[:-1], shape):
        return (
            "The outputs are pooled over time and the targets are one a step: take the pool out of "
            "the network, or give one target for the whole sequence."
        )
    return "Time leads: outputs are [T, *batch, V] and labels [T, *batch]."
