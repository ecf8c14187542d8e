"""`top_k`: accuracy with several guesses."""

from .._checked import checked
from ..metrics import Metric, accuracy


@checked
def top_k(k: int) -> Metric:
    """The share of the steps whose label is among the `k` highest outputs: `metrics.accuracy(k)`.

    Equal outputs rank by class, the lower first; NaN outranks all, and is never right.

    Shapes: outputs `[T, *batch, classes]` and labels `Int[T, *batch]`.

    Raises:
        TypeError: for a `k` that is no integer.
        ValueError: for a `k` below 1; in `update`, for one above the number of classes.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.top_k(2)
        >>> outputs, labels = jnp.array([[3.0, 2.0, 1.0]] * 3), jnp.array([0, 1, 2])
        >>> print(f"{metric.compute(metric.update(metric.init(), outputs, labels)):.3f}")
        0.667
    """
    return accuracy(k)
