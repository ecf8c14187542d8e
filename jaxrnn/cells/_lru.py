"""The linear recurrent unit."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Complex, Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import dot, zeros
from .._typing import Array, Batch, Key, Leaf
from ._associative import LinearCell


class LRUParams(NamedTuple):
    """Parameters of `LRU`; complex matrices are kept as real and imaginary parts."""

    log_decay: Float[Array, " H"]
    log_phase: Float[Array, " H"]
    log_scale: Float[Array, " H"]
    kernel: Float[Array, "2 I H"]
    output: Float[Array, "2 H H"]
    skip: Float[Array, "I H"]


class LRU(LinearCell):
    """The linear recurrent unit: a diagonal, complex, stable linear recurrence.

        lambda = exp(-exp(log_decay) + i exp(log_phase))
        h_t = lambda * h_{t-1} + exp(log_scale) * (x_t @ (kernel[0] + i kernel[1]))
        y_t = Re(h_t @ (output[0] + i output[1])) + x_t @ skip

    `|lambda| < 1` whatever the parameters. It has no nonlinearity: stack it with layers that do.
    The skip term is a full matrix here, since the sizes of input and output may differ.

    Shapes: x `[*batch, inputs]`, carry complex `[*batch, hidden]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state and of the output.
        min_radius: smallest `|lambda|` that `init` draws.
        max_radius: largest `|lambda|` that `init` draws.
        max_phase: largest angle of `lambda` that `init` draws.

    Reference: A. Orvieto et al., "Resurrecting recurrent neural networks for long sequences",
    ICML 2023 (arXiv 2303.06349).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.LRU(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 4)
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    min_radius: Leaf = 0.0
    max_radius: Leaf = 1.0
    max_phase: Leaf = 6.283185307179586

    def __post_init__(self) -> None:
        """Check the sizes and the radii."""
        _check.sizes("LRU", inputs=self.inputs, hidden=self.hidden)
        low, high = self.min_radius, self.max_radius
        if not _check.holds(lambda a, b: (a >= 0) & (a <= b) & (b <= 1), low, high):
            raise ValueError(
                f"LRU: radii must satisfy 0 <= min_radius <= max_radius <= 1, got {low} and {high}"
            )

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden,)`."""
        return (self.hidden,)

    def init(self, key: Key) -> LRUParams:
        """Eigenvalues uniform on the ring between the radii; Gaussian matrices."""
        ring, angle, kernel, output, skip = jax.random.split(key, 5)
        low, high = self.min_radius**2, self.max_radius**2
        tiny = 1e-37  # a radius or phase of 0 has no finite logarithm, nor has 1 that of its decay
        uniform = jax.random.uniform(ring, (self.hidden,))
        log_radius = 0.5 * jnp.log(jnp.clip(low + uniform * (high - low), tiny, 1 - 1e-6))
        phase = self.max_phase * jax.random.uniform(angle, (self.hidden,))
        return LRUParams(
            log_decay=jnp.log(-log_radius),
            log_phase=jnp.log(jnp.maximum(phase, tiny)),
            log_scale=0.5 * jnp.log(-jnp.expm1(2 * log_radius)),
            kernel=jax.random.normal(kernel, (2, self.inputs, self.hidden))
            / jnp.sqrt(2 * self.inputs),
            output=jax.random.normal(output, (2, self.hidden, self.hidden)) / jnp.sqrt(self.hidden),
            skip=jax.random.normal(skip, (self.inputs, self.hidden)) / jnp.sqrt(self.inputs),
        )

    def carry(self, params: LRUParams, batch: Batch = ()) -> Complex[Array, "*batch H"]:
        """Zeros."""
        zero = zeros(batch, self.hidden, params.kernel)
        return jax.lax.complex(zero, zero)

    def matrix(self, params: LRUParams) -> Complex[Array, " H"]:
        """`lambda`."""
        kind = at_least_float32(params.log_decay.dtype)
        decay, phase = (jnp.exp(p.astype(kind)) for p in (params.log_decay, params.log_phase))
        return jnp.exp(jax.lax.complex(-decay, phase))

    def coefficients(
        self, params: LRUParams, x: Float[Array, "... I"]
    ) -> tuple[Complex[Array, "... H"], Complex[Array, "... H"]]:
        """`lambda`, the same at every step, and the driven input."""
        real, imaginary = dot(x, params.kernel[0]), dot(x, params.kernel[1])
        scale = jnp.broadcast_to(jnp.exp(params.log_scale.astype(real.dtype)), real.shape)
        b = jax.lax.complex(scale * real, scale * imaginary)
        return jnp.broadcast_to(self.matrix(params), b.shape), b

    def read(
        self, params: LRUParams, h: Complex[Array, "... H"], x: Float[Array, "... I"]
    ) -> Float[Array, "... H"]:
        """`Re(h @ output) + x @ skip`."""
        kind = params.output.dtype
        real, imaginary = h.real.astype(kind), h.imag.astype(kind)
        y = dot(real, params.output[0]) - dot(imaginary, params.output[1]) + dot(x, params.skip)
        return y.astype(kind)
