"""F1, precision, recall and balanced accuracy, all read from the confusion matrix."""

import abc
from typing import Any, ClassVar

import jax.numpy as jnp

from .._checked import checked
from .._typing import Array
from ..metrics import Metric, Observed
from ._average import ClassAverage, Macro, divide, share
from ._classes import check_classes
from ._confusion import Confusion


class OfConfusion(Metric):
    """A score that is read from a confusion matrix, which is its state."""

    who: ClassVar[str]
    """The name that errors give."""
    confusion: Confusion

    def init(self) -> Any:
        return self.confusion.init()

    def add(self, state: Any, seen: Observed) -> Any:
        return self.confusion.add(state, seen, self.who)

    def merge(self, earlier: Any, later: Any) -> Any:
        return self.confusion.merge(earlier, later)

    def compute(self, state: Any) -> Array:
        counts = self.confusion.compute(state)
        right, came, guessed = jnp.diagonal(counts), jnp.sum(counts, 1), jnp.sum(counts, 0)
        return self.read(right, came, guessed)

    @abc.abstractmethod
    def read(self, right: Array, came: Array, guessed: Array) -> Array:
        """The value, of how often each class was right, came, and was guessed."""


class F1(OfConfusion):
    """F1; `f1` says more."""

    who = "f1"
    average: ClassAverage

    def read(self, right: Array, came: Array, guessed: Array) -> Array:
        return self.average.reduce(2 * right, came + guessed, came, came + guessed != 0)


class Precision(OfConfusion):
    """Precision; `precision` says more."""

    who = "precision"
    average: ClassAverage

    def read(self, right: Array, came: Array, guessed: Array) -> Array:
        return self.average.reduce(right, guessed, came, came + guessed != 0)


class Recall(OfConfusion):
    """Recall; `recall` says more."""

    who = "recall"
    average: ClassAverage

    def read(self, right: Array, came: Array, guessed: Array) -> Array:
        return self.average.reduce(right, came, came, came + guessed != 0)


class BalancedAccuracy(OfConfusion):
    """Balanced accuracy; `balanced_accuracy` says more."""

    who = "balanced_accuracy"

    def read(self, right: Array, came: Array, guessed: Array) -> Array:
        return divide(jnp.sum(share(right, came)), jnp.sum(came != 0, dtype=right.dtype))


@checked
def f1(classes: int, average: ClassAverage = Macro()) -> Metric:  # noqa: B008  (a frozen noun)
    r"""F1 of each class, $2 n_{kk} / (\sum_j n_{kj} + \sum_i n_{ik})$, averaged.

    `n` is the confusion matrix. It is the harmonic mean of precision and recall. A class that
    neither came nor was guessed has none: it is NaN for `PerClass()`, and no part of an average.

    Shapes: outputs `[T, *batch, classes]` and labels `Int[T, *batch]`.

    Args:
        classes: how many there are.
        average: `Macro()`, `Micro()`, `BySupport()` or `PerClass()`. With one label a step
            `Micro()` is the accuracy.

    Raises:
        TypeError: for classes that are no integer, and for an average that is none.
        ValueError: for fewer than two classes; in `update` as `confusion_matrix` does.

    Reference:
        van Rijsbergen (1979), Information Retrieval

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> outputs, labels = jax.nn.one_hot(jnp.array([0, 1, 0, 0]), 3), jnp.array([0, 1, 0, 0])
        >>> for average in (evaluation.Macro(), evaluation.PerClass()):
        ...     metric = evaluation.f1(3, average)
        ...     print(metric.compute(metric.update(metric.init(), outputs, labels)))
        1.0
        [ 1.  1. nan]
    """
    check_classes("f1", classes)
    return F1(Confusion(classes), average)


@checked
def precision(classes: int, average: ClassAverage = Macro()) -> Metric:  # noqa: B008  (a frozen noun)
    """Of the steps where a class was guessed, the share where it came; averaged over the classes.

    A class that came but was never guessed counts 0. One that neither came nor was guessed has
    none, see `f1`, whose arguments, shapes and errors are the same.

    Args:
        classes: how many there are.
        average: `Macro()`, `Micro()`, `BySupport()` or `PerClass()`.

    Raises:
        TypeError: for classes that are no integer, and for an average that is none.
        ValueError: for fewer than two classes; in `update` as `confusion_matrix` does.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.precision(2, evaluation.PerClass())
        >>> outputs, labels = jax.nn.one_hot(jnp.array([0, 0, 1]), 2), jnp.array([0, 1, 1])
        >>> print(metric.compute(metric.update(metric.init(), outputs, labels)))
        [0.5 1. ]
    """
    check_classes("precision", classes)
    return Precision(Confusion(classes), average)


@checked
def recall(classes: int, average: ClassAverage = Macro()) -> Metric:  # noqa: B008  (a frozen noun)
    """Of the steps where a class came, the share where it was guessed; averaged over the classes.

    A class that was guessed but never came counts 0, as in scikit-learn; `balanced_accuracy` leaves
    it out. One that neither came nor was guessed has none, see `f1`, whose arguments, shapes and
    errors are the same.

    Args:
        classes: how many there are.
        average: `Macro()`, `Micro()`, `BySupport()` or `PerClass()`.

    Raises:
        TypeError: for classes that are no integer, and for an average that is none.
        ValueError: for fewer than two classes; in `update` as `confusion_matrix` does.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.recall(2, evaluation.PerClass())
        >>> outputs, labels = jax.nn.one_hot(jnp.array([0, 0, 1]), 2), jnp.array([0, 1, 1])
        >>> print(metric.compute(metric.update(metric.init(), outputs, labels)))
        [1.  0.5]
    """
    check_classes("recall", classes)
    return Recall(Confusion(classes), average)


@checked
def balanced_accuracy(classes: int) -> Metric:
    """The mean recall of the classes that came: accuracy, as if all came equally often.

    Guessing at random, or one class always, scores 1 / (classes that came).

    Shapes: outputs `[T, *batch, classes]` and labels `Int[T, *batch]`.

    Raises:
        TypeError: for classes that are no integer.
        ValueError: for fewer than two classes; in `update` as `confusion_matrix` does.

    Reference:
        Brodersen et al. (2010), The Balanced Accuracy and Its Posterior Distribution, ICPR

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.balanced_accuracy(2)
        >>> outputs, labels = jax.nn.one_hot(jnp.zeros(4, int), 2), jnp.array([0, 0, 0, 1])
        >>> print(metric.compute(metric.update(metric.init(), outputs, labels)))
        0.5
    """
    check_classes("balanced_accuracy", classes)
    return BalancedAccuracy(Confusion(classes))
