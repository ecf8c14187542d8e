"""`OfPredictions`: what the objectives that read no targets share."""

from typing import Any

from .._typing import Array
from ._objective import Objective


class OfPredictions(Objective):
    """An objective of the outputs alone; the targets are not read and may be `None`."""

    @property
    def stepwise(self) -> bool:
        return True

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        return super().values_where(outputs, None, where)
