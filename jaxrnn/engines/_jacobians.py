"""What `Newton` takes for the Jacobian of a step: nouns."""

import abc
from collections.abc import Callable

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config
from .._typing import Array, Leaf
from ._blocks import blocks

Step = Callable[[Array], Array]


class Jacobian(Config):
    """How the derivative of the carry by the one before is approximated, at many points at once."""

    @abc.abstractmethod
    def at(self, step: Step, points: Array) -> tuple[Array, Array]:
        """The steps from `points [..., N, K]`, and blocks `[..., n, k, k]` with `n k = N K`."""

    @property
    def whole(self) -> bool:
        """Whether the blocks of all of the Jacobian are formed, so that gradients may use them."""
        return True


class FullJacobian(Jacobian):
    """The Jacobian itself: Newton's method, which converges quadratically.

    For `H` units that mix it is a matrix `H x H` at every step: `T H^3` multiplications and `T H^2`
    numbers in an iteration. Where each unit depends on its own past alone, which is found out, it
    is a number for each unit, or a small block if the unit has several.

    Reference: Y. H. Lim, Q. Zhu, J. Selfridge & M. F. Kasim, "Parallelizing non-linear sequential
    models over the sequence length", ICLR 2024 (DEER).

    Example:
        >>> from jaxrnn import engines
        >>> engines.Newton(engines.FullJacobian())
        Newton(jacobian=FullJacobian(), tolerance=None, max_iterations=100)
    """

    def at(self, step: Step, points: Array) -> tuple[Array, Array]:
        return blocks(step, points)


class DiagonalJacobian(Jacobian):
    """The Jacobian's diagonal: `T H` numbers instead of `T H^2`, and more iterations.

    The diagonal still takes `H` tangents of a step if units mix. Gradients are exact all the same:
    they run backwards step by step, as `Scan`'s.

    Reference: X. Gonzalez, A. Warrington, J. Smith & S. Linderman, "Towards scalable and stable
    parallelization of nonlinear RNNs", NeurIPS 2024 (quasi-DEER).

    Example:
        >>> from jaxrnn import engines
        >>> engines.Newton(engines.DiagonalJacobian(), max_iterations=30).max_iterations
        30
    """

    def at(self, step: Step, points: Array) -> tuple[Array, Array]:
        *lead, count, size = points.shape
        values, push = jax.linearize(step, points)

        def entry(unit: Array) -> Array:
            own = jnp.broadcast_to(unit, points.shape)
            return (push(own) * own).sum(-1)

        if size == 1:
            return values, entry(jnp.ones(1, points.dtype))[..., None, None]
        # A few at a time: all of them together would take the memory of the whole matrix.
        basis = jnp.eye(size, dtype=points.dtype).reshape(size, *(1 for _ in lead), 1, size)
        diagonal = jnp.moveaxis(jax.lax.map(entry, basis, batch_size=min(size, 8)), 0, -1)
        return values, diagonal.reshape(*lead, count * size, 1, 1)

    @property
    def whole(self) -> bool:
        """False: of units that mix."""
        return False


class Damped(Jacobian):
    """Another Jacobian times `1 - k`: smaller steps, for sequences on which Newton's overshoot.

    At `k = 1` it is none, and every iteration is a Picard iteration: one more step is right.

    Args:
        jacobian: what is damped.
        k: how much, in [0, 1].

    Reference: X. Gonzalez, L. Kozachkov, D. Zoltowski, K. Clarkson & S. Linderman, "Predictability
    enables parallelization of nonlinear state space models", NeurIPS 2025.

    Example:
        >>> from jaxrnn import engines
        >>> engines.Newton(engines.Damped(engines.DiagonalJacobian(), 0.2)).jacobian.k
        0.2
    """

    jacobian: Jacobian
    k: Leaf

    def __post_init__(self) -> None:
        """Check the range."""
        if not _check.holds(lambda k: (k >= 0) & (k <= 1), self.k):
            raise ValueError(f"Damped: k must lie in [0, 1], got {self.k}")

    def at(self, step: Step, points: Array) -> tuple[Array, Array]:
        values, blocks = self.jacobian.at(step, points)
        return values, (1 - jnp.asarray(self.k, blocks.dtype)) * blocks

    @property
    def whole(self) -> bool:
        """That of the Jacobian inside."""
        return self.jacobian.whole
