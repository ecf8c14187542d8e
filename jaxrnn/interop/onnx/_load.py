"""`load`: parameters from the weights of an ONNX model."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import _check
from ..._checked import checked
from ..._typing import Params
from ...cells import Cell
from ...networks import Bidirectional, Layer, Recurrent
from .._weights import array, compare
from ._entries import entry
from ._model import constants, library, read_model, recurrent_node


@checked
def load(
    network: Layer | Cell, weights: Any, *, node: str | None = None, dtype: Any = None
) -> Params:
    """The parameters of a layer from the weights of an ONNX model.

    For a single recurrent layer that is any model with such a node. For a whole network, its
    arrays must have the names that `dump` gives them.

    A cell of jaxrnn has one bias where the operator has two: their sum. (`GRU` keeps that of the
    candidate's recurrent product apart.) So what `dump` wrote comes back bit for bit, and a model
    with two biases computes the same, but its two halves cannot be told apart any more.

    Args:
        network: a layer or a cell, such as `network` gives.
        weights: an `onnx.ModelProto`, the path of a file, or a mapping of arrays: `W`, `R`, `B`,
            `P`, `initial_h` and `initial_c` of a recurrent layer, each with its axis of directions.
        node: the node of the model, as for `network`.
        dtype: the type of the parameters; None keeps that of the weights.

    Raises:
        ValueError: names or shapes that are missing, left over or different, all of them listed; no
            valid model, or no such node.
        TypeError: a layer without a counterpart, or a type that JAX would narrow.
        OSError: a file cannot be read.
        ImportError: a model, when onnx is not installed.

    Example:
        >>> import jax, numpy as np
        >>> from jaxrnn import cells, networks
        >>> from jaxrnn.interop import onnx
        >>> layer = networks.Recurrent(cells.Elman(3, 4, use_bias=False))
        >>> weights = {"W": np.ones((1, 4, 3), "float32"), "R": np.ones((1, 4, 4), "float32")}
        >>> onnx.load(layer, weights).kernel.shape
        (3, 4)
    """
    if dtype is not None and not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"onnx.load: dtype must be a floating type, got {dtype!r}")
    layer = Recurrent(network) if isinstance(network, Cell) else network
    if not isinstance(weights, Mapping):
        weights = _of_model(layer, weights, node)
    return weights_of("onnx.load", layer, weights, dtype)


def weights_of(who: str, layer: Layer, weights: Mapping[str, Any], dtype: Any = None) -> Params:
    """The parameters of a layer from arrays by their names."""
    wanted = entry(layer, "", who)
    compare(who, weights, wanted.shapes)
    given = {name: _given(who, name, value, dtype) for name, value in weights.items()}
    return jax.tree.map(jnp.asarray, wanted.read(given))


def _given(who: str, name: str, value: Any, dtype: Any) -> Any:
    """An array of numpy, whose blocks move without a program to compile; a traced one as it is."""
    if isinstance(value, jax.core.Tracer):
        return value if dtype is None else value.astype(dtype)
    _check.floating(who, name, value, "")
    return np.asarray(array(who, name, value, dtype))


def _of_model(layer: Layer, model: Any, node: str | None) -> dict[str, Any]:
    who = "onnx.load"
    proto = read_model(who, model)
    if isinstance(layer, Recurrent | Bidirectional):
        found = recurrent_node(who, proto, node, alone=False)
        here = constants(who, proto, found)
        wanted = entry(layer, "", who).shapes
        zeros = [name for name in here if name.startswith("initial") and name not in wanted]
        return {name: value for name, value in here.items() if name not in zeros or value.any()}
    to_array = library().numpy_helper.to_array
    named = entry(layer, "", who).shapes
    return {t.name: to_array(t) for t in proto.graph.initializer if t.name in named}
