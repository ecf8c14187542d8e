"""`network`: the definition that computes what an nnx module computes."""

from typing import Any

from flax import nnx
from flax.nnx.nn.recurrent import _concatenate

from ... import networks
from ..._checked import checked
from ...cells import Cell
from ._cells import counterpart

_KNOWN = (
    "SimpleCell, LSTMCell, OptimizedLSTMCell, GRUCell, RNN, Bidirectional, Sequential, Linear, "
    "Embed, LayerNorm"
)


@checked
def network(module: nnx.Module) -> Cell | networks.Layer:
    """The cell, layer or stack that computes what an nnx module computes.

    jaxrnn has time first, `[T, *batch, features]`, whatever the module's `time_major`; outputs past
    `lengths` are zero, where flax runs on into the padding; and the carry of an LSTM is
    `LSTMCarry(hidden, cell)`, where flax has `(cell, hidden)`. The parameters of the module go into
    the network by `load`.

    Args:
        module: a cell of flax, an `RNN`, a `Bidirectional`, a `Linear`, `Embed` or `LayerNorm`, or
            a `Sequential` of these and of elementwise functions.

    Raises:
        TypeError: a module, or options of one, that have no counterpart. A cell of one's own is
            wrapped by `NnxCell`.

    Example:
        >>> from flax import nnx
        >>> from jaxrnn import interop
        >>> interop.nnx.network(nnx.RNN(nnx.GRUCell(3, 8, rngs=nnx.Rngs(0)))).output_shape
        (8,)
    """
    return _network(module)


def _network(module: Any) -> Any:
    found: Any = None
    match module:
        case nnx.Sequential():
            found = networks.stack(*(_part(part) for part in module.layers))
        case nnx.RNN():
            if module.reverse and not module.keep_order:
                raise TypeError(
                    "network: RNN(reverse=True) without keep_order=True gives its outputs in order "
                    "of processing, which no layer of jaxrnn does. Set keep_order=True."
                )
            found = networks.Recurrent(_network(module.cell), reverse=module.reverse)
        case nnx.Bidirectional():
            if module.merge_fn is not _concatenate:
                raise TypeError(
                    "network: a merge_fn of one's own has no counterpart. Build "
                    "networks.Bidirectional(forward, backward, merge=networks.Add()) from the "
                    "cells, network(module.forward_rnn.cell)."
                )
            both = _cell(module.forward_rnn), _cell(module.backward_rnn)
            found = networks.Bidirectional(*(_network(cell) for cell in both))
        case nnx.Linear():
            sizes = module.in_features, module.out_features
            found = networks.Dense(*sizes, use_bias=module.use_bias)
        case nnx.Embed():
            found = networks.Embedding(module.num_embeddings, module.features)
        case nnx.LayerNorm(use_bias=True, use_scale=True, reduction_axes=-1, feature_axes=-1):
            found = networks.LayerNorm(module.num_features, module.epsilon)
        case _:
            found = counterpart(module)
    if found is None and isinstance(module, nnx.RNNCellBase):
        raise TypeError(
            f"network: {type(module).__name__} as it is has no counterpart in jaxrnn: its class, "
            "its activations or its matrices are other than flax's own. Wrap what makes it: "
            "`NnxCell(make, inputs)`."
        )
    if found is None:
        raise TypeError(
            f"network: {type(module).__name__} has no counterpart in jaxrnn. Those that do: "
            f"{_KNOWN}. Convert the parts of a module of your own one by one."
        )
    return found


def _cell(rnn: Any) -> Any:
    return rnn.cell


def _part(part: Any) -> networks.Layer:
    return _network(part) if isinstance(part, nnx.Module) else networks.Activation(part)
