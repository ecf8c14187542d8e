"""`laws`: what a noun owes."""

from types import SimpleNamespace

from .._kinds import shown
from ..cells import Cell
from ..metrics import Metric
from ..networks import Layer
from ..objectives import Objective
from ._cells import CELL_LAWS
from ._law import Law
from ._layers import LAYER_LAWS
from ._metrics import METRIC_LAWS
from ._objectives import OBJECTIVE_LAWS

Noun = Cell | Layer | Metric | Objective


def laws(noun: Noun) -> tuple[Law, ...]:
    """The laws that a noun owes, in the order in which they are checked.

    Raises:
        TypeError: for what is no cell, layer, metric or objective.

    Example:
        >>> from jaxrnn import cells, testing
        >>> print(testing.laws(cells.GRU(3, 4))[-1].statement)
        `mix` is affine in the carry.
    """
    kinds: dict[type, tuple[Law, ...]] = {
        Cell: CELL_LAWS,
        Layer: LAYER_LAWS,
        Metric: METRIC_LAWS,
        Objective: OBJECTIVE_LAWS,
    }
    case = SimpleNamespace(noun=noun)
    for kind, several in kinds.items():
        if isinstance(noun, kind):
            return tuple(law for law in several if law.applies(case))
    names = ", ".join(kind.__name__ for kind in kinds)
    raise TypeError(f"laws: noun must be a kind of {names}, got {shown(noun)}.")
