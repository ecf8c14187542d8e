"""The diagonal structured state space model, S4D."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from .. import _host
from .._dtypes import at_least_float32
from .._numerics import spread
from .._typing import Array, Batch, Key
from ._hippo import s4d_lin
from ._state_space import StateSpaceCell


class S4DParams(NamedTuple):
    """Parameters of `S4D`: P conjugate pairs for every feature; `output` is real and imaginary."""

    log_decay: Float[Array, "I P"]
    frequency: Float[Array, "I P"]
    log_step: Float[Array, " I"]
    output: Float[Array, "2 I P"]
    skip: Float[Array, " I"]


class S4D(StateSpaceCell):
    """The diagonal state space model S4D: every feature is filtered by a state of its own.

        eigenvalues = -exp(log_decay) + i frequency
        a, b = discretization(eigenvalues, exp(log_step))
        h_t  = a * h_{t-1} + b * x_t                            for every feature, P numbers
        y_t  = 2 Re(sum_p (output[0] + i output[1]) * h_t) + skip * x_t

    The state is real in truth: of every conjugate pair one is kept, and the other doubles the real
    part. It mixes no features: put layers that do between two of them.

    Shapes: x and y `[*batch, features]`, carry complex `[*batch, features, state // 2]`.

    Args:
        features: of the input and of the output.
        state: how many numbers each feature's state has, an even number.
        discretization: `ZOH()` or `Bilinear()`.
        min_step: the smallest step that `init` draws.
        max_step: the largest step that `init` draws.
        eigenvalues: a function from `state` to those that `init` starts from, a conjugate pair
            each: `s4d_lin`, `s4d_inv`, `hippo_n`. Their real parts must be below 0.

    Raises:
        ValueError: for a state of odd size, steps at or below 0, or eigenvalues that are too few
            or whose real parts are not below 0.

    Reference: A. Gu, A. Gupta, K. Goel & C. Ré, "On the parameterization and initialization of
    diagonal state space models", NeurIPS 2022 (arXiv 2206.11893).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.S4D(3, state=8), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 3)
    """

    state: int = jax.tree.static(default=64)
    eigenvalues: Callable[[int], Any] = jax.tree.static(default=s4d_lin)

    def init(self, key: Key) -> S4DParams:
        """The given eigenvalues, steps uniform in their logarithms, normal output and skip."""
        step, output, skip = jax.random.split(key, 3)
        shape = (self.features, self.state // 2)
        start = _host.numbers(self._start, (self.state // 2,), complex)
        return S4DParams(
            log_decay=jnp.broadcast_to(jnp.log(-start.real), shape),
            frequency=jnp.broadcast_to(start.imag, shape),
            log_step=self.init_step(step, self.features),
            output=jax.random.normal(output, (2, *shape)) * 0.5**0.5,
            skip=jax.random.normal(skip, (self.features,)),
        )

    def _start(self) -> Complex[np.ndarray, " P"]:
        start = np.asarray(self.eigenvalues(self.state))
        if start.shape != (self.state // 2,) or not (start.real < 0).all():
            raise ValueError(
                f"S4D: eigenvalues({self.state}) must be {self.state // 2} numbers, of each "
                f"conjugate pair one, with real parts below 0, got {start}"
            )
        return start

    def carry(self, params: S4DParams, batch: Batch = ()) -> Complex[Array, "*batch I P"]:
        """Zeros."""
        zero = jnp.zeros(
            (*batch, self.features, self.state // 2), at_least_float32(params.skip.dtype)
        )
        return jax.lax.complex(zero, zero)

    def matrix(self, params: S4DParams) -> Complex[Array, "I P"]:
        """`a`."""
        return self._factors(params)[0]

    def _factors(self, params: S4DParams) -> tuple[Complex[Array, "I P"], Complex[Array, "I P"]]:
        step = jnp.broadcast_to(params.log_step[:, None], params.log_decay.shape)
        return self.factors(params, step)

    def coefficients(
        self, params: S4DParams, x: Float[Array, "... I"]
    ) -> tuple[Complex[Array, "... I P"], Complex[Array, "... I P"]]:
        """`a`, the same at every step, and the driven input."""
        shape = (*x.shape, self.state // 2)
        a, b = (spread(factor, x.shape[:-1]) for factor in self._factors(params))
        return a, b * jnp.broadcast_to(x[..., None], shape).astype(b.dtype)

    def read(
        self, params: S4DParams, h: Complex[Array, "... I P"], x: Float[Array, "... I"]
    ) -> Float[Array, "... I"]:
        """`2 Re(output . h) + skip * x`."""
        kind = h.real.dtype
        output = jax.lax.complex(*params.output.astype(kind))
        skip = jnp.broadcast_to(params.skip.astype(kind), x.shape) * x.astype(kind)
        # XLA makes vectors of a complex product, but not of two real ones of its parts.
        y = 2 * (spread(output, x.shape[:-1]) * h).sum(-1).real + skip
        return y.astype(params.skip.dtype)
