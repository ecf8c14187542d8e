"""`confusion_matrix`: how often each class is taken for each other."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._checked import checked
from .._typing import Array
from ..metrics import Compensated, Metric, Observed, Sums
from ._classes import check_classes, read_classes


class ConfusionState(NamedTuple):
    """The weight of the steps by their label and their most probable class."""

    counts: Compensated


class Confusion(Sums):
    """The confusion matrix; `confusion_matrix` says more."""

    classes: int = jax.tree.static()

    def init(self) -> ConfusionState:
        return ConfusionState(Compensated.zeros((self.classes, self.classes)))

    def add(self, state: Any, seen: Observed, who: str = "confusion_matrix") -> ConfusionState:
        read = read_classes(who, self.classes, seen)
        guesses = jnp.argmax(read.scores, axis=-1)
        counts = jnp.zeros((self.classes, self.classes), read.weights.dtype)
        counts = counts.at[read.labels, guesses].add(read.weights) + read.poison
        return self.merge(state, ConfusionState(Compensated.of(jax.lax.stop_gradient(counts))))

    def compute(self, state: Any) -> Array:
        return state.counts.value()


@checked
def confusion_matrix(classes: int) -> Metric:
    """How many steps of each class were taken for each class: `[classes, classes]`.

    Row i, column j counts the steps with label i whose most probable class is j, by their weights;
    of equal outputs the class of the lower number is taken. Without data it is 0 everywhere.

    Shapes: outputs `[T, *batch, classes]` and labels `Int[T, *batch]`.

    Args:
        classes: how many there are.

    Raises:
        TypeError: for classes that are no integer; in `update`, for labels that are not.
        ValueError: for fewer than two classes; in `update`, for outputs of another number of
            classes, and for concrete labels out of range or scores that are NaN. Inside `jit`,
            where those cannot be read, such a label weighs 0, and NaN makes every count NaN.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.confusion_matrix(3)
        >>> outputs = jax.nn.one_hot(jnp.array([0, 0, 1, 2]), 3)
        >>> print(metric.compute(metric.update(metric.init(), outputs, jnp.array([0, 1, 1, 2]))))
        [[1. 0. 0.]
         [1. 1. 0.]
         [0. 0. 1.]]
    """
    check_classes("confusion_matrix", classes)
    return Confusion(classes)
