"""`network`: the definition that computes what a layer or a model of Keras computes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ... import cells, networks
from ..._checked import checked
from ...cells import Cell
from .._biases import keeping_both
from .._require import require
from ._layers import ProcessingOrder

_KNOWN = (
    "SimpleRNN, GRU, LSTM and their cells, RNN of a cell or of StackedRNNCells, Bidirectional, "
    "ConvLSTM1D and ConvLSTM2D, Dense, Embedding, LayerNormalization, Dropout, Activation, "
    "TimeDistributed, GlobalAveragePooling1D, GlobalMaxPooling1D, and Sequential of these"
)
_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "elu": jax.nn.elu,
    "softmax": jax.nn.softmax,
}
_MERGES = {
    "concat": networks.Concatenate(),
    "sum": networks.Add(),
    "ave": networks.Average(),
    "mul": networks.Multiply(),
    None: networks.Both(),
}


@checked
def network(layer: Any) -> Cell | networks.Layer:
    """The cell, layer or stack that computes what a layer or a model of Keras computes.

    A layer without `return_sequences` is followed by `networks.LastPool`, or by `FirstPool` if it
    runs backward; a `Bidirectional` one by `EndsPool`. A backward layer with `return_sequences` is
    followed by `ProcessingOrder`, for Keras returns its outputs in that order. A `Sequential` model
    becomes a stack with the names of its layers. The cell of a `GRU(reset_after=True)`, which has
    two biases, keeps both, as parts of one (`constraints.Summed`).

    What differs:

    - jaxrnn has time first, `[T, *batch, features]`, and takes `lengths=` or `mask=`, where Keras
      has masks that layers make (`mask_zero=True`, `Masking`). Masked steps give zeros. In Keras
      they repeat the output before them unless `zero_output_for_mask`, which `Bidirectional` sets:
      put `RepeatLast` last. In both, masked steps leave the state alone, and the last output is
      that of the last valid step.
    - The carry is passed in and comes back, whatever `stateful` and `return_state` are; that of an
      LSTM is `LSTMCarry(hidden, cell)`.
    - Dropout acts where `apply` gets a key: there is no training mode. With `recurrent_dropout`,
      Keras draws one mask for each gate; `cells.StateDropout` has one for all.
    - `unit_forget_bias` and initialisers matter only to weights that are drawn anew.

    Args:
        layer: a layer, a cell or a `Sequential` model of Keras, built, so that it knows its inputs.

    Raises:
        ImportError: Keras, or its backend, is not installed.
        TypeError: a layer, or an option of one, that has no counterpart.
        ValueError: a layer that is not built.

    Example, where Keras is installed:

        layer = keras.layers.Bidirectional(keras.layers.LSTM(4))
        layer.build((None, None, 3))
        network = interop.keras.network(layer)
        params = interop.keras.load(network, layer)

    The same without it:
        >>> from jaxrnn import cells, networks
        >>> both = networks.Bidirectional(cells.LSTM(3, 4), cells.LSTM(3, 4), merge=networks.Both())
        >>> networks.stack(both, networks.EndsPool()).layers[0].input_shape
        (3,)
    """
    keras: Any = require("keras", "keras").layers
    sequential = require("keras", "keras").Sequential
    if isinstance(layer, sequential | keras.Layer) and not layer.built:
        raise ValueError(f"keras.network: {layer.name} is not built. Call it, or `layer.build`.")
    if isinstance(layer, sequential):
        return networks.stack(**{part.name: _layer(keras, part) for part in layer.layers})
    return _layer(keras, layer)


def _layer(keras: Any, layer: Any) -> Any:
    found: Any = None
    match layer:
        case keras.Bidirectional():
            found = _bidirectional(keras, layer)
        case keras.ConvLSTM1D() | keras.ConvLSTM2D():
            found = _in_time(layer, [_conv(layer)])
        case keras.RNN():
            found = _in_time(layer, _cells(keras, layer.cell))
        case keras.SimpleRNNCell() | keras.GRUCell() | keras.LSTMCell():
            found = _cell(keras, layer)
        case keras.TimeDistributed():
            found = _layer(keras, layer.layer)
        case _:
            found = _stepwise(keras, layer)
    if found is None:
        raise TypeError(
            f"keras.network: {type(layer).__name__} as it is has no counterpart in jaxrnn. Those "
            f"that do: {_KNOWN}. Convert the parts that do one by one."
        )
    return found


def _stepwise(keras: Any, layer: Any) -> networks.Layer | None:
    """A layer that is not recurrent."""
    found: networks.Layer | None = None
    match layer:
        case keras.Dense():
            inputs, outputs = layer.kernel.shape
            dense = networks.Dense(inputs, outputs, use_bias=layer.use_bias)
            found = _followed(dense, layer.activation)
        case keras.Embedding():
            found = networks.Embedding(layer.input_dim, layer.output_dim)
        case keras.LayerNormalization(scale=True, center=True):
            if len(layer.gamma.shape) == 1:
                found = networks.LayerNorm(layer.gamma.shape[0], layer.epsilon)
        case keras.Dropout():
            found = networks.Dropout(layer.rate)
        case keras.Activation():
            found = networks.Activation(_function(layer.activation))
        case keras.GlobalAveragePooling1D():
            found = networks.MeanPool()
        case keras.GlobalMaxPooling1D():
            found = networks.MaxPool()
    return found


def _in_time(layer: Any, found: list[Cell]) -> networks.Layer:
    """Cells one above another, and what Keras returns of them."""
    parts: list[networks.Layer] = [
        networks.Recurrent(cell, reverse=layer.go_backwards) for cell in found
    ]
    if not layer.return_sequences:
        parts.append(networks.FirstPool() if layer.go_backwards else networks.LastPool())
    elif layer.go_backwards:
        parts.append(ProcessingOrder())
    return parts[0] if len(parts) == 1 else networks.stack(*parts)


def _bidirectional(keras: Any, layer: Any) -> networks.Layer:
    ahead, behind = layer.forward_layer, layer.backward_layer
    pairs = [
        _conv(part) if hasattr(part, "kernel_size") else _cells(keras, part.cell)
        for part in (ahead, behind)
    ]
    forward, backward = (pair if isinstance(pair, list) else [pair] for pair in pairs)
    if len(forward) != 1 or len(backward) != 1:
        raise TypeError(
            "keras.network: a Bidirectional layer of stacked cells runs each stack in its own "
            "direction, which jaxrnn has as one Bidirectional layer for each cell only if their "
            "outputs stay apart. Convert its forward_layer and its backward_layer one by one."
        )
    merge = _MERGES[layer.merge_mode]
    if layer.return_sequences:
        return networks.Bidirectional(forward[0], backward[0], merge=merge)
    both = networks.Bidirectional(forward[0], backward[0], merge=networks.Both())
    return networks.stack(both, networks.EndsPool(merge))


def _cells(keras: Any, cell: Any) -> list[Cell]:
    """The cells of a layer, one or several."""
    inside = cell.cells if isinstance(cell, keras.StackedRNNCells) else [cell]
    return [_cell(keras, part) for part in inside]


def _cell(keras: Any, cell: Any) -> Cell:
    found: Cell | None = None
    if isinstance(cell, keras.SimpleRNNCell | keras.GRUCell | keras.LSTMCell):
        inputs, hidden, use_bias = cell.kernel.shape[0], cell.units, cell.use_bias
        if isinstance(cell, keras.SimpleRNNCell):
            activation = _function(cell.activation)
            found = cells.Elman(inputs, hidden, activation, use_bias=use_bias)
        elif _standard(cell):
            if isinstance(cell, keras.LSTMCell):
                found = cells.LSTM(inputs, hidden, use_bias=use_bias)
            elif cell.reset_after:
                found = keeping_both(cells.GRU(inputs, hidden, use_bias=use_bias))
            else:
                found = cells.ResetBeforeGRU(inputs, hidden, use_bias=use_bias)
    return _with_dropout(cell, found)


def _conv(layer: Any) -> Cell:
    cell = layer.cell
    if not _standard(cell) or layer.data_format != "channels_last":
        return _with_dropout(cell, None)
    shape = layer.get_build_config()["input_shape"]
    if None in shape[2:]:
        raise TypeError(
            f"keras.network: {layer.name} must know the size of its images, got {shape}"
        )
    noun = cells.ConvLSTM(
        shape[-1],
        layer.filters,
        tuple(shape[2:-1]),
        kernel_size=tuple(layer.kernel_size),
        strides=tuple(layer.strides),
        dilation=tuple(layer.dilation_rate),
        padding=cells.Same() if layer.padding == "same" else cells.Valid(),
        use_bias=layer.use_bias,
    )
    return _with_dropout(cell, noun)


def _with_dropout(cell: Any, found: Cell | None) -> Cell:
    """The cell in the dropout of Keras; raises if there is none."""
    if found is None:
        raise TypeError(
            f"keras.network: {type(cell).__name__} as it is has no counterpart in jaxrnn. Gates "
            "are sigmoid and candidates tanh in GRU, LSTM and ConvLSTM, which have channels last; "
            f"of cells there are SimpleRNNCell, GRUCell and LSTMCell. Layers: {_KNOWN}."
        )
    if cell.recurrent_dropout:
        found = cells.StateDropout(found, cell.recurrent_dropout)
    return cells.InputDropout(found, cell.dropout) if cell.dropout else found


def _standard(cell: Any) -> bool:
    names = [getattr(cell, name).__name__ for name in ("activation", "recurrent_activation")]
    return names == ["tanh", "sigmoid"]


def _followed(layer: networks.Layer, activation: Any) -> networks.Layer:
    if getattr(activation, "__name__", "") == "linear":
        return layer
    return networks.stack(layer, networks.Activation(_function(activation)))


def _function(activation: Any) -> Any:
    name = getattr(activation, "__name__", "")
    if name not in _ACTIVATIONS:
        raise TypeError(
            f"keras.network: the activation {name or activation} has no counterpart; those that "
            f"do: {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[name]
