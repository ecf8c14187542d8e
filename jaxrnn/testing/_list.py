"""`laws`: what a noun owes."""

from types import SimpleNamespace

from ..cells import Cell
from ._cells import CELL_LAWS
from ._law import Law


def laws(noun: Cell) -> tuple[Law, ...]:
    """The laws that a noun owes, in the order in which they are checked.

    Example:
        >>> from jaxrnn import cells, testing
        >>> print(testing.laws(cells.GRU(3, 4))[-1].statement)
        `mix` is affine in the carry.
    """
    case = SimpleNamespace(noun=noun)
    return tuple(law for law in CELL_LAWS if law.applies(case))
