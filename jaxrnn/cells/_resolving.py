"""`Resolving`: a cell that puts another one in its place before the loop."""

import abc
from typing import Any

import jax

from .._typing import Batch, Carry, Inputs, Key, Params
from ._cell import Cell


class Resolving(Cell):
    """A cell around another one, of its kind, that is gone when the loop begins.

    It defines `resolve`, which says what is run instead, so a step costs what it costs of the cell
    inside. Its parameters are those of the cell inside, unless it says otherwise.
    """

    cell: Cell

    @abc.abstractmethod
    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple[Cell, Params]:
        """What is run instead: a cell that is none of these, and its parameters."""

    def init(self, key: Key) -> Params:
        return self.cell.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.cell.carry(params, batch)

    def draw(self, params: Params, xs: Inputs, key: Key) -> Inputs:
        return self.cell.draw(params, xs, key)

    def detach(self, carry: Carry, x: Inputs) -> Carry:
        return self.cell.detach(carry, x)

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        cell, params = self.resolve(params)
        return cell.step(params, carry, x)

    def gates(self, params: Params, carry: Carry, x: Inputs) -> dict[str, Any]:
        cell, params = self.resolve(params)
        return cell.gates(params, carry, x)

    @property
    def kind(self) -> type[Cell]:
        return self.cell.kind

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        return self.cell.input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        return self.cell.output_shape


def leading(cell: Cell, xs: Inputs) -> Batch:
    """`[T, *batch]` of the inputs of a cell, whose other axes are features."""
    first = jax.tree.leaves(xs)[0]
    axes = 1 if cell.input_shape is None else len(cell.input_shape)
    shape: Batch = first.shape[: first.ndim - axes]
    return shape
