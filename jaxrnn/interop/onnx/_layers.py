"""How each layer is written: the nodes that compute it."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import _check
from ..._typing import Params
from ...cells import Cell
from ...constraints import resolved
from ...networks import (
    Activation,
    Add,
    Average,
    Bidirectional,
    Concatenate,
    Constrained,
    Dense,
    Dropout,
    Embedding,
    LastPool,
    Layer,
    LayerNorm,
    MaxPool,
    MeanPool,
    Merge,
    Multiply,
    Parallel,
    Recurrent,
    Repeated,
    Residual,
    Stack,
    Tied,
    VariationalDropout,
)
from ._activation import KINDS, of_function
from ._activation import Activation as Named
from ._entries import entry, fit_one_node, joined, no_counterpart
from ._graph import WHO, Graph, Value
from ._node import write_node


@functools.singledispatch
def write(layer: Layer, params: Params, x: Value, graph: Graph, path: str) -> Value:
    """Add what a layer computes of `x`, whose padding is zero wherever that matters to it.

    Raises:
        TypeError: ONNX has nothing that computes this.
    """
    raise no_counterpart(WHO, path, f"`{type(layer).__name__}`")


def _own(layer: Layer, params: Params, graph: Graph, path: str) -> dict[str, str]:
    """Add the arrays of a layer; their names by those of the fields."""
    arrays = entry(layer, path, WHO).write(params)
    return {name.split(".")[-1]: graph.array(name, value) for name, value in arrays.items()}


@write.register
def _(layer: Stack, params: Params, x: Value, graph: Graph, path: str) -> Value:
    names = range(len(layer.layers)) if layer.names is None else layer.names
    for key, part in zip(names, layer.layers, strict=True):
        x = write(part, params[key], _read(part, x, graph, path), graph, joined(path, key))
    return x


def _read(layer: Layer, x: Value, graph: Graph, path: str) -> Value:
    """What a layer reads: no recurrent operator looks at padding, the others find zeros."""
    blind = isinstance(layer, Recurrent | Bidirectional | Dropout | VariationalDropout)
    return x if blind else graph.read(x, path)


@write.register(Dropout)
@write.register(VariationalDropout)
def _(layer: Any, params: Params, x: Value, graph: Graph, path: str) -> Value:
    return x


@write.register
def _(layer: Dense, params: Params, x: Value, graph: Graph, path: str) -> Value:
    own = _own(layer, params, graph, path)
    y = graph.add("MatMul", x.name, own["kernel"], at=path)
    if "bias" not in own:
        return Value(y, x.clean)
    return Value(graph.add("Add", y, own["bias"], at=path))


@write.register
def _(layer: Embedding, params: Params, x: Value, graph: Graph, path: str) -> Value:
    own = _own(layer, params, graph, path)
    return Value(graph.add("Gather", own["table"], x.name, at=path, axis=0))


@write.register
def _(layer: LayerNorm, params: Params, x: Value, graph: Graph, path: str) -> Value:
    own = _own(layer, params, graph, path)
    inputs = x.name, own["scale"], own["bias"]
    _check.number(WHO, epsilon=layer.epsilon)
    epsilon = float(layer.epsilon)  # type: ignore[arg-type]
    return Value(graph.add("LayerNormalization", *inputs, at=path, axis=-1, epsilon=epsilon))


@write.register
def _(layer: Residual, params: Params, x: Value, graph: Graph, path: str) -> Value:
    y = write(layer.layer, params, x, graph, path)
    return Value(graph.add("Add", x.name, y.name, at=path), x.clean and y.clean)


@write.register
def _(layer: Repeated, params: Params, x: Value, graph: Graph, path: str) -> Value:
    for _ in range(layer.depth):
        x = write(layer.layer, params, _read(layer.layer, x, graph, path), graph, path)
    return x


@write.register
def _(layer: Parallel, params: Params, x: Value, graph: Graph, path: str) -> Value:
    first, second = (
        write(part, p, _read(part, x, graph, path), graph, joined(path, name))
        for part, p, name in zip(
            (layer.first, layer.second), params, ("first", "second"), strict=True
        )
    )
    return Value(_merged(layer.merge, first.name, second.name, graph, path), False)


@write.register
def _(layer: Tied, params: Params, x: Value, graph: Graph, path: str) -> Value:
    vectors = write(layer.embedding, params.table, x, graph, path)
    inside = joined(path, "network")
    vectors = _read(layer.network, vectors, graph, inside)
    y = write(layer.network, params.network, vectors, graph, inside)
    table = graph.add("Transpose", joined(path, "table"), at=path, perm=[1, 0])
    logits = graph.add("MatMul", y.name, table, at=path)
    if params.bias is not None:
        bias = graph.array(joined(path, "bias"), params.bias)
        logits = graph.add("Add", logits, bias, at=path)
    return Value(logits)


@write.register
def _(layer: Constrained, params: Params, x: Value, graph: Graph, path: str) -> Value:
    like = jax.eval_shape(layer.layer.init, jax.random.key(0))
    values = resolved(WHO, params, layer.where, layer.constraint, like)
    return write(layer.layer, values, x, graph, path)


# --- recurrent layers ---------------------------------------------------------------------------


@write.register
def _(layer: Recurrent, params: Params, x: Value, graph: Graph, path: str) -> Value:
    pair = _resolved(layer.cell, params)
    y = write_node([pair], x, graph, path, "reverse" if layer.reverse else "forward")
    return Value(graph.add("Squeeze", y, graph.axes(1), at=path), graph.lengths is not None)


@write.register
def _(layer: Bidirectional, params: Params, x: Value, graph: Graph, path: str) -> Value:
    pairs = [_resolved(layer.forward, params.forward), _resolved(layer.backward, params.backward)]
    clean = graph.lengths is not None
    if not fit_one_node([cell for cell, _ in pairs]):
        ahead, behind = (
            graph.add("Squeeze", y, graph.axes(1), at=path)
            for y in (
                write_node(pairs[:1], x, graph, joined(path, "forward"), "forward"),
                write_node(pairs[1:], x, graph, joined(path, "backward"), "reverse"),
            )
        )
        return Value(_merged(layer.merge, ahead, behind, graph, path), clean)
    y = write_node(pairs, x, graph, path, "bidirectional")
    if isinstance(layer.merge, Concatenate):
        beside = graph.add("Transpose", y, at=path, perm=[0, 2, 1, 3])
        return Value(graph.add("Reshape", beside, graph.axes(0, 0, -1), at=path), clean)
    ahead, behind = graph.add("Split", y, at=path, outputs=2, axis=1)
    merged = _merged(layer.merge, ahead, behind, graph, path)
    return Value(graph.add("Squeeze", merged, graph.axes(1), at=path), clean)


def _resolved(cell: Cell, params: Params) -> tuple[Cell, Params]:
    """The cell that is run where nothing is drawn, and its parameters."""
    return cell.resolve(params)


def _merged(merge: Merge, ahead: str, behind: str, graph: Graph, path: str) -> str:
    simple: dict[type[Merge], str] = {Add: "Add", Multiply: "Mul", Average: "Add"}
    if isinstance(merge, Concatenate):
        return str(graph.add("Concat", ahead, behind, at=path, axis=-1))
    if type(merge) not in simple:
        raise TypeError(
            f"{WHO}: {f'layer {path}: ' if path else ''}the merge `{type(merge).__name__}` has no "
            "counterpart in ONNX; `Concatenate`, `Add`, `Average` and `Multiply` have."
        )
    merged = str(graph.add(simple[type(merge)], ahead, behind, at=path))
    if isinstance(merge, Average):
        merged = str(graph.add("Div", merged, graph.number(2), at=path))
    return merged


# --- pooling: time, lengths and padding end here -------------------------------------------------


@write.register
def _(layer: LastPool, params: Params, x: Value, graph: Graph, path: str) -> Value:
    if graph.lengths is None:
        return Value(graph.add("Gather", x.name, graph.number(-1, np.int64), at=path, axis=0))
    time, lengths = graph.steps(x)
    last = graph.add("Sub", lengths, graph.number(1, np.int64), at=path)
    here = graph.add("Equal", time, last, at=path)
    here = graph.add("Unsqueeze", here, graph.axes(2), at=path)
    only = graph.add("Where", here, x.name, graph.number(0), at=path)
    return _pooled(graph.add("ReduceSum", only, graph.axes(0), at=path, keepdims=0), graph)


@write.register
def _(layer: MeanPool, params: Params, x: Value, graph: Graph, path: str) -> Value:
    if graph.lengths is None:
        return Value(graph.add("ReduceMean", x.name, at=path, axes=[0], keepdims=0))
    total = graph.add("ReduceSum", x.name, graph.axes(0), at=path, keepdims=0)
    count = graph.add("Max", graph.steps(x)[1], graph.number(1, np.int64), at=path)
    count = graph.add("CastLike", count, total, at=path)
    count = graph.add("Unsqueeze", count, graph.axes(1), at=path)
    return _pooled(graph.add("Div", total, count, at=path), graph)


@write.register
def _(layer: MaxPool, params: Params, x: Value, graph: Graph, path: str) -> Value:
    if graph.lengths is None:
        return Value(graph.add("ReduceMax", x.name, at=path, axes=[0], keepdims=0))
    seen = graph.add("Where", graph.mask(x), x.name, graph.number(-np.inf), at=path)
    largest = graph.add("ReduceMax", seen, at=path, axes=[0], keepdims=0)
    some = graph.add("Greater", graph.steps(x)[1], graph.number(0, np.int64), at=path)
    some = graph.add("Unsqueeze", some, graph.axes(1), at=path)
    return _pooled(graph.add("Where", some, largest, graph.number(0), at=path), graph)


def _pooled(name: str, graph: Graph) -> Value:
    graph.lengths = None
    return Value(name, True)


# --- activations ---------------------------------------------------------------------------------


def _single(operator_: str, **attributes: Any) -> Callable[[str, Graph, str], str]:
    return lambda x, graph, at: str(graph.add(operator_, x, at=at, **attributes))


def _silu(x: str, graph: Graph, at: str) -> str:
    return str(graph.add("Mul", x, graph.add("Sigmoid", x, at=at), at=at))


def _gelu(x: str, graph: Graph, at: str) -> str:
    """That of `jax.nn.gelu` by default, with a tanh: `x / 2 (1 + tanh(a (x + b x^3)))`."""
    square = graph.add("Mul", x, x, at=at)
    inner = graph.add("Mul", square, graph.number(0.044715), at=at)
    inner = graph.add("Add", inner, graph.number(1), at=at)
    inner = graph.add("Mul", graph.add("Mul", inner, x, at=at), _root(graph), at=at)
    outer = graph.add("Add", graph.add("Tanh", inner, at=at), graph.number(1), at=at)
    half = graph.add("Mul", x, graph.number(0.5), at=at)
    return str(graph.add("Mul", half, outer, at=at))


def _root(graph: Graph) -> str:
    return graph.array("sqrt(2/pi)", np.asarray(np.sqrt(2 / np.pi), graph.dtype))


ACTIVATIONS: dict[Callable[..., Any], Callable[[str, Graph, str], str]] = {
    jax.nn.gelu: _gelu,
    jax.nn.silu: _silu,
    jax.nn.selu: _single("Selu"),
    jax.nn.hard_silu: _single("HardSwish"),
    jax.nn.softmax: _single("Softmax", axis=-1),
    jax.nn.log_softmax: _single("LogSoftmax", axis=-1),
    jax.nn.identity: lambda x, graph, at: x,
    jnp.exp: _single("Exp"),
    jnp.abs: _single("Abs"),
    jnp.sin: _single("Sin"),
    jnp.cos: _single("Cos"),
}


@write.register
def _(layer: Activation, params: Params, x: Value, graph: Graph, path: str) -> Value:
    named = of_function(layer.function)
    if named is not None:
        return Value(_named(named, x.name, graph, path))
    if layer.function not in ACTIVATIONS:
        known = ", ".join(sorted(f.__name__ for f in ACTIVATIONS))
        raise TypeError(
            f"{WHO}: {f'layer {path}: ' if path else ''}the function {layer.function!r} of "
            f"`Activation` has no counterpart in ONNX. These have: {known}, tanh, relu, sigmoid, "
            "soft_sign, softplus, leaky_relu, elu, hard_sigmoid."
        )
    return Value(ACTIVATIONS[layer.function](x.name, graph, path))


def _named(activation: Named, x: str, graph: Graph, at: str) -> str:
    """An activation of the recurrent operators as an operator of its own."""
    names = ("alpha", "beta")[: len(KINDS[activation.name].defaults)]
    numbers: dict[str, Any] = {name: float(getattr(activation, name)) for name in names}
    if activation.name == "Affine":
        scaled = graph.add("Mul", x, graph.number(numbers["alpha"]), at=at)
        return str(graph.add("Add", scaled, graph.number(numbers["beta"]), at=at))
    if activation.name == "ScaledTanh":
        scaled = graph.add("Mul", x, graph.number(numbers["beta"]), at=at)
        return str(
            graph.add(
                "Mul", graph.add("Tanh", scaled, at=at), graph.number(numbers["alpha"]), at=at
            )
        )
    if activation.name == "ThresholdedRelu":
        # The operator of that name leaves out the border.
        bound = graph.number(numbers["alpha"])
        over = graph.add("GreaterOrEqual", x, bound, at=at)
        return str(graph.add("Where", over, x, graph.number(0), at=at))
    return str(graph.add(activation.name, x, at=at, **numbers))
