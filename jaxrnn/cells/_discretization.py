"""`Discretization`: from a differential equation to a recurrence."""

import abc

import jax.numpy as jnp
from jaxtyping import Complex, Float

from .. import _check
from .._config import Config
from .._typing import Array


class Discretization(Config):
    """How `h' = eigenvalue * h + u` is carried over one step of time."""

    def factors(
        self, eigenvalues: Complex[Array, "*shape"], step: Float[Array, "*shape"]
    ) -> tuple[Complex[Array, "*shape"], Complex[Array, "*shape"]]:
        """`(a, b)` of `h_t = a h_{t-1} + b u_t`.

        Raises:
            ValueError: for a step at or below 0, where it can be read.
        """
        if not _check.holds(lambda step: step > 0, step):
            raise ValueError(f"{type(self).__name__}: steps must be greater than 0, got {step}")
        return self.rule(eigenvalues, step.astype(eigenvalues.dtype))

    @abc.abstractmethod
    def rule(
        self, eigenvalues: Complex[Array, "*shape"], step: Complex[Array, "*shape"]
    ) -> tuple[Complex[Array, "*shape"], Complex[Array, "*shape"]]:
        """`factors`, for a step that has been checked and has the eigenvalues' type."""


class ZOH(Discretization):
    """Zero-order hold: exact for an input that is constant during each step.

        a = exp(eigenvalue * step),   b = (a - 1) / eigenvalue

    `b` is computed by `expm1`, and is `step` at an eigenvalue of 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> a, b = cells.ZOH().factors(jnp.array([-1.0 + 0j]), jnp.array([0.5]))
        >>> print(f"{a[0].real:.4f} {b[0].real:.4f}")
        0.6065 0.3935
    """

    def rule(
        self, eigenvalues: Complex[Array, "*shape"], step: Complex[Array, "*shape"]
    ) -> tuple[Complex[Array, "*shape"], Complex[Array, "*shape"]]:
        z = eigenvalues * step
        still = z == 0
        safe = jnp.where(still, jnp.ones_like(z), z)
        ratio = jnp.where(still, jnp.ones_like(z), jnp.expm1(safe) / safe)
        return jnp.exp(z), step * ratio


class Bilinear(Discretization):
    """The bilinear transform, or trapezoidal rule; stable for every stable equation.

        a = (1 + z) / (1 - z),   b = step / (1 - z),   z = eigenvalue * step / 2

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> a, b = cells.Bilinear().factors(jnp.array([-1.0 + 0j]), jnp.array([0.5]))
        >>> print(a.real, b.real)
        [0.6] [0.4]
    """

    def rule(
        self, eigenvalues: Complex[Array, "*shape"], step: Complex[Array, "*shape"]
    ) -> tuple[Complex[Array, "*shape"], Complex[Array, "*shape"]]:
        z = eigenvalues * step / 2
        return (1 + z) / (1 - z), step / (1 - z)
