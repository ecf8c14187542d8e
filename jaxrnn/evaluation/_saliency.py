"""`temporal_saliency`: how much each output depends on each earlier input."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._checked import checked
from .._typing import Array, ArrayLike, Inputs, Params
from ..networks import Layer
from ._explained import Explained, Unit, explained, finite


@checked
def temporal_saliency(
    network: Layer,
    params: Params,
    xs: Inputs,
    *,
    target: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    resets: ArrayLike | None = None,
) -> Float[Array, "T T *batch"]:
    r"""The size of the derivative of every output by every input: `Float[T, T, *batch]`.

        S[t, s] = || dy_t / dx_s ||

    with the output's time first: the Frobenius norm of the Jacobian of all units, or the Euclidean
    norm of the gradient of one. It is 0 above the diagonal (`s > t`) where the network is causal,
    across a reset, and at padding. It costs one backward pass for each step and unit.

    Args:
        network: what is explained; it gives one vector a step.
        params: its parameters.
        xs: the inputs: features `[T, *batch, ...]`, or symbols `Int[T, *batch]`, whose derivative
            is that by their vectors.
        target: the unit of the outputs, one for all sequences or one each; all units where not
            given.
        lengths: `Int[*batch]`, how many leading steps count.
        mask: `Bool[T, *batch]`, False at padding.
        resets: `Bool[T, *batch]`, True where a new sequence starts.

    Raises:
        FloatingPointError: derivatives that are not finite; it says where.
        ValueError: a network that pools, inputs that are not finite (it says where), or a target
            that is no unit of the outputs.

    Reference: K. Simonyan, A. Vedaldi & A. Zisserman, "Deep inside convolutional networks:
    visualising image classification models and saliency maps", 2013, arXiv 1312.6034.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, evaluation, networks
        >>> network = networks.Recurrent(cells.LSTM(3, 4))
        >>> params = network.init(jax.random.key(0))
        >>> xs = jax.random.normal(jax.random.key(1), (7, 2, 3))
        >>> saliency = evaluation.temporal_saliency(network, params, xs)
        >>> saliency.shape, float(saliency[2, 5].sum())
        ((7, 7, 2), 0.0)
    """
    asked = explained("temporal_saliency", network, params, xs, target, lengths, mask, resets)
    if network.pools:
        raise ValueError(
            "temporal_saliency: the network pools, so that it gives no output of a step. Use "
            "`integrated_gradients` for what each input adds to the one vector."
        )
    found = _saliency(asked)
    finite("temporal_saliency", "the derivative is", found, "[T of outputs, T of inputs, *batch]")
    return found


@jax.jit
def _saliency(asked: Explained) -> Array:
    ones, zeros = asked.whole()

    def outputs(shift: Array) -> Array:
        ys = asked.outputs(ones, shift, asked.mask)
        if isinstance(asked.target, Unit):
            ys = asked.target.of_steps(ys)
        return ys.reshape(*asked.xs.shape[: asked.axes], -1)

    ys, pull = jax.vjp(outputs, zeros)
    T, units = ys.shape[0], ys.shape[-1]

    def squared(step: Array, unit: Array) -> Array:
        """Of that unit at that step, for all sequences at once: they do not meet."""
        one = jnp.zeros_like(ys).at[step, ..., unit].set(1)
        (gradient,) = pull(one)
        return jnp.square(gradient).sum(tuple(range(asked.axes, gradient.ndim)))

    def of_step(step: Array) -> Array:
        total = jax.vmap(lambda unit: squared(step, unit))(jnp.arange(units)).sum(0)
        nothing = total == 0
        root = jnp.sqrt(jnp.where(nothing, 1, total))
        return asked.kept(jnp.where(nothing, 0, root))

    return jax.lax.map(of_step, jnp.arange(T))
