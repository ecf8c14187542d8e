"""`load` and `dump`: parameters from a `state_dict` of PyTorch, and back."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._checked import checked
from ..._typing import Array, Params
from ...cells import GRU, LSTM, Cell, Constrained, Elman, ProjectedLSTM
from ...networks import (
    Bidirectional,
    Dense,
    DenseParams,
    Directions,
    Dropout,
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
    "the cells Elman, GRU, LSTM and ProjectedLSTM; Recurrent, Bidirectional and stacks of these; "
    "Dense, Embedding and LayerNorm"
)


@checked
def load(network: Cell | Layer, weights: Any, *, prefix: str = "", dtype: Any = None) -> Params:
    """The parameters of a network, from the weights of a module of PyTorch.

    PyTorch need not be installed where the weights come as arrays of numpy:
    `safetensors.numpy.load_file(path)`, or `numpy.load`.

    The names are those of the `state_dict`. A stack without names is one `nn.RNN`, `nn.GRU` or
    `nn.LSTM` of several layers (`weight_ih_l0`, `weight_ih_l1_reverse`). A stack with names is a
    module whose children have these names, so a whole model of your own loads at once:
    `networks.stack(embedding=..., lstm=..., readout=...)`.

    Args:
        network: what the weights are for, `network(module)` or one's own. A cell that keeps both
            biases of PyTorch gets both, any other their sum.
        weights: the module, its `state_dict()`, or a mapping of arrays.
        prefix: what the names of this network begin with, such as `"encoder."`; other names are
            passed over.
        dtype: the type of the parameters; by default that of the weights.

    Raises:
        ValueError: names or shapes that are missing, left over or different; all are listed.
        TypeError: a network that has no counterpart in PyTorch, weights that are no floating-point
            numbers, or float64 while JAX has 64 bits disabled and no `dtype` is asked for.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import cells, interop, networks
        >>> rng = np.random.default_rng(0)
        >>> shapes = {"weight_ih_l0": (9, 2), "weight_hh_l0": (9, 3), "bias_ih_l0": (9,)}
        >>> shapes["bias_hh_l0"] = (9,)
        >>> weights = {name: rng.normal(size=s).astype("f") for name, s in shapes.items()}
        >>> params = interop.torch.load(networks.Recurrent(cells.GRU(2, 3)), weights)
        >>> params.kernel.shape, params.candidate_bias.shape
        ((2, 9), (3,))
    """
    given = weights.state_dict() if hasattr(weights, "state_dict") else weights
    if isinstance(given, Mapping):
        names = [name for name in given if str(name).startswith(prefix)]
        given = {str(name): _numbers(given[name]) for name in names}
    return _parts.load(_style(prefix), network, given, dtype)


@checked
def dump(network: Cell | Layer, params: Params, *, prefix: str = "") -> dict[str, Any]:
    """The weights of the module of PyTorch that computes the same, by the names of `state_dict`.

    What `load` has read comes back bit for bit where the cells keep both biases, as those of
    `network(module)` do. A cell with one bias gives it as `bias_ih`, and zeros as `bias_hh`. The
    module takes the weights by `module.load_state_dict`, as tensors:
    `{name: torch.from_numpy(array) for name, array in weights.items()}`.

    Args:
        network: what the parameters belong to.
        params: its parameters, or gradients with respect to these.
        prefix: what the names begin with.

    Raises:
        TypeError: a network that has no counterpart in PyTorch.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, interop, networks
        >>> layer = networks.Bidirectional(cells.LSTM(2, 3), cells.LSTM(2, 3))
        >>> weights = interop.torch.dump(layer, layer.init(jax.random.key(0)))
        >>> weights["weight_ih_l0_reverse"].shape
        (12, 2)
    """
    return _parts.dump(_style(prefix), network, params)


def shapes(network: Any) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the arrays that a network has in PyTorch, in its order."""
    return {name: value.shape for name, value in _parts.wanted(_style(""), network).items()}


def _style(prefix: str) -> Style:
    prefix = prefix.replace("{", "{{").replace("}", "}}")
    return Style("torch", lambda network: _tree(network, f"{prefix}{{}}"), _write, _read)


def _numbers(value: Any) -> Any:
    """A tensor as an array of numpy; anything else as it is."""
    if not hasattr(value, "detach"):
        return value
    tensor = value.detach().cpu()
    torch: Any = sys.modules["torch"]
    if tensor.dtype == torch.bfloat16:  # numpy itself has no such type
        import ml_dtypes

        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return np.asarray(tensor)


def _tree(network: Any, names: str) -> Any:
    """A tree like the parameters, of parts that PyTorch has."""
    tree: Any = ()
    match network:
        case Recurrent() | Bidirectional():
            tree = _layer(network, f"{names}_l0")
        case Stack(names=None):
            tree = _layers(network, names)
        case Stack(names=tuple(children)):
            tree = {
                name: _tree(layer, names.replace("{}", f"{_braced(name)}.{{}}"))
                for name, layer in zip(children, network.layers, strict=True)
            }
        case Cell() | Dense() | Embedding() | LayerNorm():
            tree = Part(network, names)
        case _ if _parts.has_parameters(network):
            raise _parts.refused("torch", network, _KNOWN)
    return tree


def _braced(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def _layers(network: Stack, names: str) -> Any:
    """The layers of one recurrent module, which are numbered; dropout has no number."""
    trees: list[Any] = []
    number = 0
    for layer in network.layers:
        if isinstance(layer, Recurrent | Bidirectional):
            trees.append(_layer(layer, f"{names}_l{number}"))
            number += 1
        elif isinstance(layer, Dropout):
            trees.append(())
        else:
            raise TypeError(
                f"torch: a stack without names is one recurrent module, got a "
                f"{type(layer).__name__} among its layers. Give the layers the names of the "
                "module's children: `networks.stack(embedding=..., lstm=..., readout=...)`."
            )
    return tuple(trees)


def _layer(layer: Any, names: str) -> Any:
    if isinstance(layer, Bidirectional):
        return Directions(Part(layer.forward, names), Part(layer.backward, f"{names}_reverse"))
    if layer.reverse:
        raise TypeError(
            "torch: Recurrent(reverse=True) has no counterpart there: PyTorch runs backward only "
            "in a bidirectional module. Use networks.Bidirectional."
        )
    return Part(layer.cell, names)


def _write(noun: Any, params: Params) -> dict[str, Array]:
    match plain("torch", noun):
        case Dense():
            found = {"weight": params.kernel.T, "bias": params.bias}
        case Embedding():
            found = {"weight": params}
        case LayerNorm():
            found = {"weight": params.scale, "bias": params.bias}
        case Elman() | GRU() | LSTM() | ProjectedLSTM() as cell:
            first, second = parted(cell, params) or (None, None)
            found = {"weight_ih": params.kernel.T, "weight_hh": params.recurrent.T}
            found |= {"bias_ih": first, "bias_hh": second}
            if isinstance(cell, ProjectedLSTM):
                found |= {"weight_hr": params.projection.T}
        case _:
            raise _parts.refused("torch", noun, _KNOWN)
    return {name: value for name, value in found.items() if value is not None}


def _read(noun: Any, arrays: Mapping[str, Array]) -> Params:
    if isinstance(noun, Embedding):
        return arrays["weight"]
    if isinstance(noun, LayerNorm):
        return LayerNormParams(arrays["weight"], arrays["bias"])
    if isinstance(noun, Dense):
        return DenseParams(arrays["weight"].T, arrays.get("bias"))
    cell = plain("torch", noun)
    kept = isinstance(noun, Constrained)
    biases = joined(cell, arrays.get("bias_ih"), arrays.get("bias_hh"), both=kept)
    fields = {"kernel": arrays["weight_ih"].T, "recurrent": arrays["weight_hh"].T, **biases}
    if isinstance(cell, ProjectedLSTM):
        fields["projection"] = arrays["weight_hr"].T
    return _parts.made(cell, fields)
