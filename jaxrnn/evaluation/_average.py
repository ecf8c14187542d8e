"""How the scores of several classes become one."""

import abc
from typing import Any

import jax.numpy as jnp

from .._config import Config
from .._typing import Array


class ClassAverage(Config):
    """A way to make one number of the scores of all classes.

    The score of class k is `part[k] / whole[k]`. `support` is how often each class came, and
    `present` says which classes have a score at all. A class that is present with `whole` 0 scores
    0, as in scikit-learn.
    """

    @classmethod
    def _remedy(cls, value: Any) -> str:
        return "Say how: `evaluation.Macro()`, `Micro()`, `BySupport()` or `PerClass()`."

    @abc.abstractmethod
    def reduce(self, part: Array, whole: Array, support: Array, present: Array) -> Array:
        """One number, or one for each class, of arrays `[classes]`; NaN where there is none."""


class Macro(ClassAverage):
    """The mean over the classes that are present, be they common or rare.

    Example:
        >>> from jaxrnn import evaluation
        >>> evaluation.f1(3, evaluation.Macro()) == evaluation.f1(3)
        True
    """

    def reduce(self, part: Array, whole: Array, support: Array, present: Array) -> Array:
        scores = jnp.where(present, share(part, whole), 0)
        return divide(jnp.sum(scores), jnp.sum(present, dtype=scores.dtype))


class BySupport(ClassAverage):
    """The mean over the classes, each as often as it came.

    Example:
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.f1(3, evaluation.BySupport())
    """

    def reduce(self, part: Array, whole: Array, support: Array, present: Array) -> Array:
        weight = jnp.where(present, support, 0)
        scores = jnp.where(weight == 0, 0, share(part, whole))
        return divide(jnp.sum(weight * scores), jnp.sum(weight))


class Micro(ClassAverage):
    """The score of all decisions together: of the sums over the classes.

    Example:
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.f1(3, evaluation.Micro())
    """

    def reduce(self, part: Array, whole: Array, support: Array, present: Array) -> Array:
        return divide(jnp.sum(part), jnp.sum(whole))


class PerClass(ClassAverage):
    """No average: the score of every class, `[classes]`; NaN for a class without one.

    Example:
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.f1(3, evaluation.PerClass())
    """

    def reduce(self, part: Array, whole: Array, support: Array, present: Array) -> Array:
        return jnp.where(present, share(part, whole), jnp.nan)


def share(part: Array, whole: Array) -> Array:
    """`part / whole`, and 0 where the whole is 0."""
    return jnp.where(whole == 0, 0, part / jnp.where(whole == 0, 1, whole))


def divide(part: Array, whole: Array) -> Array:
    """`part / whole`, and NaN where the whole is 0."""
    return jnp.where(whole == 0, jnp.nan, part / jnp.where(whole == 0, 1, whole))
