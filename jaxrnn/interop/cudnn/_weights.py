"""`network`, `load` and `dump` for the one vector of weights of `jax.experimental.rnn`."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from ... import _check
from ..._checked import checked
from ..._typing import Array, Params
from ...cells import LSTM
from ...networks import Bidirectional, Layer, Recurrent, stack
from .. import torch
from .._biases import keeping_both, plain
from .._parts import weight
from ..torch._weights import shapes as shapes_in_torch


@checked
def network(inputs: int, hidden: int, num_layers: int = 1, bidirectional: bool = False) -> Layer:
    """The layers that compute what `jax.experimental.rnn.lstm` computes, without its dropout.

    jaxrnn has time first, `[T, *batch, features]`, where cuDNN's inputs are `[batch, T, features]`,
    and a carry for each layer. It runs on every platform and in every type, has derivatives of
    every order, and takes lengths of zero.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        num_layers: how many layers there are.
        bidirectional: whether each layer runs in both directions.

    Raises:
        ValueError: sizes below 1.

    Example:
        >>> from jaxrnn import interop
        >>> interop.cudnn.network(3, 4, num_layers=2, bidirectional=True).output_shape
        (8,)
    """
    _check.sizes("cudnn.network", inputs=inputs, hidden=hidden, num_layers=num_layers)
    layers: list[Layer] = []
    for number in range(num_layers):
        size = (2 * hidden if bidirectional else hidden) if number else inputs
        cell = keeping_both(LSTM(size, hidden))
        layers.append(Bidirectional(cell, cell) if bidirectional else Recurrent(cell))
    return layers[0] if num_layers == 1 else stack(*layers)


@checked
def load(network: Layer, weights: Any, *, dtype: Any = None) -> Params:
    """The parameters of a network, from cuDNN's one vector of weights.

    Args:
        network: what the weights are for, `network(inputs, hidden, ...)` or one's own: a
            `Recurrent` or `Bidirectional` layer of `LSTM`, or a stack of these. A cell that keeps
            both biases gets both, any other their sum.
        weights: the vector, as `jax.experimental.rnn.init_lstm_weight` makes it.
        dtype: the type of the parameters; by default that of the weights.

    Raises:
        ValueError: a vector of another length.
        TypeError: other cells than `LSTM` with biases, weights that are no floating-point numbers,
            or float64 while JAX has 64 bits disabled and no `dtype` is asked for.

    Example:
        >>> import jax
        >>> from jax.experimental import rnn
        >>> from jaxrnn import interop
        >>> net = interop.cudnn.network(3, 4)
        >>> weights = rnn.init_lstm_weight(jax.random.key(0), 3, 4, 1, bidirectional=False)
        >>> params = interop.cudnn.load(net, weights)
        >>> params.kernel.shape, bool((interop.cudnn.dump(net, params) == weights).all())
        ((3, 16), True)
    """
    shapes = _shapes("cudnn.load", network)
    vector = weight("cudnn.load", "weights", weights, dtype)
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    if vector.shape != (sum(sizes),):
        raise ValueError(
            f"cudnn.load: weights must be a vector of the {sum(sizes)} numbers of the network, "
            f"got {list(vector.shape)}."
        )
    parts = jnp.split(vector, np.cumsum(sizes)[:-1])
    named = {name: part.reshape(shapes[name]) for name, part in zip(shapes, parts, strict=True)}
    return torch.load(network, named)


@checked
def dump(network: Layer, params: Params) -> Array:
    """The one vector of weights that `jax.experimental.rnn.lstm` takes.

    Args:
        network: what the parameters belong to.
        params: its parameters, or gradients with respect to these.

    Raises:
        TypeError: other cells than `LSTM` with biases.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, interop, networks
        >>> layer = networks.Recurrent(cells.LSTM(3, 4))
        >>> interop.cudnn.dump(layer, layer.init(jax.random.key(0))).shape
        (144,)
    """
    shapes = _shapes("cudnn.dump", network)
    arrays = torch.dump(network, params)
    return jnp.concatenate([jnp.ravel(arrays[name]) for name in shapes])


def _shapes(who: str, network: Any) -> dict[str, tuple[int, ...]]:
    """The arrays that PyTorch has, in cuDNN's order: matrices of all layers, then all biases."""
    cells: list[Any] = []
    for part in getattr(network, "layers", (network,)):
        both = isinstance(part, Bidirectional)
        cells += [part.forward, part.backward] if both else [getattr(part, "cell", part)]
    for cell in (plain("cudnn", cell) for cell in cells):
        if not isinstance(cell, LSTM) or not cell.use_bias:
            raise TypeError(
                f"{who}: {cell} has no counterpart there, which has `LSTM` with biases only, in "
                "`Recurrent` or `Bidirectional` layers and stacks of these."
            )
    shapes = shapes_in_torch(network)
    names = sorted(shapes, key=lambda name: name.startswith("bias"))
    return {name: shapes[name] for name in names}
