"""The simplified structured state space model, S5."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from .. import _check, _host
from .._numerics import dot, zeros
from .._typing import Array, Batch, Key
from ._hippo import hippo_basis
from ._state_space import StateSpaceCell


class S5Params(NamedTuple):
    """Parameters of `S5`: P conjugate pairs; complex matrices are real and imaginary parts."""

    log_decay: Float[Array, " P"]
    frequency: Float[Array, " P"]
    log_step: Float[Array, " P"]
    kernel: Float[Array, "2 I P"]
    output: Float[Array, "2 P I"]
    skip: Float[Array, " I"]


class S5(StateSpaceCell):
    """The state space model S5: one state that all features drive, and all are read from.

        eigenvalues = -exp(log_decay) + i frequency
        a, b = discretization(eigenvalues, exp(log_step))
        h_t  = a * h_{t-1} + b * (x_t @ (kernel[0] + i kernel[1]))
        y_t  = 2 Re(h_t @ (output[0] + i output[1])) + skip * x_t

    It starts from HiPPO-N, in `blocks` equal blocks. Of every conjugate pair one number is kept.
    The paper's code has the real part of an eigenvalue itself as a parameter; with its logarithm,
    no step of training makes the state unstable.

    Shapes: x and y `[*batch, features]`, carry complex `[*batch, state // 2]`.

    Args:
        features: of the input and of the output.
        state: how many numbers the state has; a multiple of `2 * blocks`.
        discretization: `ZOH()` or `Bilinear()`.
        min_step: the smallest step that `init` draws.
        max_step: the largest step that `init` draws.
        blocks: how many HiPPO-N matrices of equal size `init` starts from.

    Raises:
        ValueError: for a state that does not divide into blocks of pairs, or steps at or below 0.

    Reference: J. Smith, A. Warrington & S. Linderman, "Simplified state space layers for sequence
    modeling", ICLR 2023 (arXiv 2208.04933).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.S5(3, state=8), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 3)
    """

    blocks: int = jax.tree.static(default=1)

    def __post_init__(self) -> None:
        """Check the sizes and the steps."""
        super().__post_init__()
        _check.sizes("S5", blocks=self.blocks)
        if self.state % (2 * self.blocks):
            raise ValueError(
                f"S5: state must be a multiple of 2 * blocks, of which each has conjugate pairs, "
                f"got state={self.state} and blocks={self.blocks}"
            )

    def init(self, key: Key) -> S5Params:
        """HiPPO-N and its eigenvectors; matrices in that basis are Gaussian."""
        step, kernel, output, skip = jax.random.split(key, 4)
        half, size = self.state // 2, self.state // self.blocks
        basis = _host.numbers(
            lambda: np.kron(np.eye(self.blocks), hippo_basis(size)[1]), (self.state, half), complex
        )
        real, imaginary = basis.real, basis.imag
        b = jax.random.normal(kernel, (self.features, self.state)) / jnp.sqrt(self.features)
        c = jax.random.normal(output, (2, self.features, self.state)) / jnp.sqrt(self.state)
        # The basis is unitary: its inverse, for the inputs, is its conjugate transpose.
        return S5Params(
            log_decay=jnp.full(half, jnp.log(0.5)),
            frequency=jnp.tile(
                _host.numbers(lambda: hippo_basis(size)[0].imag, (size // 2,)), self.blocks
            ),
            log_step=self.init_step(step, half),
            kernel=jnp.stack([b @ real, -b @ imaginary]),
            output=jnp.stack(
                [
                    (c[0] @ real - c[1] @ imaginary).T,
                    (c[0] @ imaginary + c[1] @ real).T,
                ]
            ),
            skip=jax.random.normal(skip, (self.features,)),
        )

    def carry(self, params: S5Params, batch: Batch = ()) -> Complex[Array, "*batch P"]:
        """Zeros."""
        zero = zeros(batch, self.state // 2, params.kernel)
        return jax.lax.complex(zero, zero)

    def matrix(self, params: S5Params) -> Complex[Array, " P"]:
        """`a`."""
        return self.factors(params, params.log_step)[0]

    def coefficients(
        self, params: S5Params, x: Float[Array, "... I"]
    ) -> tuple[Complex[Array, "... P"], Complex[Array, "... P"]]:
        """`a`, the same at every step, and the driven input."""
        driven = jax.lax.complex(dot(x, params.kernel[0]), dot(x, params.kernel[1]))
        a, b = (jnp.broadcast_to(f, driven.shape) for f in self.factors(params, params.log_step))
        return a, b * driven

    def read(
        self, params: S5Params, h: Complex[Array, "... P"], x: Float[Array, "... I"]
    ) -> Float[Array, "... I"]:
        """`2 Re(h @ output) + skip * x`."""
        kind = params.output.dtype
        real, imaginary = h.real.astype(kind), h.imag.astype(kind)
        y = 2 * (dot(real, params.output[0]) - dot(imaginary, params.output[1]))
        skip = jnp.broadcast_to(params.skip.astype(y.dtype), x.shape) * x.astype(y.dtype)
        return (y + skip).astype(kind)
