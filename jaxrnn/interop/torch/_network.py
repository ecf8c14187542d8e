"""`network`: the definition that computes what a module of PyTorch computes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ... import cells, networks
from ..._checked import checked
from ...cells import Cell
from .._biases import keeping_both
from .._require import require

_KNOWN = (
    "RNN, GRU, LSTM, RNNCell, GRUCell, LSTMCell, Linear, Embedding, LayerNorm, Dropout, ReLU, "
    "Tanh, Sigmoid, SiLU, GELU, and Sequential of these"
)
_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "ReLU": jax.nn.relu,
    "Tanh": jnp.tanh,
    "Sigmoid": jax.nn.sigmoid,
    "SiLU": jax.nn.silu,
    "GELU": partial(jax.nn.gelu, approximate=False),
}


@checked
def network(module: Any) -> Cell | networks.Layer:
    """The cell, layer or stack that computes what a module of PyTorch computes.

    `RNN`, `GRU` and `LSTM` of several layers become a stack, with `networks.Dropout` between the
    layers where the module has dropout. Their cells keep both biases, as parts of one
    (`constraints.Summed`), so that they train as PyTorch's and go back bit for bit. A cell without
    that, such as `cells.LSTM(3, 4)`, loads the sum. `Sequential` becomes a stack whose names are
    those of the `state_dict`.

    What differs:

    - jaxrnn has time first, `[T, *batch, features]`, whatever `batch_first` is.
    - The carry holds one entry for each layer, of `Directions(forward, backward)` if there are two
      directions, where PyTorch stacks `h_n` and `c_n` as `[layers * directions, batch, hidden]`.
    - Sequences of several lengths are padded, with `lengths=`, in any order, instead of packed.
    - Dropout acts where `apply` gets a key: there is no training mode.
    - A symbol out of range is no other symbol's vector. The vector of `padding_idx` is trained as
      any other, where PyTorch keeps its gradient at zero.

    Args:
        module: `nn.RNN`, `nn.GRU`, `nn.LSTM` (with `proj_size`), their cells, `nn.Linear`,
            `nn.Embedding`, `nn.LayerNorm`, `nn.Dropout`, an activation, or an `nn.Sequential`.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: a module, or an option of one, that has no counterpart. For a module of your own,
            build `networks.stack` with a name for each child, and `load` its weights.

    Example, where PyTorch is installed:

        module = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True)
        network = interop.torch.network(module)
        params = interop.torch.load(network, module)

    The same without it:
        >>> from jaxrnn import cells, networks
        >>> cell, above = cells.LSTM(3, 4), cells.LSTM(8, 4)
        >>> network = networks.stack(
        ...     networks.Bidirectional(cell, cell), networks.Bidirectional(above, above))
        >>> network.output_shape
        (8,)
    """
    nn = require("torch", "torch").nn
    found: Any = None
    match module:
        case nn.Sequential():
            parts: dict[str, Any] = {
                name: network(child) for name, child in module.named_children()
            }
            found = networks.stack(**parts)
        case nn.RNNBase():
            found = _recurrent(module)
        case nn.RNNCellBase():
            kind = type(module).__name__.removesuffix("Cell").upper()
            kind = f"RNN_{module.nonlinearity.upper()}" if kind == "RNN" else kind
            found = _cell(kind, module.input_size, module.hidden_size, use_bias=module.bias)
        case nn.Linear():
            sizes = module.in_features, module.out_features
            found = networks.Dense(*sizes, use_bias=module.bias is not None)
        case nn.Embedding(max_norm=None):
            found = networks.Embedding(module.num_embeddings, module.embedding_dim)
        case nn.LayerNorm(normalized_shape=(features,), elementwise_affine=True):
            if module.bias is not None:
                found = networks.LayerNorm(features, module.eps)
        case nn.Dropout():
            found = networks.Dropout(module.p)
        case nn.GELU(approximate="tanh"):
            found = networks.Activation(jax.nn.gelu)
        case nn.Module() if type(module).__name__ in _ACTIVATIONS:
            found = networks.Activation(_ACTIVATIONS[type(module).__name__])
    if found is None:
        raise TypeError(
            f"torch.network: {module!r} has no counterpart in jaxrnn. Those that do: {_KNOWN}. "
            "For a module of your own, build `networks.stack(encoder=..., readout=...)` with the "
            "names of its children, whose order only its `forward` knows."
        )
    return found


def _recurrent(module: Any) -> networks.Layer:
    """A layer, or a stack of several."""
    directions = 2 if module.bidirectional else 1
    layers: list[networks.Layer] = []
    inputs = module.input_size
    for _ in range(module.num_layers):
        if layers and module.dropout:
            layers.append(networks.Dropout(module.dropout))
        sizes = inputs, module.hidden_size, module.proj_size
        cell = _cell(module.mode, *sizes, use_bias=module.bias)
        layers.append(
            networks.Bidirectional(cell, cell) if directions == 2 else networks.Recurrent(cell)
        )
        inputs = directions * (module.proj_size or module.hidden_size)
    return layers[0] if len(layers) == 1 else networks.stack(*layers)


def _cell(mode: str, inputs: int, hidden: int, projected: int = 0, *, use_bias: bool) -> Cell:
    """The cell of a mode, as PyTorch calls it."""
    cell: Cell
    match mode:
        case "RNN_TANH" | "RNN_RELU":
            activation = jnp.tanh if mode == "RNN_TANH" else jax.nn.relu
            cell = cells.Elman(inputs, hidden, activation, use_bias=use_bias)
        case "GRU":
            cell = cells.GRU(inputs, hidden, use_bias=use_bias)
        case _ if projected:
            cell = cells.ProjectedLSTM(inputs, hidden, projected, use_bias=use_bias)
        case _:
            cell = cells.LSTM(inputs, hidden, use_bias=use_bias)
    return keeping_both(cell)
