"""A label that says: do not count this step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._numerics import narrow
from .._typing import Array
from ._objective import Around


class IgnoreIndex(Around):
    """An objective of labels, in which a step whose label is `index` does not count.

    It has weight 0, value 0 and no gradient, whatever the outputs hold there. The index may be a
    class, such as that of the padding, or none, such as the customary -100. Any other label out of
    range is what it is to the objective: an error where it can be read, and never one that wraps
    around. A sum is wrapped as a whole, `IgnoreIndex(CrossEntropy() - 0.01 * Entropy(), -100)`;
    what stands outside reads the labels as they are.

    Shapes: targets `Int[T, *batch]`; outputs as the objective takes them.

    Attributes:
        objective: any objective of one label a step, or a function.
        index: the label; static.

    Raises:
        TypeError: for an index or targets that are not integers.
        ValueError: for an index that the labels' dtype cannot hold, and what the objective raises.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import CrossEntropy, IgnoreIndex, reduce
        >>> loss = IgnoreIndex(CrossEntropy(), -100)
        >>> batch = reduce(loss, jnp.zeros((3, 4)), jnp.array([2, 0, -100]))
        >>> print(f"{batch.weight:.0f} {batch.mean():.4f}")
        2 1.3863
    """

    index: int = jax.tree.static()

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        return self.inner.weight(outputs, targets, self._others(targets, where))

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        return self.inner.values_where(outputs, targets, self._others(targets, where))

    def _others(self, targets: Any, where: Array | None) -> Array:
        """`where`, without the steps whose label is the index."""
        array = jax.tree_util.all_leaves([targets])
        if not array or not jnp.issubdtype(jnp.result_type(targets), jnp.integer):
            came = _check.describe(targets) if array else type(targets).__name__
            raise TypeError(
                f"IgnoreIndex: targets must be integer labels, one a step, got {came}. "
                "Use the objective's `where` for targets of another kind."
            )
        labels = jnp.asarray(targets)
        least, most = np.iinfo(labels.dtype).min, np.iinfo(labels.dtype).max
        if not least <= self.index <= most:
            raise ValueError(
                f"IgnoreIndex: labels of {labels.dtype} cannot be {self.index}, so none would be "
                "ignored. Cast them with `.astype(jnp.int32)` before the index is written in."
            )
        return narrow("IgnoreIndex", where, labels != jnp.asarray(self.index, labels.dtype))
