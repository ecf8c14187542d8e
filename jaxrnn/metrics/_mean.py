"""`Mean`: the weighted mean of an objective."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Array
from ..objectives import ObjectiveLike, as_objective, score
from ._compensated import Compensated
from ._metric import Observed, State
from ._sums import Sums
from ._weights import total, weigh


class MeanState(NamedTuple):
    """The sum of an objective and the weight that it was taken over."""

    total: Compensated
    weight: Compensated


class Mean(Sums):
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
        object.__setattr__(self, "objective", as_objective(self.objective))

    def init(self) -> MeanState:
        return MeanState(Compensated.zeros(), Compensated.zeros())

    def steps(self, seen: Observed) -> tuple[int, ...]:
        def values(outputs: Any, targets: Any) -> Array:
            return score(self.objective, outputs, targets, seen.where)[0]

        return jax.eval_shape(values, seen.outputs, seen.targets).shape

    def add(self, state: State, seen: Observed) -> MeanState:
        values, counted = score(self.objective, seen.outputs, seen.targets, seen.where)
        weights = weigh(counted, seen.weight)
        batch = jax.lax.stop_gradient((total(values, weights), jnp.sum(weights)))
        return self.merge(state, MeanState(*map(Compensated.of, batch)))

    def compute(self, state: State) -> Array:
        return ratio(state.total.value(), state.weight.value())


def ratio(total: Array, weight: Array) -> Array:
    """`total / weight`; NaN where the weight is 0."""
    return jnp.where(weight == 0, jnp.nan, total / jnp.where(weight == 0, 1, weight))
