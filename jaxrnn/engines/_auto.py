"""`Auto`: the default engine, a table of rules."""

from typing import Any

import jax

from .._typing import Carry, Inputs, Params
from ..cells import AssociativeCell, Cell, GatedCell, LinearCell, MemoryCell
from ._associative import Associative
from ._bptt import BPTT
from ._chunkwise import Chunkwise
from ._engine import Engine
from ._linear_scan import LinearScan
from ._scan import Scan


class Auto(Engine[Cell]):
    """Choose by the kind of cell and the platform.

    | cell | platform | engine |
    |---|---|---|
    | `GatedCell` | any | `BPTT()` |
    | `AssociativeCell` | GPU, TPU | `Associative()` |
    | `LinearCell` | CPU | `LinearScan()` |
    | `MemoryCell` | GPU, TPU | `Chunkwise()` |
    | `MemoryCell` of at least 32 x 32 numbers a head | CPU | `Chunkwise(32)` |
    | any | any | `Scan()` |

    Each of these supports every transformation: `jit`, `vmap`, `grad`, `jvp`, `jacfwd`, `hessian`
    and `checkpoint`.

    Example:
        >>> import jaxrnn
        >>> jaxrnn.engines.Auto().choose(jaxrnn.cells.LSTM(3, 4))
        BPTT(block=None)
    """

    def choose(self, cell: Cell) -> Engine[Any]:
        """The engine that runs `cell` here."""
        if issubclass(cell.kind, GatedCell):
            return BPTT()
        cpu = jax.default_backend() == "cpu"
        if issubclass(cell.kind, AssociativeCell) and not cpu:
            return Associative()
        if isinstance(cell, MemoryCell):
            _, k, v = cell.memory_shape
            on_cpu = Scan() if k * v < 32 * 32 else Chunkwise(32)
            return on_cpu if cpu else Chunkwise()
        return LinearScan() if issubclass(cell.kind, LinearCell) else Scan()

    def run(self, cell: Cell, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        return self.choose(cell).run(cell, params, carry, xs)
