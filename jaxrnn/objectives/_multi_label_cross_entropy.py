"""Cross-entropy of several yes-or-no labels per step."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import real, unit_weight
from .._typing import Array
from ._objective import Objective


class MultiLabelCrossEntropy(Objective):
    r"""Cross-entropy of K independent yes-or-no labels per step, in nats, summed over the labels.

    $\sum_k y_k\,\mathrm{softplus}(-z_k) + (1 - y_k)\,\mathrm{softplus}(z_k)$ with logits `z`. The
    sum is the surprisal of the whole label vector; `MultiLabelCrossEntropy() / K` is the mean.
    For one class out of several use `CrossEntropy`: the two differ, and their targets' shapes do.

    Shapes: outputs `[T, *batch, K]`, logits; targets the same, bool, integer or floating in [0, 1].
    One outside [0, 1] is an error where it can be read; inside `jit` its step has weight 0.

    Raises:
        TypeError: for logits that are not real floating numbers.
        ValueError: for targets of another shape, or outside [0, 1] where they can be read.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import MultiLabelCrossEntropy
        >>> values = MultiLabelCrossEntropy()(jnp.array([[0.0, 20.0]]), jnp.array([[True, True]]))
        >>> print(f"{values[0]:.4f}")
        0.6931
    """

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        _check.one_array("MultiLabelCrossEntropy", outputs=outputs, targets=targets)
        if jnp.shape(outputs) != jnp.shape(targets):
            raise ValueError(
                "MultiLabelCrossEntropy: targets must have the outputs' shape "
                f"{jnp.shape(outputs)}, one label for each logit, got {_check.describe(targets)}. "
                "For one class out of several use `CrossEntropy()`."
            )
        return unit_weight("MultiLabelCrossEntropy", targets, where, distributions=False)

    def values(self, outputs: Any, targets: Any) -> Array:
        z = real("MultiLabelCrossEntropy", "outputs", outputs)
        y = jnp.asarray(targets).astype(z.dtype)
        # Selected, so that a logit of +-inf that agrees with its label costs 0, not 0 * inf.
        yes = y * jnp.where(y == 0, 0, jax.nn.softplus(-z))
        no = (1 - y) * jnp.where(y == 1, 0, jax.nn.softplus(z))
        return jnp.sum(yes + no, axis=-1)
