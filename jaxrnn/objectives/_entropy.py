"""Entropy of the predictions as an objective, and the penalty for too little of it."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import real
from .._typing import Array, Leaf
from ..information import entropy, kl_divergence
from ._predictions import OfPredictions
from ._shielded import Shielded


class Entropy(OfPredictions, Shielded):
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
        return entropy(outputs)


class ConfidencePenalty(OfPredictions):
    r"""How far `softmax(outputs)` is from enough entropy, in nats; the targets are not read.

    With a threshold it is $\max(0, \Gamma - H(p))$, which leaves predictions alone whose entropy is
    at least $\Gamma$. Without one it is the divergence to the uniform distribution over the classes
    whose logit is not `-inf`, $D(p \| u) = \log V - H(p)$: the same gradient as `-Entropy()`, from
    a value that is never negative. Used as `CrossEntropy() + 0.1 * ConfidencePenalty()`.

    Shapes: outputs `[T, *batch, V]`, logits.

    Attributes:
        threshold: $\Gamma$, in nats, at least 0; `None` for the divergence.

    Raises:
        TypeError: for logits that are not real floating numbers.
        ValueError: for a threshold that is negative, not finite or not one number.

    Reference:
        Pereyra et al. (2017), Regularizing Neural Networks by Penalizing Confident Output
        Distributions, https://arxiv.org/abs/1701.06548

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import ConfidencePenalty
        >>> sure, unsure = jnp.array([[20.0, 0.0]]), jnp.array([[0.0, 0.0]])
        >>> for penalty in (ConfidencePenalty(), ConfidencePenalty(threshold=0.5)):
        ...     print(f"{penalty(sure, None)[0]:.4f} {penalty(unsure, None)[0]:.4f}")
        0.6931 0.0000
        0.5000 0.0000
    """

    threshold: Leaf | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None:
            _check.at_least_0("ConfidencePenalty", threshold=self.threshold)

    def values(self, outputs: Any, targets: Any) -> Array:
        if self.threshold is not None:
            _check.number("ConfidencePenalty", threshold=self.threshold)
            h = entropy(outputs)
            return jax.nn.relu(jnp.asarray(self.threshold, h.dtype) - h)
        z = real("ConfidencePenalty", "outputs", outputs)
        return kl_divergence(z, jnp.where(z == -jnp.inf, z, 0))
