"""Blocks around linear recurrences: of Griffin and of Mamba."""

from collections.abc import Callable

import jax

from .._checked import checked
from .._typing import Array
from ..cells import RGLRU, S6
from ._arrange import pre_norm
from ._blocks import gated_mlp, gated_recurrence
from ._causal_conv import CausalConv
from ._dense import Dense
from ._layer import Layer
from ._merge import Multiply
from ._parallel import Parallel
from ._pointwise import Activation
from ._recurrent import Recurrent
from ._stack import Stack, stack


@checked
def griffin_block(
    features: int,
    width: int,
    hidden: int,
    *,
    heads: int = 1,
    window: int = 4,
    activation: Callable[[Array], Array] = jax.nn.gelu,
    arrange: Callable[..., Stack] = pre_norm,
) -> Stack:
    """The recurrent block of Griffin: an `RGLRU` behind a short convolution, and a gated MLP.

        gated_recurrence(features, RGLRU(width, heads), window=window), gated_mlp(features, hidden)

    each with a path around it. Griffin has one block of local attention, `transformer_block`, for
    every two of these; `hybrid_block` has them in turn.

    Args:
        features: of x and of y.
        width: features of the recurrence.
        hidden: how many features the gated MLP has between.
        heads: how many blocks the gates' matrices of the `RGLRU` have.
        window: how many steps the convolution reads.
        activation: that of the gates.
        arrange: `pre_norm` or `post_norm`. The paper's norm is RMSNorm, these are `LayerNorm`.

    Reference: S. De et al., "Griffin: mixing gated linear recurrences with local attention for
    efficient language models", arXiv 2402.19427.

    Example:
        >>> from jaxrnn import networks
        >>> block = networks.griffin_block(8, 12, hidden=24, heads=2)
        >>> block.output_shape, block.causal
        ((8,), True)
    """
    recurrence = gated_recurrence(features, RGLRU(width, heads), activation, window=window)
    return arrange(recurrence, gated_mlp(features, hidden, activation))


@checked
def mamba_block(
    features: int,
    *,
    expand: int = 2,
    state: int = 16,
    window: int = 4,
    arrange: Callable[..., Stack] = pre_norm,
) -> Stack:
    """The block of Mamba: a selective state space model behind a short convolution, with a gate.

        y = (silu(x G) * S6(silu(conv(x A)))) B        and a path around it

    Args:
        features: of x and of y.
        expand: how many times as many features lie between.
        state: how many numbers the state has for each of these.
        window: how many steps the convolution reads.
        arrange: `pre_norm` or `post_norm`. The paper's norm is RMSNorm, these are `LayerNorm`.

    Reference: A. Gu & T. Dao, "Mamba: linear-time sequence modeling with selective state spaces",
    COLM 2024 (arXiv 2312.00752).

    Example:
        >>> from jaxrnn import networks
        >>> block = networks.mamba_block(8, state=4)
        >>> block.output_shape, block.causal
        ((8,), True)
    """
    inner = expand * features
    silu: Layer = Activation(jax.nn.silu)
    gate = stack(Dense(features, inner, use_bias=False), silu)
    mixed = stack(
        Dense(features, inner, use_bias=False),
        CausalConv(inner, window),
        silu,
        Recurrent(S6(inner, state, rank=-(-features // 16))),
    )
    mixer = stack(Parallel(gate, mixed, Multiply()), Dense(inner, features, use_bias=False))
    return arrange(mixer)
