"""`hidden_states`: what every layer of a network gives."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._checked import checked
from .._numerics import drop
from .._typing import Array, ArrayLike, Carry, Inputs, Params
from ..networks import Layer, Stack, Tied
from ._explained import marks


@checked
def hidden_states(
    network: Layer,
    params: Params,
    xs: Inputs,
    *,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    resets: ArrayLike | None = None,
) -> dict[str, Any]:
    """Run a network, and return what each layer gives, `[T, *batch, ...]`, by the layer's name.

    A recurrent layer gives its hidden state at each step. A layer is named as in its `stack`, or by
    its number there; one in a stack inside another, by both, as `encoder/0`. Padding is zero. A
    layer that holds others in another way (`Residual`, `Bidirectional`) counts as one.

    Args:
        network: the network.
        params: its parameters.
        xs: the inputs `[T, *batch, ...]`.
        lengths: `Int[*batch]`, how many leading steps count.
        mask: `Bool[T, *batch]`, False at padding.
        resets: `Bool[T, *batch]`, True where a new sequence starts.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: wrong dtypes.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, evaluation, networks
        >>> network = networks.stack(
        ...     embedding=networks.Embedding(20, 8),
        ...     rnn=networks.Recurrent(cells.GRU(8, 16)),
        ...     readout=networks.Dense(16, 20))
        >>> params = network.init(jax.random.key(0))
        >>> symbols = jax.random.randint(jax.random.key(1), (7, 2), 0, 20)
        >>> states = evaluation.hidden_states(network, params, symbols)
        >>> {name: array.shape for name, array in states.items()}
        {'embedding': (7, 2, 8), 'rnn': (7, 2, 16), 'readout': (7, 2, 20)}
    """
    _check.kind("hidden_states", "network", network, Layer)
    lead = network.leading(xs)
    flags = marks("hidden_states", lengths, mask, resets, lead)
    # A whole run first: it checks the inputs, and says which of the parameters do not fit.
    counted, starts = flags
    jax.eval_shape(lambda: network.apply(params, xs, mask=counted, resets=starts))
    found: dict[str, Any] = {}
    carry = network.carry(params, lead[1:])
    _walk(network, params, jax.tree.map(jnp.asarray, xs), carry, flags, "", found)
    return found


def _walk(
    layer: Layer,
    params: Params,
    xs: Inputs,
    carry: Carry,
    flags: tuple[Array | None, Array | None],
    name: str,
    found: dict[str, Any],
) -> tuple[Inputs, tuple[Array | None, Array | None]]:
    """Run a layer, write down what it and its parts give; returns that, and the flags after it."""
    if isinstance(layer, Stack):
        names = layer.names or tuple(map(str, range(len(layer.layers))))
        for key, part in zip(names, layer.layers, strict=True):
            at: Any = key if layer.names else int(key)
            inner = f"{name}/{key}" if name else key
            xs, flags = _walk(part, params[at], xs, carry[at], flags, inner, found)
        return xs, flags
    mask, resets = flags
    xs = _whole(xs, mask)
    if isinstance(layer, Tied):
        vectors = layer.embedding.transform(params.table, xs)
        found[f"{name}/embedding" if name else "embedding"] = _whole(vectors, mask)
        inner = f"{name}/network" if name else "network"
        _walk(layer.network, params.network, vectors, carry, flags, inner, found)
    _, ys = layer.run(params, xs, carry, key=None, mask=mask, resets=resets)
    if layer.pools:
        flags = (None, None)
    found[name or "outputs"] = ys = _whole(ys, flags[0])
    return ys, flags


def _whole(xs: Inputs, mask: Array | None) -> Inputs:
    return xs if mask is None else drop(~mask, xs)
