"""`class_weights`: rare classes count as much as frequent ones."""

from typing import Any

import numpy as np

from .. import _check, _host
from .._checked import checked
from .._typing import ArrayOrList


@checked
def class_weights(labels: ArrayOrList, classes: int, *, where: Any = None) -> np.ndarray:
    """Weights of classes under which each counts the same in all: `N / (classes * count)`.

    Their mean over the labels is 1. For `objectives.ClassWeighted`; count the training part alone.
    What scikit-learn calls "balanced".

    Args:
        labels: integers of any shape, in `[0, classes)`.
        classes: how many classes there are.
        where: Bool of the same shape: which labels count; the others may be anything.

    Returns:
        `Float64[classes]`.

    Raises:
        TypeError: labels are not integers, or `where` not Bool.
        ValueError: there is no label, one lies outside `[0, classes)`, or a class has no example
            (the message names it).

    Example:
        >>> class_weights([0, 0, 0, 1], 2).round(3).tolist()
        [0.667, 2.0]
    """
    who = "class_weights"
    _check.sizes(who, classes=classes)
    _check.memory(who, "the weights", (classes,), np.float64, "Pass fewer classes.")
    array = _host.read(who, "labels", labels)
    if not array.size:
        raise ValueError(f"{who}: labels must not be empty, got shape {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{who}: labels must be integers, got {array.dtype}")
    if where is not None:
        flags = _host.read(who, "where", where)
        _check.flags(who, "where", flags, array.shape, "as labels,")
        array = array[flags]
    wrong = array[(array < 0) | (array >= classes)]
    if wrong.size:
        raise ValueError(
            f"{who}: labels must lie in [0, {classes}), got {wrong.ravel()[0]}. Leave padding out "
            "by `where`."
        )
    counts = np.bincount(array.ravel(), minlength=classes)
    missing = np.flatnonzero(counts == 0)
    if len(missing):
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise ValueError(
            f"{who}: class {missing[0]}{more} has no example among {array.size} labels, so it has "
            "no weight. Pass fewer classes, or split by stratified_split."
        )
    return array.size / (classes * counts)
