"""`load` and `dump`: parameters from the arrays of a linen module, and back."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
from flax.core import meta

from ..._checked import checked
from ..._typing import Params
from ...cells import Cell
from ...networks import Layer
from .. import _flax_weights
from ._cells import STYLE


@checked
def load(
    network: Cell | Layer, weights: Mapping[str, Any] | nn.Module, *, dtype: Any = None
) -> Params:
    """Parameters of a network from the weights of a linen module that computes the same.

    Args:
        network: what the weights are for, `network(module, inputs)` or one's own.
        weights: the variables that `module.init` returns, or their collection `"params"`, or a
            bound module; partitioned arrays are taken out of their boxes.
        dtype: the type of the parameters; by default that of the weights.

    Raises:
        ValueError: names or shapes that are missing, left over or different; all are listed.
        TypeError: a network that has no counterpart in flax, or float64 while JAX has 64 bits
            disabled and no `dtype` is asked for.

    Example:
        >>> import flax.linen as nn, jax, jax.numpy as jnp, jaxrnn
        >>> from jaxrnn.interop import linen
        >>> module, xs = nn.RNN(nn.GRUCell(4)), jnp.ones((2, 7, 3))
        >>> variables = module.init(jax.random.key(0), xs)
        >>> net = linen.network(module, 3)
        >>> params = linen.load(net, variables)
        >>> carry, ys = net.apply(params, jnp.swapaxes(xs, 0, 1))
        >>> bool(jnp.allclose(jnp.swapaxes(ys, 0, 1), module.apply(variables, xs), atol=1e-6))
        True
    """
    tree: Any = weights.variables if isinstance(weights, nn.Module) else weights
    _flax_weights.check_mapping(STYLE.who, tree)
    if set(tree) == {"params"} and isinstance(tree["params"], Mapping):
        tree = tree["params"]
    return _flax_weights.load(STYLE, network, meta.unbox(tree), dtype)


@checked
def dump(network: Cell | Layer, params: Params) -> dict[str, Any]:
    """The weights of the linen module that computes the same: its collection `"params"`.

    The module is the counterpart of the network: `RNN` of a `Recurrent`, `Bidirectional` of two
    `RNN`, `Sequential` of a stack, and the cell of a cell. The weights that `load` has read come
    back bit for bit.

    Raises:
        TypeError: a network that has no counterpart in flax.

    Example:
        >>> import jax
        >>> from jaxrnn import cells
        >>> from jaxrnn.interop import linen
        >>> cell = cells.GRU(3, 4)
        >>> sorted(linen.dump(cell, cell.init(jax.random.key(0))))
        ['hn', 'hr', 'hz', 'in', 'ir', 'iz']
    """
    return _flax_weights.dump(STYLE, network, params)
