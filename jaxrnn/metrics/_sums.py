"""Metrics whose state is a tuple of sums."""

from ._metric import Metric, State


class Sums(Metric):
    """A metric whose state is a named tuple of compensated sums, which add."""

    def merge(self, earlier: State, later: State) -> State:
        return type(earlier)(*(a.plus(b) for a, b in zip(earlier, later, strict=True)))
