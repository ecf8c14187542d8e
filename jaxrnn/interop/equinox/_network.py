"""`network`: the definition that computes what a module of equinox computes."""

from typing import Any

from ... import cells, networks
from ..._checked import checked
from ...cells import Cell
from .._require import require


@checked
def network(module: Any) -> Cell | networks.Layer:
    """The cell or layer that computes what a module of equinox computes.

    equinox has cells and no layer that runs them: `networks.Recurrent(cell)` does, over
    `[T, *batch, features]`, with no `vmap`. Carries are those of equinox: `(hidden, cell)` is an
    `LSTMCarry`.

    Args:
        module: `nn.GRUCell`, `nn.LSTMCell`, `nn.Linear`, `nn.Embedding` or `nn.LayerNorm`.

    Raises:
        ImportError: equinox is not installed.
        TypeError: a module, or an option of one, that has no counterpart. For a module of your own,
            build `networks.stack` with a name for each attribute, and `load` its weights.

    Example:
        >>> import equinox, jax
        >>> from jaxrnn import cells, interop
        >>> module = equinox.nn.GRUCell(3, 4, key=jax.random.key(0))
        >>> interop.equinox.network(module) == cells.GRU(3, 4)
        True
    """
    nn = require("equinox", "equinox").nn
    match module:
        case nn.GRUCell():
            return cells.GRU(module.input_size, module.hidden_size, use_bias=module.use_bias)
        case nn.LSTMCell():
            return cells.LSTM(module.input_size, module.hidden_size, use_bias=module.use_bias)
        case nn.Linear(in_features=int(inputs), out_features=int(outputs)):
            return networks.Dense(inputs, outputs, use_bias=module.use_bias)
        case nn.Embedding():
            return networks.Embedding(module.num_embeddings, module.embedding_size)
        case nn.LayerNorm(shape=(features,), use_weight=True, use_bias=True):
            return networks.LayerNorm(features, module.eps)
    raise TypeError(
        f"equinox.network: {type(module).__name__} as it is has no counterpart in jaxrnn. Those "
        "that do: GRUCell, LSTMCell, Linear, Embedding, LayerNorm. For a module of your own, build "
        "`networks.stack(encoder=..., readout=...)` with the names of its attributes."
    )
