"""Targets over classes: integer labels or a distribution, told apart by shape and dtype."""

from typing import Any, NoReturn

import jax.numpy as jnp
import numpy as np

from .. import _check
from .._typing import Array
from ._labels import check_labels, in_range, remedy


def are_labels(who: str, outputs: Any, targets: Any) -> bool:
    """True for integer labels `[T, *batch]`, False for distributions `[T, *batch, V]`."""
    _check.one_array(who, outputs=outputs, targets=targets)
    shape, given = jnp.shape(outputs), jnp.shape(targets)
    if not shape:
        raise ValueError(
            f"{who}: outputs must be [T, *batch, V], with an axis of classes, got "
            f"{_check.describe(outputs)}."
        )
    labels = given == shape[:-1]
    takes = f"{who}: logits {shape} take integer labels {shape[:-1]} or a floating distribution "
    if not labels and given != shape:
        raise ValueError(
            f"{takes}{shape}, got targets {_check.describe(targets)}. {remedy(shape, given)}"
        )
    if not jnp.issubdtype(jnp.result_type(targets), jnp.integer if labels else jnp.floating):
        raise TypeError(
            f"{takes}{shape}, got targets {_check.describe(targets)}. Cast labels with "
            "`.astype(jnp.int32)`, one-hot rows with `.astype(jnp.float32)`. For several labels at "
            "once use `MultiLabelCrossEntropy()`."
        )
    return labels


def several_classes(who: str, outputs: Array) -> None:
    """Refuse a single class."""
    if outputs.shape[-1:] == (1,):
        raise ValueError(
            f"{who}: over a single class it is always 0, got outputs {outputs.shape}. "
            "For a yes or no use `MultiLabelCrossEntropy()`."
        )


def class_weight(who: str, outputs: Any, targets: Any, where: Array | None) -> Array | None:
    """`where`, without the steps whose label is no class or whose row is no distribution.

    Raises where values can be read.
    """
    if are_labels(who, outputs, targets):
        return label_weight(who, outputs, targets, where)
    return unit_weight(who, targets, where, distributions=True)


def label_weight(who: str, outputs: Any, targets: Any, where: Array | None) -> Array:
    """`where`, without the steps whose label is no class; raises where values can be read."""
    _check.one_array(who, outputs=outputs, targets=targets)
    if where is not None and where.ndim < jnp.ndim(outputs) - 1:
        _refuse_where(who, where, jnp.shape(outputs)[:-1])
    labels = check_labels(who, targets, jnp.shape(outputs), where)
    return narrow(who, where, in_range(labels, jnp.shape(outputs)[-1]))


def narrow(who: str, where: Array | None, known: Array) -> Array:
    """`where`, flags or weights, only at the steps that are `known`."""
    if where is None:
        return known
    if where.shape != known.shape:
        _refuse_where(who, where, known.shape)
    return jnp.where(known, where, jnp.zeros_like(where))


def _refuse_where(who: str, where: Array, shape: tuple[int, ...]) -> NoReturn:
    raise ValueError(
        f"{who}: where must have the labels' shape {shape}, got {where.shape}. Broadcast it."
    )


def unit_weight(
    who: str, targets: Any, where: Array | None, *, distributions: bool
) -> Array | None:
    """`where`, without the steps whose targets lie outside [0, 1], or are no distribution.

    Raises where values can be read.
    """
    slack = 1e-2 if distributions else 0.0  # of probabilities that were rounded to bfloat16
    if not (_check.concrete(targets) and (where is None or _check.concrete(where))):
        given = jnp.asarray(targets).astype(jnp.float32)
        known = jnp.all((given >= 0) & (given <= 1 + slack), axis=-1)
        if distributions:
            known &= jnp.abs(jnp.sum(given, axis=-1) - 1) <= slack
        return narrow(who, where, known)
    rows = np.asarray(targets, np.float32)
    if where is not None:
        rows = rows[np.asarray(where) != 0]
    if not np.all((rows >= 0) & (rows <= 1 + slack)):
        raise ValueError(
            f"{who}: targets must be probabilities in [0, 1], got values from {rows.min()} to "
            f"{rows.max()}. Apply `jax.nn.softmax` or `jax.nn.sigmoid` to logits first."
        )
    sums = rows.sum(-1)
    if distributions and not np.all(np.abs(sums - 1) <= slack):
        raise ValueError(
            f"{who}: each distribution must sum to 1, got sums from {sums.min()} to {sums.max()}. "
            "For several labels at once use `MultiLabelCrossEntropy()`."
        )
    return where
