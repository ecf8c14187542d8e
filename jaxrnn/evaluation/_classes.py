"""Classes, as the scores of classifiers read them."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from .. import _check
from .._numerics import are_labels, real
from .._typing import Array
from ..metrics import Observed, weigh
from ..objectives import Accuracy, score


class Classified(NamedTuple):
    """What a classifier said of every step, and what was true."""

    scores: Array
    """`[T, *batch, classes]`, finite."""
    labels: Array
    weights: Array
    poison: Array
    """NaN if a score of a step that counts is NaN, else 0: added to what is counted."""


def check_classes(who: str, classes: int) -> None:
    """Raise unless there are two classes or more."""
    _check.sizes(who, classes=classes)
    if classes < 2:
        raise ValueError(f"{who}: classes must be at least 2, got {classes}.")


def read_classes(who: str, classes: int, seen: Observed) -> Classified:
    """Scores, labels and weights of a batch; raises for other classes."""
    _check.one_array(who, outputs=seen.outputs, targets=seen.targets)
    shape = jnp.shape(seen.outputs)
    if not shape or shape[-1] != classes:
        raise ValueError(
            f"{who}: outputs must be [T, *batch, {classes}], a score for each class, got "
            f"{_check.describe(seen.outputs)}. Make the metric with as many classes as the "
            "network has outputs."
        )
    if not are_labels(who, seen.outputs, seen.targets):
        raise ValueError(
            f"{who}: targets must be integer labels {shape[:-1]}, got "
            f"{_check.describe(seen.targets)}."
        )
    _, counted = score(Accuracy(), seen.outputs, seen.targets, seen.where)
    weights = weigh(counted, seen.weight)
    scores = real(who, "outputs", seen.outputs)
    unknown = jnp.any(jnp.isnan(scores), axis=-1) & (weights != 0)
    _refuse_nan(who, unknown)
    poison = jnp.where(jnp.any(unknown), jnp.nan, 0).astype(weights.dtype)
    counts = jnp.broadcast_to((weights != 0)[..., None], shape)
    return Classified(
        jnp.where(counts, scores, 0),
        jnp.where(weights == 0, 0, jnp.asarray(seen.targets)),
        weights,
        poison,
    )


def _refuse_nan(who: str, unknown: Any) -> None:
    if _check.concrete(unknown) and np.any(unknown):
        first = tuple(map(int, np.argwhere(np.asarray(unknown))[0]))
        raise ValueError(
            f"{who}: outputs must be numbers, got NaN at index {first}. Leave out padding with "
            "`where`; a network that gives NaN elsewhere has diverged."
        )
