"""`Auto`: the default engine, a table of rules."""

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Carry, Inputs, Key, Params
from ..cells import AssociativeCell, Cell, GatedCell, LinearCell, MemoryCell, MemoryStep
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
    | `MemoryCell` of 16 x 16 numbers a head or more, 32 x 32 if it erases | CPU | `Chunkwise(32)` |
    | any | any | `Scan()` |

    `Fused` is not among them: it has not been measured on any device.

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
            return _on_cpu(cell) if cpu else Chunkwise()
        return LinearScan() if issubclass(cell.kind, LinearCell) else Scan()

    def run(self, cell: Cell, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        return self.choose(cell).run(cell, params, carry, xs)


def _on_cpu(cell: MemoryCell) -> Engine[Any]:
    """Chunks, where a head is large enough for products of matrices to pay; a cell that erases
    before it writes also solves a triangular system in every chunk."""
    _, k, v = cell.memory_shape
    large = k * v >= 32 * 32 or (k * v >= 16 * 16 and not _erases(cell))
    return Chunkwise(32) if large else Scan()


def _erases(cell: MemoryCell) -> bool:
    def step(key: Key) -> MemoryStep:
        return cell.project(cell.init(key), jnp.zeros(cell.input_shape))

    return jax.eval_shape(step, jax.random.key(0)).erase is not None
