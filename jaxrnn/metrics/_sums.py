"""Metrics whose state is a tuple of sums."""

from ._metric import Metric, State


class Sums(Metric):
    """A metric whose state is a named tuple of compensated sums, which add.

    The base of a metric of your own that counts or adds up: it defines `init`, `add` and `compute`.

    Example:
        >>> from typing import NamedTuple
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics, objectives
        >>> class Seen(NamedTuple):
        ...     steps: metrics.Compensated
        >>> class Steps(metrics.Sums):
        ...     def init(self):
        ...         return Seen(metrics.Compensated.zeros())
        ...     def add(self, state, seen):
        ...         _, counted = objectives.score(
        ...             objectives.Entropy(), seen.outputs, seen.targets, seen.where)
        ...         weight = metrics.weigh(counted, seen.weight)
        ...         return self.merge(state, Seen(metrics.Compensated.of(weight.sum())))
        ...     def compute(self, state):
        ...         return state.steps.value()
        >>> metric = Steps()
        >>> print(metric.compute(metric.update(metric.init(), jnp.zeros((5, 2, 3)), None)))
        10.0
    """

    def merge(self, earlier: State, later: State) -> State:
        return type(earlier)(*(a.plus(b) for a, b in zip(earlier, later, strict=True)))
