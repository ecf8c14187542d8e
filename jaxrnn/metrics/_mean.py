"""`Mean`: the weighted mean of an objective."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Array, ArrayLike
from ..objectives import ObjectiveLike, as_objective, score
from ._compensated import Compensated
from ._metric import Metric, State
from ._weights import total, weigh


class MeanState(NamedTuple):
    """The sum of an objective and the weight that it was taken over."""

    total: Compensated
    weight: Compensated


class Mean(Metric):
    """The mean of an objective over all the steps that count, exact over 1e7 steps and more.

    NaN where no step counted. Never a mean of means: a batch of one valid step weighs one step.

    Attributes:
        objective: an objective, or a function `(outputs, targets) -> values [T, *batch]`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics, objectives
        >>> error = metrics.Mean(objectives.SquaredError())
        >>> state = error.update(error.init(), jnp.ones((2, 3, 1)), jnp.zeros((2, 3, 1)))
        >>> print(error.compute(state))
        1.0
    """

    objective: ObjectiveLike

    def __post_init__(self) -> None:
        """Make a function an objective."""
        object.__setattr__(self, "objective", as_objective(self.objective))

    def init(self) -> MeanState:
        """Nothing, of no weight."""
        zero = Compensated(jnp.zeros((), jnp.float32), jnp.zeros((), jnp.float32))
        return MeanState(zero, zero)

    def update(
        self,
        state: State,
        outputs: Any,
        targets: Any,
        *,
        where: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> MeanState:
        """Add a batch's sum and weight."""
        values, counted = score(as_objective(self.objective), outputs, targets, where)
        weights = weigh(counted, weight)
        batch = jax.lax.stop_gradient((total(values, weights), jnp.sum(weights)))
        return self.merge(state, MeanState(*map(Compensated.of, batch)))

    def merge(self, earlier: State, later: State) -> MeanState:
        """Add sums and weights."""
        return MeanState(earlier.total.plus(later.total), earlier.weight.plus(later.weight))

    def compute(self, state: State) -> Array:
        """Sum over weight."""
        return ratio(state.total.value(), state.weight.value())


def ratio(total: Array, weight: Array) -> Array:
    """`total / weight`; NaN where the weight is 0."""
    return jnp.where(weight == 0, jnp.nan, total / jnp.where(weight == 0, 1, weight))
