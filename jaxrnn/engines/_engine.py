"""`Engine`: how a cell is run through time."""

import abc

from .._config import Config
from .._typing import Carry, Inputs, Params
from ..cells import Cell, GatedCell, LinearCell


class Engine(Config):
    """Called as `(cell, params, carry, xs) -> (carry, ys)` with xs `[T, *batch, ...]`, T >= 1."""

    @abc.abstractmethod
    def run(self, cell: Cell, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        """Run `cell`, which the engine takes, over `xs`."""

    @property
    def takes(self) -> type[Cell]:
        """The kind of cell that the engine runs."""
        return Cell

    def check(self, cell: Cell) -> None:
        """Raise `TypeError` if the engine does not run this kind of cell."""
        if not isinstance(cell, self.takes):
            raise TypeError(
                f"`{type(self).__name__}` runs a `{self.takes.__name__}`, got "
                f"`{type(cell).__name__}` (a `{_kind(cell)}`). {_REMEDIES[self.takes]}"
            )

    def __call__(
        self, cell: Cell, params: Params, carry: Carry, xs: Inputs
    ) -> tuple[Carry, Inputs]:
        """Check that engine and cell fit, then run."""
        self.check(cell)
        return self.run(cell, params, carry, xs)


_REMEDIES: dict[type[Cell], str] = {
    GatedCell: "Use `Scan()`, or give the cell the methods `project`, `mix` and `gate`.",
    LinearCell: "Use `Scan()`: only a linear recurrence can be run this way.",
}


def _kind(cell: Cell) -> str:
    kinds = (GatedCell, LinearCell, Cell)
    return next(kind.__name__ for kind in kinds if isinstance(cell, kind))
