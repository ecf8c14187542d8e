"""Entropy of the predictions, as an objective."""

from typing import Any

from .._typing import Array
from ..information import entropy
from ._objective import Objective


class Entropy(Objective):
    """Entropy of `softmax(outputs)`, in nats; the targets are not read and may be `None`.

    Subtracted, it keeps a network from undue confidence: `CrossEntropy() - 0.01 * Entropy()`.

    Shapes: outputs `[T, *batch, V]`, logits.

    Raises:
        TypeError: for logits that are not real floating numbers.

    Reference:
        Pereyra et al. (2017), Regularizing Neural Networks by Penalizing Confident Output
        Distributions, https://arxiv.org/abs/1701.06548

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import Entropy
        >>> print(f"{Entropy()(jnp.zeros((1, 8)), None)[0]:.4f}")
        2.0794
    """

    def values(self, outputs: Any, targets: Any) -> Array:
        """The entropy of every step."""
        return entropy(outputs)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        """The entropy of every step, beside targets that need not have steps."""
        return super().values_where(outputs, None, where)
