"""Metrics that keep several states of another metric side by side."""

import abc
from typing import Any

import jax

from ._metric import Metric, Observed, State, several


class Rows(Metric):
    """A metric whose state is another's, once for each row, along a leading axis."""

    metric: Metric

    @property
    @abc.abstractmethod
    def rows(self) -> int:
        """How many states."""

    def init(self) -> State:
        return several(self.metric.init(), (self.rows,))

    def steps(self, seen: Observed) -> tuple[int, ...]:
        return self.metric.steps(seen)

    def merge(self, earlier: State, later: State) -> State:
        return jax.vmap(self.metric.merge)(earlier, later)

    def all_reduce(self, state: State, axis_name: Any) -> State:
        return jax.vmap(lambda state: self.metric.all_reduce(state, axis_name))(state)

    def compute(self, state: State) -> Any:
        return jax.vmap(self.metric.compute)(state)
