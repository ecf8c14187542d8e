"""Metrics that keep several states of another metric side by side."""

import abc
from typing import Any

import jax

from ._metric import Metric, State, several


class Rows(Metric):
    """A metric whose state is another's, once for each row, along a leading axis."""

    metric: Metric

    @property
    @abc.abstractmethod
    def rows(self) -> int:
        """How many states."""

    def init(self) -> State:
        """The other's state, once for each row."""
        return several(self.metric.init(), (self.rows,))

    def merge(self, earlier: State, later: State) -> State:
        """Merge row by row."""
        return jax.vmap(self.metric.merge)(earlier, later)

    def all_reduce(self, state: State, axis_name: Any) -> State:
        """Reduce row by row."""
        return jax.vmap(lambda state: self.metric.all_reduce(state, axis_name))(state)

    def compute(self, state: State) -> Any:
        """The values, with a leading axis of rows."""
        return jax.vmap(self.metric.compute)(state)
