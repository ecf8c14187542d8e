"""Models of ONNX as they are read: checked, with their weights inside, and nothing run."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .._require import require
from ._activation import read_activations
from ._forms import BLOCKS, USUAL, Options

INPUTS = {
    "RNN": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
    "GRU": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
    "LSTM": ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"),
}
"""The operators' inputs, in their order."""

DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
WEIGHTS = "W", "R", "B", "P", "initial_h", "initial_c"
OLDEST = 7
"""The first version of the operators with today's meaning."""


def library() -> ModuleType:
    """ONNX's own package."""
    return require("onnx", "onnx")


def read_model(who: str, model: Any) -> Any:
    """A `ModelProto`, checked by ONNX's own checker, whose weights are all inside.

    Of a path, the file is read, and the files beside it that hold its weights: names that lead out
    of its folder are refused before anything is opened.

    Raises:
        TypeError: neither a model nor a path.
        ValueError: no valid model, or weights in other files.
    """
    onnx = library()
    if isinstance(model, str | os.PathLike):
        model = _from_file(who, Path(model))
    if not isinstance(model, onnx.ModelProto):
        raise TypeError(
            f"{who}: takes an `onnx.ModelProto` or the path of a file, got "
            f"a `{type(model).__name__}`"
        )
    outside = [tensor.name for tensor in _tensors(model) if _is_outside(tensor)]
    if outside:
        raise ValueError(
            f"{who}: {_listed(outside)} lie in other files. Pass the path of the model, or load "
            "it with `onnx.load(path)`."
        )
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # of the checker, which has several
        raise ValueError(f"{who}: no valid ONNX model: {error}") from error
    return model


def _from_file(who: str, path: Path) -> Any:
    onnx = library()
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # of protobuf, which has several
        raise ValueError(f"{who}: {path.name} is no ONNX model: {error}") from error
    folder = path.resolve().parent
    for tensor in filter(_is_outside, _tensors(model)):
        location = {entry.key: entry.value for entry in tensor.external_data}
        place = (folder / location.get("location", "..")).resolve()
        if not (place.is_relative_to(folder) and place.is_file()):
            raise ValueError(
                f"{who}: {tensor.name} lies in {location.get('location')!r}, which is no file in "
                "the folder of the model"
            )
        try:
            onnx.external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:  # offsets and lengths that are none
            raise ValueError(f"{who}: {tensor.name} beside {path.name}: {error}") from error
        tensor.data_location = onnx.TensorProto.DEFAULT  # older versions leave that to the caller
        del tensor.external_data[:]
    return model


def _listed(names: Iterable[Any]) -> str:
    """Names in a row; those that are no text are bytes."""
    return ", ".join(map(str, names))


def _tensors(model: Any) -> list[Any]:
    """All tensors of the graph itself; those of bodies of loops are not read."""
    held = [a.t for node in model.graph.node for a in node.attribute if a.HasField("t")]
    return [*model.graph.initializer, *held]


def _is_outside(tensor: Any) -> bool:
    return bool(tensor.data_location == library().TensorProto.EXTERNAL)


def recurrent_node(who: str, model: Any, name: str | None, *, alone: bool) -> Any:
    """The node that is asked for by name, or the only recurrent one.

    Raises:
        ValueError: none or several of them, none of that name, or an old version; with `alone`,
            other operators in a model of which no name was asked for.
    """
    nodes = [node for node in model.graph.node if _is_recurrent(node)]
    names = [_name(node) for node in nodes]
    there = f"Its recurrent nodes: {_listed(names) or 'none'}."
    if name is None:
        others = sorted({str(_operator(node)) for node in model.graph.node} - _LAYOUT - {*INPUTS})
        if others and alone:
            raise ValueError(
                f"{who}: the model has operators besides RNN, GRU and LSTM: {_listed(others)}. "
                f"Name the node that is meant: `node=`. {there}"
            )
        if len(nodes) != 1:
            raise ValueError(f"{who}: takes one recurrent node; name it: `node=`. {there}")
        found = nodes
    else:
        found = [node for node in nodes if name in (node.name, *node.output) and name]
        if len(found) != 1:
            raise ValueError(f"{who}: no recurrent node {name!r}. {there}")
    version = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if version < OLDEST:
        raise ValueError(
            f"{who}: the model is of version {version} of ONNX's operators, older than {OLDEST}. "
            "Convert it: `onnx.version_converter.convert_version(model, 14)`."
        )
    return found[0]


_LAYOUT = {"Constant", "Identity", "Transpose", "Squeeze", "Unsqueeze", "Reshape"}
"""Operators that move numbers and compute none."""


def _is_recurrent(node: Any) -> bool:
    return node.op_type in INPUTS and node.domain in ("", "ai.onnx")


def _operator(node: Any) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _name(node: Any) -> str:
    return node.name or next(filter(None, node.output), "?")


def attributes_of(node: Any) -> dict[str, Any]:
    """The attributes of a node, texts as strings."""
    values = {a.name: library().helper.get_attribute_value(a) for a in node.attribute}
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def options_of(
    who: str, node: Any, inputs: int, hidden: int, *, bias: bool, peepholes: bool
) -> list[Options]:
    """What a node asks of its cells, one of each direction.

    Raises:
        ValueError: attributes that are none of the operator's, or do not fit each other.
    """
    given = attributes_of(node)
    operator, who = node.op_type, f"{who}: {node.op_type} {_name(node)!r}"
    direction = given.get("direction", "forward")
    if direction not in DIRECTIONS:
        raise ValueError(f"{who}: direction must be {', '.join(DIRECTIONS)}, got {direction!r}")
    count, usual = DIRECTIONS[direction], USUAL[operator]
    if given.get("hidden_size", hidden) != hidden:
        raise ValueError(
            f"{who}: hidden_size is {given['hidden_size']}, the weights are of {hidden}"
        )
    names = given.get("activations", [a.name for a in usual] * count)
    if len(names) != count * len(usual):
        raise ValueError(f"{who}: takes {count * len(usual)} activations, got {len(names)}")
    numbers = (given.get(f"activation_{name}", []) for name in ("alpha", "beta"))
    activations = read_activations(who, names, *numbers)
    clip = given.get("clip")
    if clip is not None and not 0 < clip < np.inf:
        raise ValueError(f"{who}: clip must be finite and greater than 0, got {clip}")
    common = Options(
        operator,
        inputs,
        hidden,
        bias=bias,
        peepholes=peepholes,
        clip=clip,
        input_forget=bool(given.get("input_forget", 0)),
        linear_before_reset=bool(given.get("linear_before_reset", 0)),
    )
    size = len(usual)
    return [
        common._replace(activations=activations[i * size : (i + 1) * size]) for i in range(count)
    ]


def given_inputs(node: Any) -> dict[str, str]:
    """The names of what a node reads, by the operator's own names."""
    names = zip(INPUTS[node.op_type], node.input, strict=False)
    return {own: name for own, name in names if name}


def constants(who: str, model: Any, node: Any) -> dict[str, Any]:
    """The inputs of a node that are part of the model, by the operator's own names."""
    onnx = library()
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    aside: dict[str, str] = {}
    for other in model.graph.node:
        if _operator(other) == "Constant" and (value := _value(other)) is not None:
            known[other.output[0]] = value
        elif _operator(other) in ("Identity", "Expand") and other.output:
            aside[other.output[0]] = other.input[0]
    found = {}
    for own, name in given_inputs(node).items():
        for _ in aside:  # a chain is no longer than this, were it a circle
            name = name if name in known else aside.get(name, name)  # noqa: PLW2901
        if own in WEIGHTS and name in known:
            try:
                found[own] = onnx.numpy_helper.to_array(known[name])
            except Exception as error:  # of data that do not fill their shape
                raise ValueError(f"{who}: {own} ({name!r}): {error}") from error
    return found


def _value(node: Any) -> Any:
    return next((a.t for a in node.attribute if a.name == "value"), None)


def shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Shapes of the graph's inputs and of its tensors, as far as they are known."""
    known = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if _operator(node) == "Constant" and (value := _value(node)) is not None:
            known[node.output[0]] = tuple(value.dims)
    for info in model.graph.input:
        dims = info.type.tensor_type.shape.dim
        known.setdefault(info.name, tuple(dim.dim_value for dim in dims))
    return known


def sizes(
    who: str, node: Any, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[int, int, dict[str, tuple[int, ...]]]:
    """Inputs, hidden, and the shape of each weight that a node has; from the shape of its W.

    Raises:
        ValueError: no W, or one that is not `[directions, blocks * hidden, inputs]`.
    """
    here, blocks = given_inputs(node), BLOCKS[node.op_type]
    w = shapes.get(here.get("W", ""))
    count = DIRECTIONS.get(attributes_of(node).get("direction", "forward"), 1)
    if w is None or len(w) != 3 or w[0] != count or w[1] % blocks or min(w) < 1:
        raise ValueError(
            f"{who}: {node.op_type} {_name(node)!r} needs W of [{count}, {blocks} * hidden, inputs]"
            f", got {'none that is known' if w is None else list(w)}"
        )
    hidden, inputs = w[1] // blocks, w[2]
    wanted: dict[str, tuple[int, ...]] = {"W": w, "R": (count, w[1], hidden)}
    if "B" in here:
        wanted["B"] = (count, 2 * w[1])
    if "P" in here:
        wanted["P"] = (count, 3 * hidden)
    return inputs, hidden, wanted
