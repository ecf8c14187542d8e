"""The hierarchically gated recurrent network."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Complex, Float

from .. import _check
from .._numerics import add, dot, glorot, zeros
from .._typing import Array, Batch, Key, Leaf
from ._associative import LinearCell


class HGRNParams(NamedTuple):
    """Parameters of `HGRN`; the blocks are in the order f, Re c, Im c, and two of the output."""

    kernel: Float[Array, "I 5*H"]
    bias: Float[Array, " 5*H"]
    phase: Float[Array, " H"]


class HGRN(LinearCell):
    """A gated linear recurrence of complex numbers, whose forget gate has a lower bound.

        u_f, u_r, u_i, u_o = split(x_t @ kernel + bias)                u_o is twice as wide
        f   = lower_bound + (1 - lower_bound) * sigmoid(u_f)
        c   = silu(u_r) + i silu(u_i)
        h_t = f * exp(i phase) * h_{t-1} + (1 - f) * c
        y_t = silu(u_o) * [Re h_t, Im h_t]

    Lower layers should look at what is near and upper ones far back: give them rising lower
    bounds. In the paper these are learned, a cumulative softmax over the layers; here each is a
    number of its cell, that `grad` and `vmap` work over. The norm and the product that follow in
    the paper are layers of their own, `LayerNorm(2 * hidden)` and `Dense(2 * hidden, features)`.

    Shapes: x `[*batch, inputs]`, carry complex `[*batch, hidden]`, y `[*batch, 2 * hidden]`.

    Args:
        inputs: features of the input.
        hidden: how many complex numbers the state has.
        lower_bound: of the forget gate, in [0, 1).

    Raises:
        ValueError: for a lower bound outside [0, 1).

    Reference: Z. Qin, S. Yang & Y. Zhong, "Hierarchically gated recurrent neural network for
    sequence modeling", NeurIPS 2023 (arXiv 2311.04823).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.HGRN(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 8)
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    lower_bound: Leaf = 0.0

    def __post_init__(self) -> None:
        """Check the sizes and the bound."""
        _check.sizes("HGRN", inputs=self.inputs, hidden=self.hidden)
        _check.fraction("HGRN", lower_bound=self.lower_bound)

    @property
    def input_shape(self) -> tuple[int]:
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        return (2 * self.hidden,)

    def init(self, key: Key) -> HGRNParams:
        """Glorot kernels, no bias, phases that fall from 1 geometrically as those of `Rotary`."""
        return HGRNParams(
            kernel=glorot(key, self.inputs, self.hidden, 5),
            bias=jnp.zeros(5 * self.hidden),
            phase=10_000.0 ** (-2 * jnp.arange(self.hidden) / self.hidden),
        )

    def carry(self, params: HGRNParams, batch: Batch = ()) -> Complex[Array, "*batch H"]:
        """Zeros."""
        zero = zeros(batch, self.hidden, params.kernel)
        return jax.lax.complex(zero, zero)

    def coefficients(
        self, params: HGRNParams, x: Float[Array, "... I"]
    ) -> tuple[Complex[Array, "... H"], Complex[Array, "... H"]]:
        """`f * exp(i phase)` and `(1 - f) * c`."""
        part = slice(3 * self.hidden)
        u = add(dot(x, params.kernel[:, part]), params.bias[part])
        f, real, imaginary = jnp.split(u, 3, axis=-1)
        keep = self.lower_bound + (1 - self.lower_bound) * jax.nn.sigmoid(f)
        free = (1 - self.lower_bound) * jax.nn.sigmoid(-f)  # 1 - keep, to full precision
        phase = jnp.broadcast_to(params.phase.astype(u.dtype), f.shape)
        a = jax.lax.complex(keep * jnp.cos(phase), keep * jnp.sin(phase))
        return a, jax.lax.complex(free * jax.nn.silu(real), free * jax.nn.silu(imaginary))

    def read(
        self, params: HGRNParams, h: Complex[Array, "... H"], x: Float[Array, "... I"]
    ) -> Float[Array, "... O"]:
        """Both parts of the state behind the output gate."""
        part = slice(3 * self.hidden, None)
        gate = jax.nn.silu(add(dot(x, params.kernel[:, part]), params.bias[part]))
        return (gate * jnp.concatenate([h.real, h.imag], -1)).astype(params.kernel.dtype)
