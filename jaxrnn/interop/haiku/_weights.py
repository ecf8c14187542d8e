"""`load` and `dump`: parameters from those of haiku, and back."""

from collections.abc import Mapping
from typing import Any

from ..._checked import checked
from ..._typing import Array, Params
from ...cells import LSTM, Cell, Elman, ResetBeforeGRU
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
from . import _cells

_KNOWN = (
    "the cells LSTM and ResetBeforeGRU with biases, Elman with jax.nn.relu; Recurrent of these, "
    "Dense, Embedding, LayerNorm, and stacks"
)
_NAMES: dict[type, str] = {
    Elman: "vanilla_rnn",
    LSTM: "lstm",
    ResetBeforeGRU: "gru",
    Dense: "linear",
    Embedding: "embed",
    LayerNorm: "layer_norm",
}


@checked
def load(network: Cell | Layer, weights: Any, *, prefix: str = "", dtype: Any = None) -> Params:
    """The parameters of a network, from those of haiku: `{"lstm/linear": {"w": ..., "b": ...}}`.

    haiku itself is not needed. A stack with names has those of haiku's modules:
    `networks.stack(lstm=..., lstm_1=..., linear=...)`, or `**{"net/~/lstm": ...}`. Without names,
    modules are called and counted as haiku does it: `lstm`, `lstm_1`.

    Args:
        network: what the weights are for, `network(core, inputs)` or one's own. A plain
            `cells.LSTM` has haiku's forget bias of 1 in its bias.
        weights: the parameters that `init` of `hk.transform` returns.
        prefix: what the modules of this network begin with, such as `"net/~/"`; others are passed
            over.
        dtype: the type of the parameters; by default that of the weights.

    Raises:
        ValueError: names or shapes that are missing, left over or different; all are listed.
        TypeError: a network that has no counterpart in haiku, weights that are no floating-point
            numbers, or float64 while JAX has 64 bits disabled and no `dtype` is asked for.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import cells, interop
        >>> arrays = {"w": np.ones((5, 12), np.float32), "b": np.zeros(12, np.float32)}
        >>> interop.haiku.load(cells.LSTM(2, 3), {"lstm/linear": arrays}).bias.tolist()
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    given = weights
    if isinstance(weights, Mapping) and all(isinstance(v, Mapping) for v in weights.values()):
        given = {
            f"{module}.{name}": value
            for module, arrays in weights.items()
            if str(module).startswith(prefix)
            for name, value in arrays.items()
        }
    return _parts.load(_style(prefix), network, given, dtype)


@checked
def dump(network: Cell | Layer, params: Params, *, prefix: str = "") -> dict[str, dict[str, Array]]:
    """The parameters of haiku's modules that compute the same, which `apply` takes.

    What `load` has read comes back bit for bit where the cells are those of `network(core,
    inputs)`. From the bias of a plain `cells.LSTM`, 1 is taken away, which rounds.

    Args:
        network: what the parameters belong to.
        params: its parameters.
        prefix: what the names of the modules begin with.

    Raises:
        TypeError: a network that has no counterpart in haiku.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, interop
        >>> cell = cells.ResetBeforeGRU(2, 3)
        >>> weights = interop.haiku.dump(cell, cell.init(jax.random.key(0)))
        >>> weights["gru"]["w_i"].shape
        (2, 9)
    """
    tree: dict[str, dict[str, Array]] = {}
    for path, value in _parts.written(_style(prefix), network, params).items():
        module, name = path.rsplit(".", 1)
        tree.setdefault(module, {})[name] = value
    return tree


def _style(prefix: str) -> Style:
    return Style("haiku", lambda network: _tree(network, prefix, {}), _write, _read)


def _tree(network: Any, prefix: str, counts: dict[str, int], name: str | None = None) -> Any:
    """A tree like the parameters, of parts that haiku has; `counts` numbers what has no name."""
    tree: Any = ()
    match network:
        case Recurrent():
            tree = _tree(network.cell, prefix, counts, name)
        case Stack(names=tuple(children)):
            inside = prefix if name is None else f"{prefix}{name}/~/"
            tree = {
                child: _tree(layer, inside, {}, child)
                for child, layer in zip(children, network.layers, strict=True)
            }
        case Stack():
            tree = tuple(_tree(layer, prefix, counts) for layer in network.layers)
        case Cell() | Dense() | Embedding() | LayerNorm():
            noun = _cells.plain_cell(network)[0] if isinstance(network, Cell) else network
            if type(noun) not in _NAMES:
                raise _parts.refused("haiku", noun, _KNOWN)
            tree = Part(network, f"{prefix}{name or _counted(_NAMES[type(noun)], counts)}{{}}")
        case _ if _parts.has_parameters(network):
            raise _parts.refused("haiku", network, _KNOWN)
    return tree


def _counted(name: str, counts: dict[str, int]) -> str:
    number = counts[name] = counts.get(name, -1) + 1
    return f"{name}_{number}" if number else name


def _write(noun: Any, params: Params) -> dict[str, Array]:
    found: dict[str, Any] | None
    match noun:
        case Dense():
            found = {".w": params.kernel, ".b": params.bias}
        case Embedding():
            found = {".embeddings": params}
        case LayerNorm():
            found = {".scale": params.scale, ".offset": params.bias}
        case _:
            found = _cells.write(noun, params)
    if found is None:
        raise _parts.refused("haiku", _cells.plain_cell(noun)[0], _KNOWN)
    return {name: value for name, value in found.items() if value is not None}


def _read(noun: Any, arrays: Mapping[str, Array]) -> Params:
    match noun:
        case Dense():
            return DenseParams(arrays[".w"], arrays.get(".b"))
        case Embedding():
            return arrays[".embeddings"]
        case LayerNorm():
            return LayerNormParams(arrays[".scale"], arrays[".offset"])
    return _cells.read(noun, arrays)
