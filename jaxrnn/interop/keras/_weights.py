"""`load` and `dump`: parameters from the weights of Keras, and back."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from ..._checked import checked
from ..._typing import Array, Params
from ...cells import (
    GRU,
    LSTM,
    Cell,
    Constrained,
    ConvLSTM,
    Elman,
    InputDropout,
    ResetBeforeGRU,
    StateDropout,
)
from ...networks import (
    Bidirectional,
    Dense,
    DenseParams,
    Directions,
    Embedding,
    Layer,
    LayerNorm,
    LayerNormParams,
    Recurrent,
    Stack,
)
from .. import _parts
from .._biases import joined, parted, plain
from .._parts import Part, Style

_KNOWN = (
    "the cells Elman, GRU, ResetBeforeGRU, LSTM and ConvLSTM, with dropout around them or without; "
    "Recurrent, Bidirectional and stacks of these; Dense, Embedding and LayerNorm"
)
_GRU = (1, 0, 2)  # z r h there, r z n here, and back


@checked
def load(network: Cell | Layer, weights: Any, *, dtype: Any = None) -> Params:
    """The parameters of a network, from the weights of Keras.

    Keras need not be installed where the weights come as arrays: the list of `get_weights()`, in
    its order, or a mapping. The names are `kernel`, `recurrent_kernel` and `bias`. They stand under
    `forward/` and `backward/` for a `Bidirectional` layer, and under `0/` and `1/` for stacked
    cells, which are a stack without names. A stack with names is a Keras model whose layers have
    these names: `networks.stack(embedding=..., lstm=..., dense=...)`, `lstm/kernel`.

    Args:
        network: what the weights are for, `network(layer)` or one's own. A cell that keeps both
            biases of Keras' `GRU(reset_after=True)` gets both, any other their sum.
        weights: the layer or model itself, the list of its `get_weights()`, or a mapping of arrays.
        dtype: the type of the parameters; by default that of the weights.

    Raises:
        ValueError: names, shapes or numbers of arrays that differ; all are listed.
        TypeError: a network that has no counterpart in Keras, weights that are no floating-point
            numbers, or float64 while JAX has 64 bits disabled and no `dtype` is asked for.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import cells, interop
        >>> weights = [np.ones(shape, np.float32) for shape in ((2, 12), (3, 12), (12,))]
        >>> interop.keras.load(cells.LSTM(2, 3), weights).recurrent.shape
        (3, 12)
    """
    given = weights.get_weights() if hasattr(weights, "get_weights") else weights
    if isinstance(given, list | tuple):
        names = list(_parts.wanted(_STYLE, network))
        if len(given) != len(names):
            raise ValueError(
                f"keras.load: weights must be {len(names)} arrays, {', '.join(names)}, got "
                f"{len(given)}."
            )
        given = dict(zip(names, given, strict=True))
    return _parts.load(_STYLE, network, given, dtype)


@checked
def dump(network: Cell | Layer, params: Params) -> dict[str, Any]:
    """The weights of the layer of Keras that computes the same, in the order of `get_weights()`.

    The layer takes them by `layer.set_weights(list(weights.values()))`. What `load` has read comes
    back bit for bit where the cells keep both biases, as those of `network(layer)` do.

    Args:
        network: what the parameters belong to.
        params: its parameters, or gradients with respect to these.

    Raises:
        TypeError: a network that has no counterpart in Keras.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, interop
        >>> cell = cells.GRU(2, 3)
        >>> weights = interop.keras.dump(cell, cell.init(jax.random.key(0)))
        >>> {name: array.shape for name, array in weights.items()}
        {'kernel': (2, 9), 'recurrent_kernel': (3, 9), 'bias': (2, 9)}
    """
    return _parts.dump(_STYLE, network, params)


def _tree(network: Any, prefix: str = "") -> Any:
    """A tree like the parameters, of parts that Keras has."""
    tree: Any = ()
    match network:
        case Recurrent():
            tree = Part(network.cell, f"{prefix}{{}}")
        case Bidirectional():
            tree = Directions(
                Part(network.forward, f"{prefix}forward/{{}}"),
                Part(network.backward, f"{prefix}backward/{{}}"),
            )
        case Stack(names=tuple(children)):
            tree = {
                name: _tree(layer, f"{prefix}{_braced(name)}/")
                for name, layer in zip(children, network.layers, strict=True)
            }
        case Stack():
            tree = _layers(network, prefix)
        case Cell() | Dense() | Embedding() | LayerNorm():
            tree = Part(network, f"{prefix}{{}}")
        case _ if _parts.has_parameters(network):
            raise _parts.refused("keras", network, _KNOWN)
    return tree


def _braced(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def _layers(network: Stack, prefix: str) -> Any:
    """One layer of Keras: with a pooling behind it, say, or several cells, which are numbered."""
    own = [layer for layer in network.layers if _parts.has_parameters(layer)]
    places = {
        index: f"{prefix}{number}/" if len(own) > 1 else prefix
        for number, index in enumerate(i for i, layer in enumerate(network.layers) if layer in own)
    }
    return tuple(
        _tree(layer, places[index]) if index in places else ()
        for index, layer in enumerate(network.layers)
    )


def _inside(noun: Any) -> Any:
    """The cell inside of dropout."""
    while isinstance(noun, InputDropout | StateDropout):
        noun = noun.cell
    return noun


def _write(noun: Any, params: Params) -> dict[str, Array]:
    found: dict[str, Any]
    cell = plain("keras", _inside(noun))
    match cell:
        case Dense():
            found = {"kernel": params.kernel, "bias": params.bias}
        case Embedding():
            found = {"embeddings": params}
        case LayerNorm():
            found = {"gamma": params.scale, "beta": params.bias}
        case GRU():
            both = parted(cell, params)
            bias = None if both is None else _parts.reordered(jnp.stack(both), _GRU)
            found = {"kernel": _parts.reordered(params.kernel, _GRU)}
            found |= {"recurrent_kernel": _parts.reordered(params.recurrent, _GRU), "bias": bias}
        case ResetBeforeGRU():
            mixed = jnp.concatenate([params.recurrent, params.candidate], axis=-1)
            bias = None if params.bias is None else _parts.reordered(params.bias, _GRU)
            found = {"kernel": _parts.reordered(params.kernel, _GRU)}
            found |= {"recurrent_kernel": _parts.reordered(mixed, _GRU), "bias": bias}
        case Elman() | LSTM() | ConvLSTM() if cell is _inside(noun):
            found = {"kernel": params.kernel, "recurrent_kernel": params.recurrent}
            found |= {"bias": params.bias}
        case _:
            raise _parts.refused("keras", _inside(noun), _KNOWN)
    return {name: value for name, value in found.items() if value is not None}


def _read(noun: Any, arrays: Mapping[str, Array]) -> Params:
    noun = _inside(noun)
    match noun:
        case Dense():
            return DenseParams(arrays["kernel"], arrays.get("bias"))
        case Embedding():
            return arrays["embeddings"]
        case LayerNorm():
            return LayerNormParams(arrays["gamma"], arrays["beta"])
    cell = plain("keras", noun)
    kernel, recurrent, bias = (arrays.get(name) for name in ("kernel", "recurrent_kernel", "bias"))
    fields: dict[str, Any] = {"kernel": kernel, "recurrent": recurrent, "bias": bias}
    if isinstance(cell, GRU | ResetBeforeGRU):
        fields = {
            name: None if value is None else _parts.reordered(value, _GRU)
            for name, value in fields.items()
        }
    if isinstance(cell, GRU):
        both = (None, None) if fields["bias"] is None else tuple(fields["bias"])
        fields |= joined(cell, *both, both=isinstance(noun, Constrained))
    if isinstance(cell, ResetBeforeGRU):
        pair = jnp.split(fields["recurrent"], [2 * cell.hidden], axis=-1)
        fields["recurrent"], fields["candidate"] = pair
    return _parts.made(cell, fields)


_STYLE = Style("keras", _tree, _write, _read)
