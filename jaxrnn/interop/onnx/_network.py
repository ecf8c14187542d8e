"""`network` and `run_node`: recurrent operators of ONNX as layers."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ... import _check
from ..._checked import checked
from ..._typing import Array, Carry
from ...cells import LearnedCarry, LSTMCarry
from ...engines import Auto, Engine
from ...networks import Bidirectional, Directions, Layer, Recurrent
from .._weights import array, compare
from ._forms import cell_of
from ._load import weights_of
from ._model import (
    INPUTS,
    attributes_of,
    constants,
    given_inputs,
    library,
    options_of,
    read_model,
    recurrent_node,
    shapes,
    sizes,
)

AUTO = Auto()
STATES = "initial_h", "initial_c"


@checked
def network(model: Any, node: str | None = None) -> Recurrent | Bidirectional:
    """The layer that computes what a recurrent operator of an ONNX model computes.

    `RNN`, `GRU` and `LSTM` become `Elman`, `GRU` or `ResetBeforeGRU` (as `linear_before_reset`
    says), `LSTM`, `PeepholeLSTM` or `CoupledLSTM` (`input_forget`); where a node clips or has other
    activations, the cells `onnx.RNN`, `onnx.GRU` and `onnx.LSTM` have these options. `load` gives
    the parameters.

    The layer reads `[T, B, features]`, whatever the `layout` of the node, and gives both directions
    side by side along the features, `[T, B, 2 * H]`, where Y has `[T, 2, B, H]`. `sequence_lens` is
    the argument `lengths` of `apply`, `initial_h` and `initial_c` are its carry. Initial states
    that are part of the model become a `LearnedCarry`, unless they are zero. `run_node` has the
    node's own inputs and outputs.

    Args:
        model: an `onnx.ModelProto` or the path of a file. Files with weights are read only from its
            own folder.
        node: the name of the node, or of one of its outputs; None where there is only one, and
            nothing else in the model that computes.

    Raises:
        ValueError: no valid model, no such node, or other operators that are listed.
        TypeError: neither a model nor a path.
        OSError: the file cannot be read.
        ImportError: onnx is not installed.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> from jaxrnn.interop import onnx
        >>> layer = networks.Recurrent(cells.GRU(3, 4))
        >>> model = onnx.dump(layer, layer.init(jax.random.key(0)))
        >>> onnx.network(model, node="gru").cell == layer.cell
        True
    """
    proto = read_model("onnx.network", model)
    found = recurrent_node("onnx.network", proto, node, alone=True)
    start = {
        name: value
        for name, value in constants("onnx.network", proto, found).items()
        if name.startswith("initial") and value.any()
    }
    inputs, hidden, _ = sizes("onnx.network", found, shapes(proto))
    return _layer("onnx.network", found, inputs, hidden, AUTO, learned=bool(start))


@checked
def run_node(node: Any, inputs: Sequence[Any], *, engine: Engine[Any] = AUTO) -> tuple[Array, ...]:
    """Run a recurrent node of ONNX on an engine, with its own inputs and outputs.

    All of it is part of JAX: it can be compiled, differentiated and mapped.

    Shapes: those of the operator, in either `layout`: X `[T, B, I]`, W `[D, g*H, I]`, R
    `[D, g*H, H]`, B `[D, 2*g*H]`, sequence_lens `[B]`, initial_h `[D, B, H]`; Y `[T, D, B, H]`, Y_h
    and Y_c `[D, B, H]`, with 2 directions D where it is bidirectional.

    Args:
        node: an `onnx.NodeProto` of RNN, GRU or LSTM.
        inputs: its inputs in the operator's order, None or left out where there is none.
        engine: how it is run through time.

    Returns:
        Y, Y_h and, of an LSTM, Y_c.

    Raises:
        TypeError: no node, or something that is no array.
        ValueError: another operator, or inputs that do not fit it.
        ImportError: onnx is not installed.

    Example:
        >>> import numpy as np
        >>> from onnx import helper
        >>> from jaxrnn.interop import onnx
        >>> node = helper.make_node("RNN", ["X", "W", "R"], ["Y", "Y_h"], hidden_size=4)
        >>> x, w, r = np.ones((7, 2, 3)), np.ones((1, 4, 3)), np.ones((1, 4, 4))
        >>> [out.shape for out in onnx.run_node(node, [a.astype("float32") for a in (x, w, r)])]
        [(7, 1, 2, 4), (1, 2, 4)]
    """
    who, onnx = "onnx.run_node", library()
    if not isinstance(node, onnx.NodeProto):
        raise TypeError(f"{who}: takes an `onnx.NodeProto`, got a `{type(node).__name__}`")
    if node.op_type not in INPUTS:
        raise ValueError(f"{who}: runs {', '.join(INPUTS)}, got {node.op_type}")
    try:
        onnx.checker.check_node(node)
    except Exception as error:  # of the checker, which has several
        raise ValueError(f"{who}: no valid node: {error}") from error
    names = INPUTS[node.op_type]
    if not isinstance(inputs, list | tuple):
        raise TypeError(f"{who}: inputs must be a list of arrays, got a `{type(inputs).__name__}`")
    if len(inputs) > len(names):
        raise ValueError(f"{who}: {node.op_type} has {len(names)} inputs, got {len(inputs)}")
    named = zip(names, inputs, strict=False)
    given = {name: _array(who, name, value) for name, value in named if value is not None}
    if missing := {"X", "W", "R"} - {*given}:
        raise ValueError(f"{who}: {node.op_type} needs {', '.join(sorted(missing))}")
    batch_first = bool(attributes_of(node).get("layout", 0))
    if given["X"].ndim != 3:
        axes = "[B, T, I]" if batch_first else "[T, B, I]"
        raise ValueError(f"{who}: X must be {axes}, got {_check.describe(given['X'])}")
    whole = onnx.NodeProto()
    whole.CopyFrom(node)
    whole.ClearField("input")
    whole.input.extend(name if name in given else "" for name in names)
    width, hidden, _ = sizes(who, whole, {name: value.shape for name, value in given.items()})
    layer = _layer(who, whole, width, hidden, engine, learned=False)
    params = weights_of(who, layer, {k: given[k] for k in ("W", "R", "B", "P") if k in given})
    xs = _swapped(given["X"], batch_first)
    states = {name: _swapped(given[name], batch_first) for name in STATES if name in given}
    directions = 2 if isinstance(layer, Bidirectional) else 1
    compare(who, states, dict.fromkeys(states, (directions, xs.shape[1], hidden)))
    carry = _carry(layer, params, xs, states)
    carry, ys = layer.apply(params, xs, carry, lengths=given.get("sequence_lens"))
    return _outputs(carry, ys, hidden, batch_first)


def _layer(
    who: str, node: Any, inputs: int, hidden: int, engine: Engine[Any], *, learned: bool
) -> Recurrent | Bidirectional:
    here = given_inputs(node)
    options = options_of(who, node, inputs, hidden, bias="B" in here, peepholes="P" in here)
    made = [cell_of(each) for each in options]
    cells = [LearnedCarry(cell) if learned else cell for cell in made]
    if len(cells) == 2:
        return Bidirectional(cells[0], cells[1], engine)
    reverse = attributes_of(node).get("direction", "forward") == "reverse"
    return Recurrent(cells[0], engine=engine, reverse=reverse)


def _array(who: str, name: str, value: Any) -> Any:
    _check.array(who, name, value)
    if isinstance(value, jax.Array) or name == "sequence_lens":
        return jnp.asarray(value)
    return array(who, name, value)


def _swapped(array: Array, batch_first: bool) -> Array:
    return jnp.swapaxes(array, 0, 1) if batch_first else array


def _carry(layer: Layer, params: Any, xs: Array, given: dict[str, Any]) -> Carry:
    """The carry of the initial states; of zeros, where one is left out."""
    start = layer.carry(params, xs.shape[1:2])
    both = isinstance(layer, Bidirectional)
    states = [given.get(name) for name in STATES]

    def one(direction: int, zeros: Carry) -> Carry:
        h, c = (None if s is None else s[direction] for s in states)
        if isinstance(zeros, LSTMCarry):
            return LSTMCarry(_like(h, zeros.hidden), _like(c, zeros.cell))
        return _like(h, zeros)

    return Directions(*map(one, (0, 1), start)) if both else one(0, start)


def _like(value: Array | None, zeros: Array) -> Array:
    return zeros if value is None else value.astype(zeros.dtype)


def _outputs(carry: Carry, ys: Array, hidden: int, batch_first: bool) -> tuple[Array, ...]:
    carries = carry if isinstance(carry, Directions) else (carry,)
    parts = [state if isinstance(state, LSTMCarry) else (state,) for state in carries]
    last = [jnp.stack(states).astype(ys.dtype) for states in zip(*parts, strict=True)]
    y = ys.reshape(*ys.shape[:2], len(carries), hidden)
    y = y if batch_first else jnp.swapaxes(y, 1, 2)
    return (_swapped(y, batch_first), *(_swapped(state, batch_first) for state in last))
