"""Targets over classes: integer labels or a distribution, told apart by shape and dtype."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import _check
from .._typing import Array
from ..information._surprisal import check_labels, in_range


def are_labels(who: str, outputs: Any, targets: Any) -> bool:
    """True for integer labels `[T, *batch]`, False for distributions `[T, *batch, V]`."""
    shape, given = jnp.shape(outputs), jnp.shape(targets)
    labels = given == shape[:-1]
    takes = f"{who}: logits {shape} take integer labels {shape[:-1]} or a floating distribution "
    if not labels and given != shape:
        raise ValueError(
            f"{takes}{shape}, got targets {_check.describe(targets)}. {_remedy(shape, given)}"
        )
    if not jnp.issubdtype(jnp.result_type(targets), jnp.integer if labels else jnp.floating):
        raise TypeError(
            f"{takes}{shape}, got targets {_check.describe(targets)}. Cast labels with "
            "`.astype(jnp.int32)`, one-hot rows with `.astype(jnp.float32)`. For several labels at "
            "once use `MultiLabelCrossEntropy()`."
        )
    return labels


def _remedy(shape: tuple[int, ...], given: tuple[int, ...]) -> str:
    """What to do about targets of shape `given` beside logits of `shape`."""
    if given == (*shape[:-1], 1):
        return "Squeeze the trailing axis of 1."
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


def class_weight(who: str, outputs: Any, targets: Any, where: Array | None) -> Array | None:
    """`where`, without the steps whose label is no class; raises where values can be read."""
    if not are_labels(who, outputs, targets):
        check_unit(who, targets, where, total=1.0)
        return where
    labels = check_labels(who, targets, jnp.shape(outputs), where)
    known = in_range(labels, jnp.shape(outputs)[-1])
    if where is None:
        return known
    if where.shape != known.shape:
        raise ValueError(
            f"{who}: where must have the labels' shape {known.shape}, got {where.shape}."
        )
    return jnp.where(known, where, jnp.zeros_like(where))


def check_unit(who: str, targets: Any, where: Array | None, total: float | None = None) -> None:
    """Raise unless concrete targets lie in [0, 1], and rows sum to `total`, at steps that count."""
    if not (_check.concrete(targets) and (where is None or _check.concrete(where))):
        return
    rows = np.asarray(targets, np.float32)
    if where is not None:
        rows = rows[np.asarray(where) != 0]
    if not np.all((rows >= 0) & (rows <= 1)):
        raise ValueError(
            f"{who}: targets must be probabilities in [0, 1], got values from {rows.min()} to "
            f"{rows.max()}. Apply `jax.nn.softmax` or `jax.nn.sigmoid` to logits first."
        )
    # Probabilities rounded to bfloat16 still sum to 1 within this.
    if total is not None and not np.allclose(rows.sum(-1), total, atol=1e-2):
        raise ValueError(
            f"{who}: each distribution must sum to {total:g}, got sums from {rows.sum(-1).min()} "
            f"to {rows.sum(-1).max()}. For several labels at once use `MultiLabelCrossEntropy()`."
        )
