"""Cross-entropy that looks away from what is already predicted well."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._numerics import (
    check_labels,
    in_range,
    label_weight,
    margin,
    real,
    several_classes,
)
from .._typing import Array, Leaf
from ._objective import Objective


class FocalCrossEntropy(Objective):
    r"""Focal loss $-(1 - p_y)^\gamma \log p_y$ of the label `y` under `p = softmax(outputs)`.

    A label that is already likely counts less, the more so the larger $\gamma$; at 0 it is
    `CrossEntropy`. It is no surprisal: what minimises it is less sure than the data are. It is
    computed from the margin of the other classes over the label, of which $1 - p_y$ is the sigmoid,
    so that values and gradients keep their digits where $p_y$ rounds to 1, and are finite at any
    $\gamma$ where it is 1. Where $p_y$ is 0 the value is `inf` and the gradient that of
    `CrossEntropy`.

    Shapes: outputs `[T, *batch, V]`, logits; targets `Int[T, *batch]`. A label outside `[0, V)` is
    an error where it can be read; inside `jit` its step has weight 0.

    Attributes:
        gamma: at least 0.

    Raises:
        TypeError: for logits that are not real floating, or labels that are not integers.
        ValueError: for shapes that do not fit, a single class, labels outside `[0, V)`, or a gamma
            that is negative, not finite or not one number.

    Reference:
        Lin et al. (2017), Focal Loss for Dense Object Detection, https://arxiv.org/abs/1708.02002

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import CrossEntropy, FocalCrossEntropy
        >>> z, labels = jnp.log(jnp.array([[0.9, 0.1], [0.1, 0.9]])), jnp.array([0, 0])
        >>> for objective in (CrossEntropy(), FocalCrossEntropy()):
        ...     print("{:.4f} {:.4f}".format(*objective(z, labels)))
        0.1054 2.3026
        0.0011 1.8651
    """

    gamma: Leaf = 2.0

    def __post_init__(self) -> None:
        _check.at_least_0("FocalCrossEntropy", gamma=self.gamma)

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        return label_weight("FocalCrossEntropy", outputs, targets, where)

    def values(self, outputs: Any, targets: Any) -> Array:
        z = real("FocalCrossEntropy", "outputs", outputs)
        several_classes("FocalCrossEntropy", z)
        labels = check_labels("FocalCrossEntropy", targets, z.shape)
        _check.number("FocalCrossEntropy", gamma=self.gamma)
        values = _focal(margin(z, labels), jnp.asarray(self.gamma, z.dtype))
        return jnp.where(in_range(labels, z.shape[-1]), values, 0)


def _focal(m: Array, gamma: Array) -> Array:
    """`sigmoid(m)^gamma softplus(m)`, of the margin of the others over the label."""
    # Beyond this margin the sigmoid is 1 and the softplus is m; its derivative would be 0 * inf.
    wide = m > 1000
    finite = jnp.maximum(jnp.where(wide, 0, m), np.finfo(m.dtype).min)
    value = jnp.exp(-gamma * jax.nn.softplus(-finite)) * jax.nn.softplus(finite)
    return jnp.where(wide, m, value)
