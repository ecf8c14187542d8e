"""The square of the log-partition function."""

from typing import Any

import jax.numpy as jnp

from .._typing import Array
from ..information import logsumexp
from ._predictions import OfPredictions
from ._shielded import Shielded


class ZLoss(OfPredictions, Shielded):
    r"""$(\log Z)^2$ with $\log Z = \log \sum_k e^{z_k}$, in squared nats; the targets are not read.

    Probabilities do not change when a number is added to all the logits, so a cross-entropy lets
    them drift to where bfloat16 is coarse. This keeps them in place, as
    `CrossEntropy() + 1e-4 * ZLoss()`: its gradient is $2 \log Z \cdot p$. A logit of `-inf` takes
    no part, and a step of nothing else has the value 0.

    Shapes: outputs `[T, *batch, V]`, logits.

    Raises:
        TypeError: for logits that are not real floating numbers.

    Reference:
        Chowdhery et al. (2022), PaLM: Scaling Language Modeling with Pathways, section 5, which
        weighs it by 1e-4, https://arxiv.org/abs/2204.02311

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import ZLoss
        >>> print(f"{ZLoss()(jnp.array([[1.0, 1.0]]), None)[0]:.4f}")
        2.8667
    """

    def values(self, outputs: Any, targets: Any) -> Array:
        log_z = logsumexp(outputs)
        return jnp.where(log_z == -jnp.inf, 0, log_z) ** 2
