"""`score`: a value and a weight for every step; `reduce`: the sum of both."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from .._typing import Array, ArrayLike
from ._evaluate import evaluate
from ._objective import ObjectiveLike, as_objective


class Weighted(NamedTuple):
    """A sum and the weight that it was taken over.

    Pairs add, and `jax.lax.psum` adds them over devices; only their mean is a loss. The mean of two
    batches' means is not: it weighs a batch of one valid step like one of a thousand.

    Example:
        >>> from jaxrnn.objectives import Weighted
        >>> pair = Weighted(8.0, 2.0) + Weighted(1.0, 1.0)
        >>> print(pair.mean())
        3.0
    """

    sum: Array
    weight: Array

    def __add__(self, other: "Weighted") -> "Weighted":  # type: ignore[override]
        if not isinstance(other, Weighted):
            return NotImplemented
        return Weighted(self.sum + other.sum, self.weight + other.weight)

    def __radd__(self, other: Any) -> "Weighted":
        """The pair itself beside the 0 that `sum` begins with."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def mean(self) -> Array:
        """`sum / weight`; 0, with gradient 0, where nothing counts."""
        weight = jnp.asarray(self.weight)
        return self.sum / jnp.where(weight == 0, 1, weight)


def score(
    objective: ObjectiveLike, outputs: Any, targets: Any, where: ArrayLike | None = None
) -> tuple[Array, Array]:
    """The value of every step, 0 where it does not count, and how much it counts.

    What `reduce` adds up, and every metric of an objective. The weight is what the objective makes
    of `where`: 0 at a label that is no class, for instance.

    Args:
        objective: an objective, or a function `(outputs, targets) -> values [T, *batch]`.
        outputs: what the network gave, `[T, *batch, features]`.
        targets: what it should have given.
        where: `Bool[T, *batch]`, False at padding.

    Returns:
        Two arrays `[T, *batch]` of one dtype.

    Raises:
        TypeError: what calling the objective raises.
        ValueError: likewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import Accuracy, score
        >>> outputs, labels = jnp.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]]), jnp.array([0, 1, 0])
        >>> values, weight = score(Accuracy(), outputs, labels, jnp.array([True, False, True]))
        >>> print(values, weight)
        [1. 0. 0.] [1. 0. 1.]
    """
    return evaluate(as_objective(objective), outputs, targets, where)


def reduce(
    objective: ObjectiveLike, outputs: Any, targets: Any, *, where: ArrayLike | None = None
) -> Weighted:
    """Sum an objective over the steps that count, and their weight.

    Args:
        objective: an objective, or a function `(outputs, targets) -> values [T, *batch]`.
        outputs: what the network gave, `[T, *batch, features]`.
        targets: what it should have given.
        where: `Bool[T, *batch]`, False at padding.

    Returns:
        `Weighted(sum, weight)`, two scalars; the loss is its `.mean()`.

    Raises:
        TypeError, ValueError: what the objective raises.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import CrossEntropy, reduce
        >>> outputs, labels = jnp.zeros((5, 2, 4)), jnp.zeros((5, 2), int)
        >>> where = jnp.arange(5)[:, None] < jnp.array([3, 5])
        >>> batch = reduce(CrossEntropy(), outputs, labels, where=where)
        >>> print(f"{batch.weight:.0f} {batch.mean():.4f}")
        8 1.3863
    """
    values, weight = score(objective, outputs, targets, where)
    return Weighted(jnp.sum(values * weight), jnp.sum(weight))
