"""Blocks made of layers: of a Transformer, and of recurrence and attention in turn."""

from collections.abc import Callable

import jax

from .. import _check
from .._checked import checked
from .._typing import Array
from ..cells import Cell
from ._arrange import pre_norm, width
from ._causal_conv import CausalConv
from ._dense import Dense
from ._layer import Layer
from ._merge import Multiply
from ._parallel import Parallel
from ._pointwise import Activation
from ._recurrent import Recurrent
from ._stack import Stack, stack


@checked
def feed_forward(
    features: int, hidden: int, activation: Callable[[Array], Array] = jax.nn.gelu
) -> Stack:
    """Two full matrices with an activation between, at every step: `y = f(x A + a) B + b`.

    Args:
        features: of x and of y.
        hidden: how many there are between.
        activation: an elementwise function.

    Example:
        >>> from jaxrnn import networks
        >>> networks.feed_forward(8, 32).output_shape
        (8,)
    """
    return stack(Dense(features, hidden), Activation(activation), Dense(hidden, features))


@checked
def gated_mlp(
    features: int, hidden: int, activation: Callable[[Array], Array] = jax.nn.gelu
) -> Stack:
    """A feed-forward network with a gate, at every step: `y = (f(x G + g) * (x A + a)) B + b`.

    Args:
        features: of x and of y.
        hidden: how many there are between; two thirds of those of `feed_forward` need as many
            parameters.
        activation: that of the gate: `jax.nn.gelu` (GEGLU), `jax.nn.silu` (SwiGLU).

    Reference: N. Shazeer, "GLU variants improve Transformer", arXiv 2002.05202.

    Example:
        >>> from jaxrnn import networks
        >>> networks.gated_mlp(8, 20).output_shape
        (8,)
    """
    gate = stack(Dense(features, hidden), Activation(activation))
    return stack(Parallel(gate, Dense(features, hidden), Multiply()), Dense(hidden, features))


@checked
def gated_recurrence(
    features: int,
    cell: Cell,
    activation: Callable[[Array], Array] = jax.nn.gelu,
    *,
    window: int = 1,
) -> Stack:
    """A cell between full matrices, with a gate on its outputs.

        y = (f(x G + g) * cell(conv(x A + a))) B + b

    Args:
        features: of x and of y.
        cell: reads and gives as many features as it likes, one axis of them.
        activation: that of the gate.
        window: how many steps a `CausalConv` before the cell reads; with 1 there is none.

    Raises:
        ValueError: a cell without exactly one axis of features, of a known size.

    Reference: S. De et al., "Griffin: mixing gated linear recurrences with local attention for
    efficient language models", arXiv 2402.19427.

    Example:
        >>> from jaxrnn import cells, networks
        >>> networks.gated_recurrence(8, cells.LRU(12, 12)).output_shape
        (8,)
    """
    inputs = width("gated_recurrence", "the cell's inputs", cell.input_shape)
    outputs = width("gated_recurrence", "the cell's outputs", cell.output_shape)
    gate = stack(Dense(features, outputs), Activation(activation))
    _check.sizes("gated_recurrence", window=window)
    window_before = (CausalConv(inputs, window),) if window > 1 else ()
    mixed = stack(Dense(features, inputs), *window_before, Recurrent(cell))
    return stack(Parallel(gate, mixed, Multiply()), Dense(outputs, features))


@checked
def transformer_block(
    attention: Layer,
    hidden: int,
    activation: Callable[[Array], Array] = jax.nn.gelu,
    *,
    arrange: Callable[..., Stack] = pre_norm,
) -> Stack:
    """Attention and a feed-forward network, each with a path around it.

    An encoder's block has `SelfAttention`, a language model's `CausalAttention`. For dropout, pass
    `stack(attention, Dropout(0.1))`, or call `pre_norm` yourself.

    Args:
        attention: a layer that gives features of the shape that it takes.
        hidden: how many features the feed-forward network has between.
        activation: that of the feed-forward network.
        arrange: `pre_norm` or `post_norm`.

    Raises:
        ValueError: an attention without exactly one axis of features, of a known size, or that
            gives other features than it takes.

    Reference: A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> block = networks.transformer_block(networks.CausalAttention(8, 2, context=16), 32)
        >>> network = networks.stack(networks.Embedding(20, 8), block, networks.Dense(8, 20))
        >>> params = network.init(jax.random.key(0))
        >>> network.apply(params, jax.numpy.zeros((7, 3), int))[1].shape
        (7, 3, 20)
    """
    features = width("transformer_block", "attention's inputs", attention.input_shape)
    return arrange(attention, feed_forward(features, hidden, activation))


@checked
def hybrid_block(
    cell: Cell,
    attention: Layer,
    hidden: int,
    activation: Callable[[Array], Array] = jax.nn.gelu,
    *,
    arrange: Callable[..., Stack] = pre_norm,
) -> Stack:
    """Recurrence and attention in turn, each followed by a gated feed-forward network.

        gated_recurrence, gated_mlp, attention, gated_mlp        each with a path around it

    The cell remembers what lies far back, in a state of fixed size; attention to a window, such as
    `CausalAttention`, recalls exactly what came lately. With `Parallel` both work side by side.

    Args:
        cell: reads and gives as many features as it likes, one axis of them.
        attention: a layer that gives features of the shape that it takes.
        hidden: how many features the feed-forward networks have between.
        activation: that of all gates.
        arrange: `pre_norm` or `post_norm`.

    Raises:
        ValueError: a cell or an attention without exactly one axis of features, of a known size,
            or an attention that gives other features than it takes.

    Reference: S. De et al., "Griffin: mixing gated linear recurrences with local attention for
    efficient language models", arXiv 2402.19427. (It has two recurrences for each attention.)

    Example:
        >>> from jaxrnn import cells, networks
        >>> block = networks.hybrid_block(
        ...     cells.LRU(12, 12), networks.CausalAttention(8, 2, context=4), hidden=16)
        >>> block.output_shape, block.causal
        ((8,), True)
    """
    features = width("hybrid_block", "attention's inputs", attention.input_shape)
    return arrange(
        gated_recurrence(features, cell, activation),
        gated_mlp(features, hidden, activation),
        attention,
        gated_mlp(features, hidden, activation),
    )
