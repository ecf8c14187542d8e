"""`summary`: a network as a table."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import _check
from .._checked import checked
from .._typing import Params
from ..cells import Cell
from ._layer import Layer
from ._parallel import Parallel
from ._reading import Shape


@checked
def parameter_count(params: Params) -> int:
    """How many numbers a tree of parameters holds.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> networks.parameter_count(networks.Dense(3, 5).init(jax.random.key(0)))
        20
    """
    refuse_definition("parameter_count", params)
    return sum(int(np.prod(np.shape(leaf), dtype=np.int64)) for leaf in jax.tree.leaves(params))


def refuse_definition(who: str, params: Params) -> None:
    """Raise where a network or a cell stands in the place of its parameters."""
    if isinstance(params, Layer | Cell):
        name = type(params).__name__
        raise TypeError(
            f"{who}: params must be a tree of arrays, got the definition `{name}(...)`, which has "
            "none. Pass its parameters: `network.init(key)`, or what training returned."
        )


@checked
def summary(network: Layer) -> str:
    """A table of the network's layers, their output shapes, and their numbers of parameters.

    Nothing is computed, and no memory used, whatever the sizes. `?` is a shape that is not known.

    Example:
        >>> from jaxrnn import cells, networks
        >>> print(networks.summary(networks.stack(
        ...     embedding=networks.Embedding(20, 8),
        ...     rnn=networks.Recurrent(cells.LSTM(8, 16)),
        ...     readout=networks.Dense(16, 20))))
        layer                    gives            parameters
        Stack                    [T, *batch, 20]       2,100
          embedding: Embedding   [T, *batch, 8]          160
          rnn: Recurrent (LSTM)  [T, *batch, 16]       1,600
          readout: Dense         [T, *batch, 20]         340
    """
    _check.kind("summary", "network", network, Layer)
    rows = [_Row("layer", "gives", "parameters"), *_rows(network, "", _Flow(network.input_shape))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"{layer:<{widths[0]}}  {gives:<{widths[1]}}  {count:>{widths[2]}}"
        for layer, gives, count in rows
    )


class _Row(NamedTuple):
    layer: str
    gives: str
    parameters: str


class _Flow(NamedTuple):
    """What comes out of the layers so far."""

    shape: Shape | None
    pooled: bool = False

    def after(self, layer: Layer) -> "_Flow":
        keeps = layer.keeps_shape and layer.output_shape is None
        shape = self.shape if keeps else layer.output_shape
        return _Flow(shape, self.pooled or layer.pools)

    def __str__(self) -> str:
        lead = ["*batch"] if self.pooled else ["T", "*batch"]
        if self.shape is None:
            return f"[{', '.join(lead)}, ?]"
        sizes = ["?" if size is None else str(size) for size in self.shape]
        return f"[{', '.join(lead + sizes)}]"


def _rows(layer: Layer, label: str, flow: _Flow, depth: int = 0) -> Iterator[_Row]:
    """The row of a layer, and those of its inner layers, each reading what the last one gives."""
    title = type(layer).__name__
    inside = [value for _, value in _children(layer) if isinstance(value, Cell)]
    if inside:
        title += f" ({', '.join(type(cell).__name__ for cell in inside)})"
    count = parameter_count(jax.eval_shape(layer.init, jax.random.key(0)))
    yield _Row(f"{'  ' * depth}{label}{title}", str(flow.after(layer)), f"{count:,}")
    for name, value in _children(layer):
        if isinstance(value, Layer):
            yield from _rows(value, f"{name}: ", flow, depth + 1)
            if not isinstance(layer, Parallel):  # both read the same
                flow = flow.after(value)


def _children(layer: Layer) -> Iterator[tuple[str, Any]]:
    """The cells and layers that a layer holds, with their names."""
    names = getattr(layer, "names", None)
    for field in dataclasses.fields(layer):
        value = getattr(layer, field.name)
        if isinstance(value, tuple):
            yield from zip(names or map(str, range(len(value))), value, strict=False)
        else:
            yield field.name, value
