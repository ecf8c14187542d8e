"""`Auto`: the default engine, a table of rules."""

from typing import Any

import jax

from .._typing import Carry, Inputs, Params
from ..cells import Cell, GatedCell, LinearCell
from ._associative import Associative
from ._bptt import BPTT
from ._engine import Engine
from ._scan import Scan
from ._steps import bare


class Auto(Engine[Cell]):
    """Choose by the kind of cell and the platform.

    | cell | platform | engine |
    |---|---|---|
    | `GatedCell` | any | `BPTT()` |
    | `LinearCell` | GPU, TPU | `Associative()` |
    | any | any | `Scan()` |

    Only engines that support every transformation (`jit`, `vmap`, `grad`, `jvp`, `jacfwd`,
    `hessian`, `checkpoint`) are ever chosen; the others are chosen by name.

    Example:
        >>> import jaxrnn
        >>> jaxrnn.engines.Auto().choose(jaxrnn.cells.LSTM(3, 4))
        BPTT(block=None)
    """

    def choose(self, cell: Cell) -> Engine[Any]:
        """The engine that runs `cell` here."""
        cell, on_cpu = bare(cell), jax.default_backend() == "cpu"
        if isinstance(cell, GatedCell):
            return BPTT()
        if isinstance(cell, LinearCell) and not on_cpu:
            return Associative()
        return Scan()

    def run(self, cell: Cell, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        """Run the chosen engine."""
        return self.choose(cell).run(cell, params, carry, xs)
