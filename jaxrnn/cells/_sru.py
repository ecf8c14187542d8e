"""The simple recurrent unit, in its linear form."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot
from .._typing import Array, Key, Leaf
from ._input_gated import InputGatedCell


class SRUParams(NamedTuple):
    """Parameters of `SRU`; the blocks are concatenated in the order c, f, r and f, r."""

    kernel: Float[Array, "I 3*H"]
    bias: Float[Array, " 2*H"] | None
    skip: Float[Array, "I H"] | None
    """What the highway carries where there are other features than units; else None."""


class SRU(InputGatedCell):
    """The simple recurrent unit: a light recurrence, and a highway past it.

        u_c, u_f, u_r = split(x_t @ kernel)
        f, r = sigmoid(u_f + bias_f), sigmoid(u_r + bias_r)
        c_t = f * c_{t-1} + (1 - f) * u_c
        y_t = r * c_t + (1 - r) * x_t          or x_t @ skip, if the sizes differ

    This is the linear form: the gates read the input alone, so that all steps can run in parallel.
    The later form lets them read `v * c_{t-1}` too; this one has `v = 0`.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias.
        highway_bias: what `init` sets the bias of the gate r to; below 0, a new cell passes more of
            its input on.

    Raises:
        ValueError: for a highway bias other than 0 without a bias.

    Reference: T. Lei et al., "Simple recurrent units for highly parallelizable recurrence",
    EMNLP 2018 (arXiv 1709.02755).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.SRU(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 4)
    """

    highway_bias: Leaf = 0.0

    def __post_init__(self) -> None:
        """Check the sizes, and that a highway bias has where to go."""
        super().__post_init__()
        self.need_bias(highway_bias=self.highway_bias)

    @property
    def blocks(self) -> int:
        return 3

    def init(self, key: Key) -> SRUParams:
        """Uniform kernels of variance `1 / inputs`, no bias but that of the highway."""
        kernel, skip = jax.random.split(key)
        draw = jax.nn.initializers.variance_scaling(1.0, "fan_in", "uniform")
        bias = jnp.zeros(2 * self.hidden).at[self.hidden :].set(self.highway_bias)
        return SRUParams(
            kernel=draw(kernel, (self.inputs, 3 * self.hidden)),
            bias=bias if self.use_bias else None,
            skip=None if self.inputs == self.hidden else draw(skip, (self.inputs, self.hidden)),
        )

    def coefficients(
        self, params: SRUParams, x: Float[Array, "... I"]
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """`f` and `(1 - f) * u_c`."""
        c, f = jnp.split(dot(x, params.kernel[:, : 2 * self.hidden]), 2, axis=-1)
        f = f if params.bias is None else add(f, params.bias[: self.hidden])
        return jax.nn.sigmoid(f), jax.nn.sigmoid(-f) * c

    def read(
        self, params: SRUParams, h: Float[Array, "... H"], x: Float[Array, "... I"]
    ) -> Float[Array, "... H"]:
        """The state and the highway, by the gate r."""
        r = dot(x, params.kernel[:, 2 * self.hidden :])
        r = r if params.bias is None else add(r, params.bias[self.hidden :])
        past = x.astype(r.dtype) if params.skip is None else dot(x, params.skip)
        y = jax.nn.sigmoid(r) * h + jax.nn.sigmoid(-r) * past
        return y.astype(params.kernel.dtype)
