"""Which cell of jaxrnn computes what a cell of flax.nnx computes, and where its arrays are."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import nnx
from flax.nnx.nn.dtypes import promote_dtype

from ... import cells
from .._flax_cells import ResidualElman, is_sigmoid, is_tanh
from .._flax_weights import Blocks, FlaxStyle, Name, blocks


def counterpart(module: nnx.Module) -> cells.Cell | None:
    """The cell of jaxrnn that computes what a cell of flax computes, if there is one.

    A subclass may compute anything, and so may a cell whose matrices were put in the place of its
    own, to adapt or to quantise them: only flax's own classes have a counterpart.
    """
    make = _COUNTERPARTS.get(type(module))
    return None if make is None or not _plain(module) else make(module)


def _plain(module: Any) -> bool:
    """Whether its matrices are multiplied as flax does by default."""
    parts = [part for part in vars(module).values() if isinstance(part, nnx.Module)]
    return module.promote_dtype is promote_dtype and all(
        type(part) is nnx.Linear
        and part.promote_dtype is promote_dtype
        and part.dot_general is jax.lax.dot_general
        and part.precision is None
        and part.preferred_element_type is None
        for part in parts
    )


def _usual(module: Any) -> bool:
    return is_sigmoid(module.gate_fn) and is_tanh(module.activation_fn)


def _simple(module: nnx.SimpleCell) -> cells.Cell:
    kind = ResidualElman if module.residual else cells.Elman
    return kind(module.in_features, module.hidden_features, module.activation_fn)


def _lstm(module: Any) -> cells.Cell | None:
    sizes = module.in_features, module.hidden_features
    return cells.LSTM(*sizes, forget_bias=0.0) if _usual(module) else None


def _gru(module: nnx.GRUCell) -> cells.Cell | None:
    sizes = module.in_features, module.hidden_features
    return cells.GRU(*sizes, use_candidate_bias=False) if _usual(module) else None


_COUNTERPARTS: dict[type, Callable[[Any], cells.Cell | None]] = {
    nnx.SimpleCell: _simple,
    nnx.LSTMCell: _lstm,
    nnx.OptimizedLSTMCell: _lstm,
    nnx.GRUCell: _gru,
}

_ELMAN = {
    "kernel": blocks("dense_i.kernel"),
    "recurrent": blocks("dense_h.kernel"),
    "bias": blocks("dense_i.bias"),
}
_LSTM = {
    "kernel": blocks("ii.kernel if_.kernel ig.kernel io.kernel"),
    "recurrent": blocks("hi.kernel hf.kernel hg.kernel ho.kernel"),
    "bias": blocks("hi.bias hf.bias hg.bias ho.bias"),
}
_OPTIMIZED_LSTM = {
    "kernel": blocks("dense_i.kernel"),
    "recurrent": blocks("dense_h.kernel"),
    "bias": blocks("dense_h.bias"),
}
_ARRAYS: dict[type, Mapping[str, Blocks]] = {
    cells.Elman: _ELMAN,
    ResidualElman: _ELMAN,
    cells.GRU: {
        "kernel": blocks("dense_i.kernel"),
        "recurrent": blocks("dense_h.kernel"),
        "bias": blocks("dense_i.bias"),
    },
}


def style(optimized: Callable[[Name], bool]) -> FlaxStyle:
    """How nnx names things; `optimized` says which LSTMs, by their place, are optimized ones."""

    def arrays(cell: cells.Cell, place: Name) -> Mapping[str, Blocks] | None:
        if isinstance(cell, cells.LSTM):
            return _OPTIMIZED_LSTM if optimized(place) else _LSTM
        return _ARRAYS.get(type(cell))

    return FlaxStyle("jaxrnn.interop.nnx", arrays, lambda number: ("layers", str(number)))


def arrays(module: Any) -> dict[Name, Any]:
    """The arrays of a cell of flax, by name."""
    return {
        (name, field): getattr(part, field)[...]
        for name, part in vars(module).items()
        if isinstance(part, nnx.Linear)
        for field in ("kernel", "bias")
        if getattr(part, field) is not None
    }


def pure(tree: Mapping[Any, Any]) -> dict[Any, Any]:
    """The arrays of nested mappings, taken out of their variables; only those of parameters."""
    return {
        name: pure(value) if isinstance(value, Mapping) else _array(value)
        for name, value in tree.items()
        if not isinstance(value, nnx.Variable) or isinstance(value, nnx.Param)
    }


def _array(value: Any) -> Any:
    return value[...] if isinstance(value, nnx.Variable) else value
