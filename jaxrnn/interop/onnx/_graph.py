"""A graph of ONNX that is being written, and values in it that know what their padding holds."""

from typing import Any, NamedTuple

import numpy as np

from ._model import library

WHO = "onnx.dump"
"""Who raises what cannot be written."""
OPSET = 17
"""The version of the operators: the first with `LayerNormalization`, which every runtime has."""
IR = 8
"""The version of the format that goes with it."""


def after(name: str) -> str:
    """The name of the output for a state that goes in under this name."""
    return f"{name}.next"


class Value(NamedTuple):
    """A tensor of the graph."""

    name: str
    clean: bool = False
    """Whether padding holds zeros, as every layer reads it."""


class Graph:
    """Nodes and arrays, added one after another; sequences are `[T, B, ...]`.

    `mask` and `lengths` are names of tensors, or None where every step counts.
    """

    def __init__(self, dtype: Any, lengths: str | None, *, carries: bool = False) -> None:
        self.dtype = dtype
        self.lengths = lengths
        self.carries: dict[str, int] | None = {} if carries else None
        self.nodes: list[Any] = []
        self.arrays: dict[str, Any] = {}
        self._taken: set[str] = set()
        self._masks: dict[str, str] = {}

    def add(self, operator: str, *inputs: str, at: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node, named for where it stands; returns the name of its output, or of several."""
        name = self._free(f"{at}/{operator}" if at else operator.lower())
        names = [name, *(f"{name}.{i}" for i in range(1, outputs))]
        node = library().helper.make_node(operator, list(inputs), names, name=name, **attributes)
        self.nodes.append(node)
        return names[0] if outputs == 1 else names

    def array(self, name: str, value: Any) -> str:
        """Add an array under its name; once, where a layer comes several times."""
        array = np.asarray(value)
        if self.arrays.setdefault(name, array).tobytes() != array.tobytes():
            raise ValueError(f"onnx.dump: two layers have arrays of one name, {name}")
        return name

    def number(self, value: float | int, dtype: Any = None) -> str:
        """A number, in the type of the network or another."""
        array = np.asarray(value, self.dtype if dtype is None else dtype)
        return self.array(f"{array.dtype}:{value!r}", array)

    def axes(self, *axes: int) -> str:
        """Axes, or a shape, as newer operators read them."""
        return self.array(f"axes:{','.join(map(str, axes))}", np.array(axes, np.int64))

    def read(self, x: Value, at: str, features: bool = True) -> Value:
        """A value with zeros in its padding, whatever is there."""
        if x.clean or self.lengths is None:
            return Value(x.name, True)
        zero = self.number(0) if features else self.number(0, np.int32)
        return Value(self.add("Where", self.mask(x, features), x.name, zero, at=at), True)

    def mask(self, like: Value, features: bool = True) -> str:
        """The mask `[T, B, 1]` of the steps that count, `[T, B]` of symbols."""
        if "steps" not in self._masks:
            assert self.lengths is not None
            shape = self.add("Shape", like.name, at="mask")
            steps = self.add("Gather", shape, self.number(0, np.int64), at="mask", axis=0)
            numbers = (self.number(0, np.int64), steps, self.number(1, np.int64))
            time = self.add("Range", *numbers, at="mask")
            time = self.add("Unsqueeze", time, self.axes(1), at="mask")
            wide = self.add("Cast", self.lengths, at="mask", to=library().TensorProto.INT64)
            mask = self.add("Less", time, wide, at="mask")
            self._masks = {
                "time": time,
                "lengths": wide,
                "steps": mask,
                "features": self.add("Unsqueeze", mask, self.axes(2), at="mask"),
            }
        return self._masks["features" if features else "steps"]

    def steps(self, like: Value) -> tuple[str, str]:
        """The number of each step `[T, 1]`, and the lengths `[B]`, as integers of one type."""
        self.mask(like)
        return self._masks["time"], self._masks["lengths"]

    def carry(self, path: str, field: str, size: int) -> str:
        """Add a state `[B, size]` to the inputs; a layer that comes again has one of its own."""
        assert self.carries is not None
        name = self._free(f"{path}.{field}" if path else field)
        self.carries[name] = size
        return name

    def carry_on(self, name: str, last: str, at: str) -> None:
        """Make `last` the state that comes out for the one that went in under this name.

        A sequence of length 0 keeps its state; runtimes give zeros.
        """
        if self.lengths is not None:
            some = self.add("Greater", self.lengths, self.number(0, np.int32), at=at)
            some = self.add("Unsqueeze", some, self.axes(1), at=at)
            last = self.add("Where", some, last, name, at=at)
        make = library().helper.make_node
        self.nodes.append(make("Identity", [last], [after(name)], name=after(name)))

    def _free(self, name: str) -> str:
        free, number = name, 1
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free
