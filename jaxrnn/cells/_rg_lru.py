"""The real-gated linear recurrent unit, of Griffin."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import zeros
from .._typing import Array, Batch, Key, Leaf
from ._associative import LinearCell

_SHARPNESS = 8.0  # the paper's constant c
_STEEPEST = 1000.0  # the largest derivative of the root


class RGLRUParams(NamedTuple):
    """Parameters of `RGLRU`; N heads of D features have gates of their own."""

    recurrence_kernel: Float[Array, "N D D"]
    recurrence_bias: Float[Array, "N D"]
    input_kernel: Float[Array, "N D D"]
    input_bias: Float[Array, "N D"]
    decay: Float[Array, " H"]


class RGLRU(LinearCell):
    """The real-gated linear recurrent unit: a decay per unit, which a gate lets act or not.

        r = sigmoid(x_t @ recurrence_kernel + recurrence_bias)         a block for each head
        i = sigmoid(x_t @ input_kernel + input_bias)
        a = exp(-8 r softplus(decay))
        h_t = a * h_{t-1} + sqrt(1 - a^2) * (i * x_t),   y_t = h_t

    `1 - a^2` is computed by `expm1`. The derivative of its root is cut off at 1000, as in the
    authors' code, and is finite where `a` rounds to 1.

    The root is a factor of every step here. The authors' code leaves it out at the first step of
    a sequence, so that what is read first weighs more: there a reset is part of the equations,
    here it means that a new sequence starts from the initial carry.

    Shapes: x, carry and y `[*batch, features]`.

    Args:
        features: of the input, the state and the output; a multiple of `heads`.
        heads: how many blocks the matrices of the gates have.
        min_radius: smallest `exp(-softplus(decay))` that `init` draws.
        max_radius: largest one. The factor at work, `a`, is its power `8 r`.

    Raises:
        ValueError: for features that the heads cannot share equally, or radii that are not rising
            within (0, 1).

    Reference: S. De et al., "Griffin: mixing gated linear recurrences with local attention for
    efficient language models", arXiv 2402.19427.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.RGLRU(4, heads=2), jax.numpy.ones((7, 2, 4))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 4)
    """

    features: int = jax.tree.static()
    heads: int = jax.tree.static(default=1)
    min_radius: Leaf = 0.9
    max_radius: Leaf = 0.999

    def __post_init__(self) -> None:
        """Check the sizes and the radii."""
        _check.sizes("RGLRU", features=self.features, heads=self.heads)
        if self.features % self.heads:
            raise ValueError(
                f"RGLRU: features must be a multiple of heads, got {self.features} and {self.heads}"
            )
        low, high = self.min_radius, self.max_radius
        if not _check.holds(lambda a, b: (a > 0) & (a <= b) & (b < 1), low, high):
            raise ValueError(
                f"RGLRU: radii must satisfy 0 < min_radius <= max_radius < 1, got {low} and {high}"
            )

    @property
    def input_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)

    def init(self, key: Key) -> RGLRUParams:
        """Gaussian blocks of variance `1 / D`, no bias, radii uniform in area on their ring."""
        recurrence, gate, ring = jax.random.split(key, 3)
        size = self.features // self.heads
        shape = (self.heads, size, size)
        low, high = self.min_radius**2, self.max_radius**2
        uniform = jax.random.uniform(ring, (self.features,))
        log_radius = 0.5 * jnp.log(low + uniform * (high - low))
        return RGLRUParams(
            recurrence_kernel=jax.random.normal(recurrence, shape) / jnp.sqrt(size),
            recurrence_bias=jnp.zeros((self.heads, size)),
            input_kernel=jax.random.normal(gate, shape) / jnp.sqrt(size),
            input_bias=jnp.zeros((self.heads, size)),
            decay=jnp.log(jnp.expm1(-log_radius)),  # whose softplus is -log_radius
        )

    def carry(self, params: RGLRUParams, batch: Batch = ()) -> Float[Array, "*batch H"]:
        """Zeros."""
        return zeros(batch, self.features, params.input_kernel)

    def coefficients(
        self, params: RGLRUParams, x: Float[Array, "... H"]
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """`a` and `sqrt(1 - a^2) * i * x`."""
        r = jax.nn.sigmoid(self._headed(x, params.recurrence_kernel, params.recurrence_bias))
        i = jax.nn.sigmoid(self._headed(x, params.input_kernel, params.input_bias))
        decay = -_SHARPNESS * jax.nn.softplus(params.decay.astype(r.dtype))
        log_a = r * jnp.broadcast_to(decay, r.shape)
        return jnp.exp(log_a), _root(-jnp.expm1(2 * log_a)) * i * x.astype(r.dtype)

    def read(
        self, params: RGLRUParams, h: Float[Array, "... H"], x: Float[Array, "... H"]
    ) -> Float[Array, "... H"]:
        """The state."""
        return h.astype(params.input_kernel.dtype)

    def _headed(self, x: Array, kernel: Array, bias: Array) -> Array:
        parts = x.reshape(*x.shape[:-1], self.heads, self.features // self.heads)
        kind = at_least_float32(jnp.result_type(x, kernel))
        u = jnp.einsum("...nd,nde->...ne", parts, kernel, preferred_element_type=kind)
        return (u + jnp.broadcast_to(bias.astype(kind), u.shape)).reshape(x.shape)


@jax.custom_jvp
def _root(x: Array) -> Array:
    """The square root, of which no derivative exceeds `_STEEPEST`."""
    return jnp.sqrt(x)


@_root.defjvp
def _root_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    return _root(x), dx * jax.lax.rsqrt(jnp.maximum(4 * x, _STEEPEST**-2))
