"""`network`: the definition that computes what a core of haiku computes."""

from typing import Any

import jax

from ... import _check, cells, networks
from ..._checked import checked
from .._biases import keeping_both
from .._require import require
from ._cells import lstm


@checked
def network(core: Any, inputs: int) -> networks.Layer:
    """The layers that compute what a core of haiku computes when it is unrolled.

    A core of haiku can be made inside of `hk.transform` only, and does not know its inputs, so call
    it there and say how many there are. The result has nothing of haiku in it.

    haiku's LSTM adds 1 to the forget gate in every step; the cell here keeps the bias without it
    (`constraints.Shifted`), so that it trains as haiku's and goes back bit for bit. `VanillaRNN`
    with two biases keeps both. The update gate of haiku's GRU opens towards the candidate, ours
    towards the state: its weights change their signs. `hk.ResetCore` is the core inside, with
    `resets=` where the network is run. Carries are those of haiku: `LSTMCarry(hidden, cell)`.

    Args:
        core: `hk.VanillaRNN`, `hk.LSTM`, `hk.GRU`, `hk.ResetCore` of one, or an `hk.DeepRNN` of
            cores, `hk.Linear` and functions.
        inputs: features of the input.

    Raises:
        ImportError: haiku is not installed.
        TypeError: a core that has no counterpart.
        ValueError: no inputs.

    Example:
        >>> import haiku as hk, jax, jax.numpy as jnp
        >>> from jaxrnn import interop
        >>> def model(xs):
        ...     core = hk.LSTM(4)
        ...     made.append(interop.haiku.network(core, xs.shape[-1]))
        ...     return hk.dynamic_unroll(core, xs, core.initial_state(xs.shape[1]))[0]
        >>> made, transformed, xs = [], hk.transform(model), jnp.ones((5, 2, 3))
        >>> weights = transformed.init(jax.random.key(0), xs)
        >>> params = interop.haiku.load(made[0], weights)
        >>> ys = made[0].apply(params, xs)[1]
        >>> bool(jnp.allclose(ys, transformed.apply(weights, None, xs), atol=1e-6))
        True
    """
    hk: Any = require("haiku", "haiku")
    _check.sizes("haiku.network", inputs=inputs)
    return _layer(hk, core, inputs)


def _layer(hk: Any, core: Any, inputs: int) -> networks.Layer:
    found: networks.Layer | None = None
    match core:
        case hk.VanillaRNN():
            cell: cells.Cell = cells.Elman(inputs, core.hidden_size, jax.nn.relu)
            found = networks.Recurrent(keeping_both(cell) if core.double_bias else cell)
        case hk.LSTM():
            found = networks.Recurrent(lstm(inputs, core.hidden_size))
        case hk.GRU():
            found = networks.Recurrent(cells.ResetBeforeGRU(inputs, core.hidden_size))
        case hk.ResetCore():
            found = _layer(hk, core.core, inputs)
        case hk.Linear():
            found = networks.Dense(inputs, core.output_size, use_bias=core.with_bias)
        case hk.DeepRNN() if not core.skip_connections:
            found = _stack(hk, core, inputs)
        case _ if callable(core) and not isinstance(core, hk.Module):
            found = networks.Activation(core)
    if found is None:
        raise TypeError(
            f"haiku.network: {type(core).__name__} as it is has no counterpart in jaxrnn. Those "
            "that do: VanillaRNN, LSTM, GRU, ResetCore, and DeepRNN of these, of Linear and of "
            "functions. Skip connections are built from networks.Parallel."
        )
    return found


def _stack(hk: Any, core: Any, inputs: int) -> networks.Layer:
    """The layers of a `DeepRNN`, by the names of their modules."""
    named: dict[str, Any] = {}
    for number, part in enumerate(core.layers):
        inner = part.core if isinstance(part, hk.ResetCore) else part
        name = getattr(inner, "module_name", f"function_{number}")
        named[name] = _layer(hk, part, inputs)
        inputs = (named[name].output_shape or (inputs,))[-1]
    return networks.stack(**named)
