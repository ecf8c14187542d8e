"""`load` and `dump`: parameters from the arrays of equinox's modules, and back."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..._checked import checked
from ..._typing import Array, Params
from ...cells import GRU, LSTM, Cell
from ...networks import (
    Dense,
    DenseParams,
    Embedding,
    Layer,
    LayerNorm,
    LayerNormParams,
    Recurrent,
    Stack,
)
from .. import _parts
from .._parts import Part, Style

_KNOWN = "GRU, LSTM, Recurrent of these, Dense, Embedding, LayerNorm, and stacks with names"


@checked
def load(network: Cell | Layer, weights: Any, *, dtype: Any = None) -> Params:
    """The parameters of a network, from a module of equinox.

    The names are the paths of the module's arrays, as `encoder.weight_ih`. A stack with names is a
    module whose attributes have these names: `networks.stack(encoder=..., readout=...)`. equinox
    itself is not needed, since a module is a tree.

    Args:
        network: what the weights are for, `network(module)` or one's own.
        weights: the module, or a mapping of arrays by their paths.
        dtype: the type of the parameters; by default that of the weights.

    Raises:
        ValueError: names or shapes that are missing, left over or different; all are listed.
        TypeError: a network that has no counterpart in equinox, weights that are no floating-point
            numbers, or float64 while JAX has 64 bits disabled and no `dtype` is asked for.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import interop, networks
        >>> weights = {"weight": np.ones((4, 3), np.float32), "bias": np.ones(4, np.float32)}
        >>> interop.equinox.load(networks.Dense(3, 4), weights).kernel.shape
        (3, 4)
    """
    given = weights
    if not isinstance(weights, Mapping):
        given = {
            jax.tree_util.keystr(path, simple=True, separator="."): leaf
            for path, leaf in jax.tree.leaves_with_path(weights)
            if path and isinstance(leaf, jax.Array | np.ndarray)
        } or weights
    return _parts.load(_STYLE, network, given, dtype)


@checked
def dump(network: Cell | Layer, params: Params) -> dict[str, Array]:
    """The arrays of the module of equinox that computes the same, by their paths.

    A module takes them by `equinox.tree_at`; see the page on coming from equinox.

    Args:
        network: what the parameters belong to.
        params: its parameters, or gradients with respect to these.

    Raises:
        TypeError: a network that has no counterpart in equinox.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, interop
        >>> cell = cells.GRU(3, 4)
        >>> list(interop.equinox.dump(cell, cell.init(jax.random.key(0))))
        ['weight_ih', 'weight_hh', 'bias', 'bias_n']
    """
    return _parts.written(_STYLE, network, params)


def _tree(network: Any, prefix: str = "") -> Any:
    tree: Any = ()
    match network:
        case Recurrent():
            tree = Part(network.cell, f"{prefix}{{}}")
        case Stack(names=tuple(children)):
            tree = {
                name: _tree(layer, f"{prefix}{name}.")
                for name, layer in zip(children, network.layers, strict=True)
            }
        case Cell() | Dense() | Embedding() | LayerNorm():
            tree = Part(network, f"{prefix}{{}}")
        case _ if _parts.has_parameters(network):
            raise _parts.refused("equinox", network, _KNOWN)
    return tree


def _write(noun: Any, params: Params) -> dict[str, Array]:
    found: dict[str, Any]
    match noun:
        case Dense():
            found = {"weight": params.kernel.T, "bias": params.bias}
        case Embedding():
            found = {"weight": params}
        case LayerNorm():
            found = {"weight": params.scale, "bias": params.bias}
        case GRU() | LSTM():
            found = {"weight_ih": params.kernel.T, "weight_hh": params.recurrent.T}
            found["bias"] = params.bias
            if isinstance(noun, GRU):
                found["bias_n"] = params.candidate_bias
        case _:
            raise _parts.refused("equinox", noun, _KNOWN)
    return {name: value for name, value in found.items() if value is not None}


def _read(noun: Any, arrays: Mapping[str, Array]) -> Params:
    match noun:
        case Dense():
            return DenseParams(arrays["weight"].T, arrays.get("bias"))
        case Embedding():
            return arrays["weight"]
        case LayerNorm():
            return LayerNormParams(arrays["weight"], arrays["bias"])
    fields: dict[str, Any] = {"kernel": arrays["weight_ih"].T, "recurrent": arrays["weight_hh"].T}
    fields |= {"bias": arrays.get("bias")}
    if isinstance(noun, GRU):
        fields |= {"candidate_bias": arrays.get("bias_n")}
    return _parts.made(noun, fields)


_STYLE = Style("equinox", _tree, _write, _read)
