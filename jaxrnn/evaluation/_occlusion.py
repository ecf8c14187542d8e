"""`occlusion`: by how much an output falls where steps are hidden."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._typing import Array, ArrayLike, Inputs, Params
from ..networks import Layer
from ._explained import Explained, Target, baseline_of, explained, finite


@checked
def occlusion(
    network: Layer,
    params: Params,
    xs: Inputs,
    target: Target,
    *,
    window: int = 1,
    stride: int = 1,
    baseline: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    resets: ArrayLike | None = None,
) -> Float[Array, "T *batch"]:
    r"""Hide windows of steps, and report by how much the output falls: `Float[T, *batch]`.

        a[s] = mean of f(x) - f(x without w)

    over the windows that hold step `s`, of which those at a sequence's end are cut short. Hidden
    steps are left out, as padding is: the carry passes them by, and where the last step is hidden,
    the output is that of the last one that is not. With a baseline they are replaced by it instead.
    Unlike a gradient, this is what the network really says of another input. Padding has 0.

    Args:
        network: what is explained.
        params: its parameters.
        xs: the inputs: features `[T, *batch, ...]`, or symbols `Int[T, *batch]`.
        target: which number is explained, as in `integrated_gradients`.
        window: how many steps are hidden at once.
        stride: how many steps lie between the starts of two windows; at most `window`.
        baseline: what stands in the place of hidden inputs, or of the vectors of hidden symbols:
            one number, the features of one step, or those of every step.
        lengths: `Int[*batch]`, how many leading steps count.
        mask: `Bool[T, *batch]`, False at padding.
        resets: `Bool[T, *batch]`, True where a new sequence starts.

    Raises:
        FloatingPointError: outputs that are not finite; it says where.
        TypeError: a target that is no number of a unit and no function to floating numbers.
        ValueError: inputs that are not finite (it says where), a window longer than the sequence, a
            stride beyond the window, a target that is no unit of the outputs, or a baseline of
            another shape.

    Reference: M. Zeiler & R. Fergus, "Visualizing and understanding convolutional networks", ECCV
    2014; J. Li, W. Monroe & D. Jurafsky, "Understanding neural networks through representation
    erasure", 2016, arXiv 1612.08220.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import evaluation, networks
        >>> total = networks.stack(networks.Dense(1, 1), networks.MeanPool())
        >>> params = (networks.DenseParams(jnp.ones((1, 1)), jnp.zeros(1)), ())
        >>> xs = jnp.array([1.0, 2.0, 6.0])[:, None]
        >>> drops = evaluation.occlusion(total, params, xs, target=0, baseline=0.0)
        >>> [f"{drop:.3f}" for drop in drops]
        ['0.333', '0.667', '2.000']
    """
    _check.sizes("occlusion", window=window, stride=stride)
    if target is None:
        raise TypeError("occlusion: target must be a unit or a function, got None")
    asked = explained("occlusion", network, params, xs, target, lengths, mask, resets)
    steps = asked.xs.shape[0]
    if window > steps or stride > window:
        raise ValueError(
            f"occlusion: window must be at most T={steps} and stride at most window, or steps are "
            f"never hidden; got window={window}, stride={stride}"
        )
    start = None if baseline is None else baseline_of("occlusion", asked, baseline)
    starts = jnp.arange(0, steps, stride, dtype=jnp.int32)
    found = _occlude(asked, start, starts, jnp.int32(window))
    finite("occlusion", "the change of the output is", found, "[T, *batch]")
    return found


@jax.jit
def _occlude(asked: Explained, start: Array | None, starts: Array, window: Array) -> Array:
    times = jnp.arange(asked.xs.shape[0], dtype=jnp.int32)
    lead = asked.xs.shape[: asked.axes]
    ones, zeros = asked.whole()
    whole = asked.value(ones, zeros, asked.mask)

    def wide(hidden: Array, shape: tuple[int, ...]) -> Array:
        return jnp.broadcast_to(hidden.reshape(-1, *(1 for _ in shape[1:])), shape)

    def add(total: Array, begin: Array) -> tuple[Array, Any]:
        hidden = (times >= begin) & (times < begin + window)
        if start is None:
            shown = ~wide(hidden, lead)
            mask = shown if asked.mask is None else shown & asked.mask
            value = asked.value(ones, zeros, mask)
        else:
            over = wide(hidden, asked.shape)
            value = asked.value(jnp.where(over, 0, ones), jnp.where(over, start, zeros), asked.mask)
        drop = (whole - value).astype(total.dtype)
        return total + jnp.where(wide(hidden, lead), drop[None], 0), hidden

    total, hidden = jax.lax.scan(add, jnp.zeros(lead), starts)
    return asked.kept(total / wide(hidden.sum(0).astype(total.dtype), lead))
