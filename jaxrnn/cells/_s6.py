"""The selective state space model, S6, of Mamba."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import add, dot
from .._typing import Array, Batch, Key, Leaf
from ._associative import LinearCell


class S6Params(NamedTuple):
    """Parameters of `S6`; the blocks of `kernel` are step (R), input (N) and output (N)."""

    kernel: Float[Array, "I R+2*N"]
    step_kernel: Float[Array, "R I"]
    step_bias: Float[Array, " I"]
    log_decay: Float[Array, "I N"]
    skip: Float[Array, " I"]


class S6(LinearCell):
    """The selective state space model: step, input and output depend on what is read.

        u, B, C = split(x_t @ kernel)
        step = softplus(u @ step_kernel + step_bias)                        one a feature
        h_t  = exp(-step * exp(log_decay)) * h_{t-1} + step * B * x_t       N numbers a feature
        y_t  = sum_n C * h_t + skip * x_t

    A long step forgets and reads; a short one passes over the input. `networks.mamba_block` is the
    block around it.

    Shapes: x and y `[*batch, features]`, carry `[*batch, features, state]`.

    Args:
        features: of the input and of the output.
        state: how many numbers each feature's state has.
        rank: how many numbers the steps of all features are made from; a 16th of the features by
            default.
        min_step: the smallest step that `init` draws, for an input of zeros.
        max_step: the largest one.

    Raises:
        ValueError: for steps at or below 0.

    Reference: A. Gu & T. Dao, "Mamba: linear-time sequence modeling with selective state spaces",
    COLM 2024 (arXiv 2312.00752).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.S6(3, state=4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 3)
    """

    features: int = jax.tree.static()
    state: int = jax.tree.static(default=16)
    rank: int | None = jax.tree.static(default=None)
    min_step: Leaf = 0.001
    max_step: Leaf = 0.1

    def __post_init__(self) -> None:
        """Check the sizes and the steps."""
        _check.sizes("S6", features=self.features, state=self.state, rank=self._rank)
        low, high = self.min_step, self.max_step
        if not _check.holds(lambda low, high: (low > 0) & (low <= high), low, high):
            raise ValueError(
                f"S6: steps must satisfy 0 < min_step <= max_step, got {low} and {high}"
            )

    @property
    def _rank(self) -> int:
        return -(-self.features // 16) if self.rank is None else self.rank

    @property
    def input_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)

    def init(self, key: Key) -> S6Params:
        """Decays 1 to `state`, steps uniform in their logarithms, a skip of 1."""
        kernel, step_kernel, step = jax.random.split(key, 3)
        uniform = jax.nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
        low, high = jnp.log(self.min_step), jnp.log(self.max_step)
        first = jnp.exp(low + jax.random.uniform(step, (self.features,)) * (high - low))
        shape = (self.features, self.state)
        scale = self._rank**-0.5
        return S6Params(
            kernel=uniform(kernel, (self.features, self._rank + 2 * self.state)),
            step_kernel=jax.random.uniform(
                step_kernel, (self._rank, self.features), minval=-scale, maxval=scale
            ),
            step_bias=jnp.log(jnp.expm1(first)),  # whose softplus is `first`
            log_decay=jnp.broadcast_to(jnp.log(jnp.arange(1.0, self.state + 1)), shape),
            skip=jnp.ones(self.features),
        )

    def carry(self, params: S6Params, batch: Batch = ()) -> Float[Array, "*batch I N"]:
        """Zeros."""
        kind = at_least_float32(params.kernel.dtype)
        return jnp.zeros((*batch, self.features, self.state), kind)

    def coefficients(
        self, params: S6Params, x: Float[Array, "... I"]
    ) -> tuple[Float[Array, "... I N"], Float[Array, "... I N"]]:
        """`exp(-step * decay)` and `step * B * x`."""
        both = dot(x, params.kernel[:, : self._rank + self.state])
        u, b = both[..., : self._rank], both[..., self._rank :]
        step = jax.nn.softplus(add(dot(u.astype(x.dtype), params.step_kernel), params.step_bias))
        shape = (*x.shape, self.state)
        decay = jnp.broadcast_to(jnp.exp(params.log_decay.astype(step.dtype)), shape)
        driven = (step * x.astype(step.dtype))[..., None] * b[..., None, :]
        return jnp.exp(-step[..., None] * decay), driven

    def read(
        self, params: S6Params, h: Float[Array, "... I N"], x: Float[Array, "... I"]
    ) -> Float[Array, "... I"]:
        """`C . h + skip * x`."""
        c = dot(x, params.kernel[:, self._rank + self.state :])[..., None, :]
        skip = jnp.broadcast_to(params.skip.astype(c.dtype), x.shape) * x.astype(c.dtype)
        return ((c * h).sum(-1) + skip).astype(params.kernel.dtype)
