"""`network`: the definition that computes what a linen module computes."""

from typing import Any

import flax.linen as nn
from flax.linen.recurrent import _concatenate

from ... import networks
from ..._checked import checked
from ...cells import Cell
from ._cells import counterpart

_KNOWN = (
    "SimpleCell, LSTMCell, OptimizedLSTMCell, GRUCell, MGUCell, ConvLSTMCell, RNN, Bidirectional, "
    "Sequential, Dense, Embed, LayerNorm"
)


@checked
def network(module: nn.Module, inputs: int | tuple[int, ...]) -> Cell | networks.Layer:
    """The cell, layer or stack that computes what a linen module computes.

    jaxrnn has time first, `[T, *batch, features]`, whatever the module's `time_major`; outputs past
    `lengths` are zero, where flax runs on into the padding; and the carry of an LSTM is
    `LSTMCarry(hidden, cell)`, where flax has `(cell, hidden)`. The parameters of the module go into
    the network by `load`.

    Args:
        module: a cell of flax, an `RNN`, a `Bidirectional`, a `Dense`, `Embed` or `LayerNorm`, or a
            `Sequential` of these and of elementwise functions.
        inputs: what flax infers from the data: the features of one step, or its shape, `(32, 32,
            3)` for images and `()` for symbols.

    Raises:
        TypeError: a module, or options of one, that have no counterpart. A cell of one's own is
            wrapped by `LinenCell`.

    Example:
        >>> import flax.linen as nn
        >>> from jaxrnn.interop import linen
        >>> linen.network(nn.Sequential([nn.RNN(nn.GRUCell(8)), nn.Dense(2)]), 3).output_shape
        (2,)
    """
    return _network(module, (inputs,) if isinstance(inputs, int) else tuple(inputs))


def _network(module: Any, inputs: tuple[int, ...]) -> Any:
    found: Any = None
    match module:
        case nn.Sequential():
            found = _stack(module, inputs)
        case nn.RNN():
            if module.reverse and not module.keep_order:
                raise TypeError(
                    "network: RNN(reverse=True) without keep_order=True gives its outputs in order "
                    "of processing, which no layer of jaxrnn does. Set keep_order=True."
                )
            found = networks.Recurrent(_network(module.cell, inputs), reverse=module.reverse)
        case nn.Bidirectional():
            if module.merge_fn is not _concatenate:
                raise TypeError(
                    "network: a merge_fn of one's own has no counterpart. Build "
                    "networks.Bidirectional(forward, backward, merge=networks.Add()) from the "
                    "cells, network(module.forward_rnn.cell, inputs)."
                )
            both = _cell(module.forward_rnn), _cell(module.backward_rnn)
            found = networks.Bidirectional(*(_network(cell, inputs) for cell in both))
        case nn.Dense():
            found = networks.Dense(inputs[-1], module.features, use_bias=module.use_bias)
        case nn.Embed():
            found = networks.Embedding(module.num_embeddings, module.features)
        case nn.LayerNorm(use_bias=True, use_scale=True, reduction_axes=-1, feature_axes=-1):
            found = networks.LayerNorm(inputs[-1], module.epsilon)
        case _:
            found = counterpart(module, inputs)
    if found is None and isinstance(module, nn.RNNCellBase):
        raise TypeError(
            f"network: {module} has no counterpart in jaxrnn. Wrap it as it is: "
            f"`LinenCell(module, {inputs})`."
        )
    if found is None:
        raise TypeError(
            f"network: {type(module).__name__} has no counterpart in jaxrnn. Those that do: "
            f"{_KNOWN}. Convert the parts of a module of your own one by one."
        )
    return found


def _cell(rnn: Any) -> Any:
    return rnn.cell


def _stack(module: nn.Sequential, inputs: tuple[int, ...]) -> networks.Layer:
    layers: list[networks.Layer] = []
    for part in module.layers:
        own = isinstance(part, nn.Module)
        layer: Any = _network(part, inputs) if own else networks.Activation(part)
        layers.append(layer)
        if not layer.keeps_shape:
            inputs = layer.output_shape
    return networks.stack(*layers)
