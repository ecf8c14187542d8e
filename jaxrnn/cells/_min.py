"""The minimal GRU and LSTM: recurrent networks whose gates do not read the state."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array, Key, Leaf
from ._input_gated import InputGatedCell, InputGatedParams


def _positive(u: Array) -> Array:
    """The papers' `g`: `u + 1/2` from 0 on, and `sigmoid(u)` below; positive, and continuous."""
    return jnp.where(u >= 0, u + 0.5, jax.nn.sigmoid(u))


class MinGRU(InputGatedCell):
    """The minimal GRU: an update gate that reads the input alone.

        u_z, u_h = split(x_t @ kernel + bias)
        z   = sigmoid(u_z)
        h_t = (1 - z) * h_{t-1} + z * g(u_h),   y_t = h_t

    with `g(u) = u + 1/2` for `u >= 0` and `sigmoid(u)` below, so that the state is positive. The
    paper needs that for a scan over logarithms; here the recurrence itself is composed, whose
    factors `1 - z` lie in (0, 1), so that nothing overflows and no logarithm is needed.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias.

    Reference: L. Feng et al., "Were RNNs all we needed?", arXiv 2410.01201.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.MinGRU(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 4)
    """

    @property
    def blocks(self) -> int:
        return 2

    def coefficients(
        self, params: InputGatedParams, x: Float[Array, "... I"]
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """`1 - z` and `z * g`."""
        z, h = self.project(params, x, 0, 2)
        return jax.nn.sigmoid(-z), jax.nn.sigmoid(z) * _positive(h)

    def read(
        self, params: InputGatedParams, h: Float[Array, "... H"], x: Float[Array, "... I"]
    ) -> Float[Array, "... H"]:
        """The state."""
        return h.astype(params.kernel.dtype)


class MinLSTM(InputGatedCell):
    """The minimal LSTM: forget and input gates that read the input alone and sum to 1.

        u_f, u_i, u_h = split(x_t @ kernel + bias)
        f, i = sigmoid(u_f), sigmoid(u_i)
        h_t  = f / (f + i) * h_{t-1} + i / (f + i) * g(u_h),   y_t = h_t

    with the `g` of `MinGRU`. The shares are computed as `sigmoid(log f - log i)`, which is finite
    where both gates underflow.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias.
        forget_bias: what `init` sets the bias of the forget gate to; larger ones make a new cell
            remember longer.

    Raises:
        ValueError: for a forget bias other than 0 without a bias.

    Reference: L. Feng et al., "Were RNNs all we needed?", arXiv 2410.01201.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.MinLSTM(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs)[1].shape
        (7, 2, 4)
    """

    forget_bias: Leaf = 0.0

    def __post_init__(self) -> None:
        """Check the sizes, and that a forget bias has where to go."""
        super().__post_init__()
        self.need_bias(forget_bias=self.forget_bias)

    @property
    def blocks(self) -> int:
        return 3

    def init(self, key: Key) -> InputGatedParams:
        """Glorot kernels, no bias but that of the forget gate."""
        params: InputGatedParams = super().init(key)
        if params.bias is None:
            return params
        return params._replace(bias=params.bias.at[: self.hidden].set(self.forget_bias))

    def coefficients(
        self, params: InputGatedParams, x: Float[Array, "... I"]
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """The shares of the old state and of the candidate, the latter times it."""
        f, i, h = self.project(params, x, 0, 3)
        margin = jax.nn.log_sigmoid(f) - jax.nn.log_sigmoid(i)
        return jax.nn.sigmoid(margin), jax.nn.sigmoid(-margin) * _positive(h)

    def read(
        self, params: InputGatedParams, h: Float[Array, "... H"], x: Float[Array, "... I"]
    ) -> Float[Array, "... H"]:
        """The state."""
        return h.astype(params.kernel.dtype)
