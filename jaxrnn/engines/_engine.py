"""`Engine`: how a cell is run through time."""

import abc
from typing import Any, Generic, TypeVar

from .._config import Config
from .._typing import Carry, Inputs, Params
from ..cells import AssociativeCell, Cell, GatedCell, LinearCell, MemoryCell

Kind = TypeVar("Kind", bound=Cell, contravariant=True)


class Engine(Config, Generic[Kind]):
    """Called as `(cell, params, carry, xs) -> (carry, ys)` with xs `[T, *batch, ...]`, T >= 1.

    `Kind` is the kind of cell that the engine runs: an `Engine[Cell]` runs every cell, and a type
    checker refuses a `LinearCell` for an `Engine[GatedCell]`.
    """

    @abc.abstractmethod
    def run(self, cell: Kind, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        """Run a cell of the right kind over `xs`."""

    @property
    def takes(self) -> type[Cell]:
        """`Kind`, as a class."""
        return Cell

    def check(self, cell: Cell) -> None:
        """Raise `TypeError` if the engine does not run this kind of cell."""
        if not issubclass(cell.kind, self.takes):
            article = "an" if self.takes is AssociativeCell else "a"
            raise TypeError(
                f"`{type(self).__name__}` runs {article} `{self.takes.__name__}`, got "
                f"`{type(cell).__name__}` (a `{cell.kind.__name__}`). {_REMEDIES[self.takes]}"
            )

    def __call__(
        self, cell: Kind, params: Params, carry: Carry, xs: Inputs
    ) -> tuple[Carry, Inputs]:
        """Check that engine and cell fit, then run."""
        self.check(cell)
        resolved: tuple[Any, Params] = cell.resolve(params)
        return self.run(*resolved, carry, xs)


_REMEDIES: dict[Any, str] = {
    GatedCell: "Use `Scan()`, or give the cell the methods `project`, `mix` and `gate`.",
    AssociativeCell: "Use `Scan()`: only steps that compose run in parallel this way.",
    LinearCell: "Use `Scan()`: only linear recurrences have loops of this form.",
    MemoryCell: "Use `Auto()`: chunks are for cells with a matrix memory.",
}
