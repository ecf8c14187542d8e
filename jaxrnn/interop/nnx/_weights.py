"""`load` and `dump`: parameters from the arrays of an nnx module, and back."""

from collections.abc import Mapping
from typing import Any

from flax import nnx

from ..._checked import checked
from ..._typing import Params
from ...cells import Cell
from ...networks import Layer
from .. import _flax_weights
from .._flax_weights import Name, flat
from ._cells import pure, style


@checked
def load(
    network: Cell | Layer, weights: Mapping[str, Any] | nnx.Module, *, dtype: Any = None
) -> Params:
    """Parameters of a network from the weights of an nnx module that computes the same.

    Args:
        network: what the weights are for, `network(module)` or one's own.
        weights: the module, its `nnx.state(module)`, or a nested mapping of arrays.
            Variables that are no `nnx.Param` are passed over.
        dtype: the type of the parameters; by default that of the weights.

    Raises:
        ValueError: names or shapes that are missing, left over or different; all are listed.
        TypeError: a network that has no counterpart in flax, or float64 while JAX has 64 bits
            disabled and no `dtype` is asked for.

    Example:
        >>> import jax.numpy as jnp
        >>> from flax import nnx
        >>> from jaxrnn import interop
        >>> module, xs = nnx.RNN(nnx.GRUCell(3, 4, rngs=nnx.Rngs(0))), jnp.ones((2, 7, 3))
        >>> net = interop.nnx.network(module)
        >>> carry, ys = net.apply(interop.nnx.load(net, module), jnp.swapaxes(xs, 0, 1))
        >>> bool(jnp.allclose(jnp.swapaxes(ys, 0, 1), module(xs), atol=1e-6))
        True
    """
    state: Any = nnx.state(weights) if isinstance(weights, nnx.Module) else weights
    _flax_weights.check_mapping("jaxrnn.interop.nnx", state)
    tree = pure(state)
    given = flat(tree)
    names = style(lambda place: (*place, "dense_i", "kernel") in given)
    return _flax_weights.load(names, network, tree, dtype)


@checked
def dump(
    network: Cell | Layer, params: Params, *, lstm: type[nnx.Module] = nnx.LSTMCell
) -> dict[Any, Any]:
    """The weights of the nnx module that computes the same, as `nnx.update` takes them.

    The module is the counterpart of the network: `RNN` of a `Recurrent`, `Bidirectional` of two
    `RNN`, `Sequential` of a stack, and the cell of a cell. The weights that `load` has read come
    back bit for bit.

    Args:
        network: what the parameters belong to.
        params: its parameters.
        lstm: the class that an LSTM is written for, `nnx.LSTMCell` or `nnx.OptimizedLSTMCell`,
            which name their arrays differently.

    Raises:
        TypeError: a network that has no counterpart in flax.

    Example:
        >>> import jax
        >>> from flax import nnx
        >>> from jaxrnn import cells, interop
        >>> cell = cells.LSTM(3, 4)
        >>> weights = interop.nnx.dump(cell, cell.init(jax.random.key(0)))
        >>> module = nnx.LSTMCell(3, 4, rngs=nnx.Rngs(0))
        >>> nnx.update(module, weights)
        >>> bool((module.ii.kernel[...] == weights["ii"]["kernel"]).all())
        True
    """
    if lstm not in (nnx.LSTMCell, nnx.OptimizedLSTMCell):
        raise TypeError(f"dump: lstm must be nnx.LSTMCell or nnx.OptimizedLSTMCell, got {lstm}")

    def optimized(_: Name) -> bool:
        return lstm is nnx.OptimizedLSTMCell

    return nnx.restore_int_paths(_flax_weights.dump(style(optimized), network, params))
