"""What is impossible and does not count."""

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array
from ._objective import Around


class IgnoreInfinite(Around):
    """An objective in which what is infinite does not count.

    It has weight 0, value 0 and no gradient. A sequence of `CTC` is infinite that has too few steps
    for its labels, and one of `CRF` that goes a forbidden way; all of its steps are left out. Of an
    objective that looks at each step alone, only the step is. How many there are shows in the
    weight of `reduce`. In PyTorch it is `CTCLoss(zero_infinity=True)`, which counts what it zeroes
    among the sequences that it averages over; here the mean is that of the others.

    NaN stays what it is. The values are computed twice, to see which of them
    count, but for their derivative.

    Shapes: as the objective takes them.

    Attributes:
        objective: any objective, or a function.

    Raises:
        TypeError, ValueError: what the objective raises.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import CTC, IgnoreInfinite, Transcript, reduce
        >>> outputs = jnp.zeros((2, 2, 3))  # two steps
        >>> targets = Transcript(jnp.array([[1, 1], [2, 1]]), jnp.array([2, 2]))  # "12" and "11"
        >>> for loss in (CTC(), IgnoreInfinite(CTC())):
        ...     batch = reduce(loss, outputs, targets)
        ...     print(f"{batch.weight:.0f} {batch.sum:.4f}")
        4 inf
        2 2.1972
    """

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        counted = self.inner.weight(outputs, targets, where)
        counts = None if counted is None else counted.astype(bool)
        seen = jax.lax.stop_gradient(outputs)
        infinite = jnp.isinf(self.inner.values_where(seen, targets, counts))
        if counts is not None:
            infinite &= counts
        if not self.stepwise:
            infinite = jnp.broadcast_to(jnp.any(infinite, axis=0), infinite.shape)
        if counted is None:
            return ~infinite
        return jnp.where(infinite, jnp.zeros_like(counted), counted)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        values = self.inner.values_where(outputs, targets, where)
        return values if where is None else jnp.where(where, values, 0)
