"""Which cell of jaxrnn computes what a cell of flax.linen computes, and where its arrays are."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn

from ... import cells
from .._flax_cells import ResetAfterMGU, ResidualElman, TwoBiasConvLSTM, is_sigmoid, is_tanh
from .._flax_weights import Blocks, FlaxStyle, blocks

Shape = tuple[int, ...]


def counterpart(module: nn.Module, inputs: Shape) -> cells.Cell | None:
    """The cell of jaxrnn that computes what a cell of flax computes, if there is one.

    A subclass may compute anything, so only flax's own classes have a counterpart.
    """
    make = _COUNTERPARTS.get(type(module))
    return None if make is None or not inputs else make(module, inputs)


def _usual(module: Any) -> bool:
    return is_sigmoid(module.gate_fn) and is_tanh(module.activation_fn)


def _simple(module: nn.SimpleCell, inputs: Shape) -> cells.Cell:
    kind = ResidualElman if module.residual else cells.Elman
    return kind(inputs[-1], module.features, module.activation_fn)


def _lstm(module: Any, inputs: Shape) -> cells.Cell | None:
    return cells.LSTM(inputs[-1], module.features, 0.0) if _usual(module) else None


def _gru(module: nn.GRUCell, inputs: Shape) -> cells.Cell | None:
    return cells.GRU(inputs[-1], module.features) if _usual(module) else None


def _mgu(module: nn.MGUCell, inputs: Shape) -> cells.Cell | None:
    if not _usual(module):
        return None
    kind = ResetAfterMGU if module.reset_gate else cells.UGRNN
    return kind(inputs[-1], module.features)


def _conv_lstm(module: nn.ConvLSTMCell, inputs: Shape) -> cells.Cell | None:
    strides = module.strides or ()
    # Any other padding or stride changes the size of the image, which the state cannot follow.
    if module.padding != "SAME" or any(stride != 1 for stride in strides):
        return None
    *space, channels = inputs
    if not space or len(space) != len(module.kernel_size):
        return None
    return TwoBiasConvLSTM(
        channels,
        module.features,
        tuple(space),
        tuple(module.kernel_size),
        use_bias=module.use_bias,
    )


_COUNTERPARTS: dict[type, Callable[[Any, Shape], cells.Cell | None]] = {
    nn.SimpleCell: _simple,
    nn.LSTMCell: _lstm,
    nn.OptimizedLSTMCell: _lstm,
    nn.GRUCell: _gru,
    nn.MGUCell: _mgu,
    nn.ConvLSTMCell: _conv_lstm,
}

_ELMAN = {
    "kernel": blocks("i.kernel"),
    "recurrent": blocks("h.kernel"),
    "bias": blocks("i.bias"),
}
_MGU = {
    "kernel": blocks("if.kernel in.kernel"),
    "recurrent": blocks("hf.kernel hn.kernel"),
    "bias": blocks("if.bias in.bias"),
    "candidate_bias": blocks("hn.bias"),
}
_ARRAYS: dict[type, Mapping[str, Blocks]] = {
    cells.Elman: _ELMAN,
    ResidualElman: _ELMAN,
    cells.LSTM: {
        "kernel": blocks("ii.kernel if.kernel ig.kernel io.kernel"),
        "recurrent": blocks("hi.kernel hf.kernel hg.kernel ho.kernel"),
        "bias": blocks("hi.bias hf.bias hg.bias ho.bias"),
    },
    cells.GRU: {
        "kernel": blocks("ir.kernel iz.kernel in.kernel"),
        "recurrent": blocks("hr.kernel hz.kernel hn.kernel"),
        "bias": blocks("ir.bias iz.bias in.bias"),
        "candidate_bias": blocks("hn.bias"),
    },
    ResetAfterMGU: _MGU,
    cells.UGRNN: _MGU,
    TwoBiasConvLSTM: {
        "kernel": blocks("ih.kernel", (0, 2, 1, 3)),
        "recurrent": blocks("hh.kernel", (0, 2, 1, 3)),
        "bias": blocks("ih.bias", (0, 2, 1, 3)),
        "recurrent_bias": blocks("hh.bias", (0, 2, 1, 3)),
    },
}

STYLE = FlaxStyle(
    "jaxrnn.interop.linen",
    lambda cell, _: _ARRAYS.get(type(cell)),
    lambda number: (f"layers_{number}",),
)
