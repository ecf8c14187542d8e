"""Cross-entropy of one class per step."""

from typing import Any

import jax.numpy as jnp

from .. import _check
from .._numerics import (
    are_labels,
    check_labels,
    class_weight,
    expectation,
    own_logit,
    real,
    several_classes,
)
from .._typing import Array, Leaf
from ..information import log_softmax, surprisal
from ._objective import Objective
from ._shielded import Shielded


class CrossEntropy(Shielded):
    r"""Cross-entropy between one target class per step and `softmax(outputs)`, in nats.

    $-\sum_k q_k \log p_k$, with `q` the target: an integer label, whose value is its surprisal, or
    a distribution. With smoothing `a` the target is $(1 - a) q + a / V$, the uniform part spread
    over the classes whose logit is not `-inf`. For several labels at once use
    `MultiLabelCrossEntropy`.

    Shapes: outputs `[T, *batch, V]`, logits; targets `Int[T, *batch]` or `Float[T, *batch, V]`.
    A label outside `[0, V)` is an error where it can be read; inside `jit` its step has weight 0.
    So is, and has, a row of several labels, or any that does not sum to 1 within 0.01: a weight of
    `reduce` below the number of steps tells.

    Attributes:
        smoothing: `a`, in [0, 1). `None`, and not a number that `jit` cannot tell from another, is
            no smoothing and costs nothing; a number about doubles the cost.

    Raises:
        TypeError: for logits, labels or distributions of another dtype.
        ValueError: for shapes that do not fit, a single class, labels outside `[0, V)`, and
            distributions that are negative or do not sum to 1; for a smoothing outside [0, 1), or
            one that is not one number.

    Reference:
        Szegedy et al. (2016), Rethinking the Inception Architecture, section 7 (smoothing),
        https://arxiv.org/abs/1512.00567

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import CrossEntropy
        >>> values = CrossEntropy()(jnp.array([[20.0, 0.0], [0.0, 0.0]]), jnp.array([0, 1]))
        >>> print(f"{values[0]:.4e} {values[1]:.4f}")
        2.0612e-09 0.6931
    """

    smoothing: Leaf | None = None

    def __post_init__(self) -> None:
        if self.smoothing is not None:
            _check.fraction("CrossEntropy", smoothing=self.smoothing)

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        return class_weight("CrossEntropy", outputs, targets, where)

    def values(self, outputs: Any, targets: Any) -> Array:
        z = real("CrossEntropy", "outputs", outputs)
        several_classes("CrossEntropy", z)
        if are_labels("CrossEntropy", outputs, targets):
            labels = check_labels("CrossEntropy", targets, z.shape)
            value, own = surprisal(z, labels), own_logit(z, labels)
        else:
            q = jnp.asarray(targets).astype(z.dtype)
            value, own = expectation(q, -log_softmax(z)), expectation(q, z)
        if self.smoothing is None:
            return value
        _check.number("CrossEntropy", smoothing=self.smoothing)
        return value + jnp.asarray(self.smoothing, z.dtype) * _over_uniform(z, own)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        if self.smoothing is None:
            return super().values_where(outputs, targets, where)
        return Objective.values_where(self, outputs, targets, where)  # `smoothing` is of all steps


def _over_uniform(z: Array, own: Array) -> Array:
    """`H(uniform, p) - H(q, p)`: how much dearer the uniform target is, from `E_q[z]`."""
    possible = z > -jnp.inf
    share = jnp.maximum(jnp.sum(possible, axis=-1, keepdims=True, dtype=z.dtype), 1)
    # Divided before all else: logits masked with the least finite number must not overflow.
    dearer = jnp.where(own == -jnp.inf, 0, own)[..., None] / share - z / share
    return jnp.sum(jnp.where(possible, dearer, 0), axis=-1)
