"""`Engine`: how a cell is run through time."""

import abc
from typing import Any, Generic, TypeVar

from .._config import Config
from .._typing import Carry, Inputs, Params
from ..cells import Cell, GatedCell, LinearCell

Kind = TypeVar("Kind", bound=Cell, contravariant=True)


class Engine(Config, Generic[Kind]):
    """Called as `(cell, params, carry, xs) -> (carry, ys)` with xs `[T, *batch, ...]`, T >= 1.

    `Kind` is the kind of cell that the engine runs: an `Engine[Cell]` runs every cell, and a type
    checker refuses a `LinearCell` for an `Engine[GatedCell]`.
    """

    @abc.abstractmethod
    def run(self, cell: Kind, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        """Run `cell`, which the engine takes, over `xs`."""

    @property
    def takes(self) -> type[Cell]:
        """`Kind`, as a class."""
        return Cell

    def check(self, cell: Cell) -> None:
        """Raise `TypeError` if the engine does not run this kind of cell."""
        if not isinstance(cell, self.takes):
            raise TypeError(
                f"`{type(self).__name__}` runs a `{self.takes.__name__}`, got "
                f"`{type(cell).__name__}` (a `{_kind(cell)}`). {_REMEDIES[self.takes]}"
            )

    def __call__(
        self, cell: Kind, params: Params, carry: Carry, xs: Inputs
    ) -> tuple[Carry, Inputs]:
        """Check that engine and cell fit, then run."""
        self.check(cell)
        return self.run(cell, params, carry, xs)


_REMEDIES: dict[Any, str] = {
    GatedCell: "Use `Scan()`, or give the cell the methods `project`, `mix` and `gate`.",
    LinearCell: "Use `Scan()`: only a linear recurrence runs in parallel this way.",
}


def _kind(cell: Cell) -> str:
    kinds: list[Any] = [GatedCell, LinearCell, Cell]
    return next(kind.__name__ for kind in kinds if isinstance(cell, kind))
