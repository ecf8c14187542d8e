"""`Reservoir`: recurrent weights that are drawn, not trained."""

import abc
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config
from .._numerics import eigenvalues
from .._typing import Array, Batch, Key, Leaf, Params
from ._cell import Cell
from ._elman import Elman, ElmanParams
from ._leaky import Leaky
from ._resolving import Resolving


class Topology(Config):
    """Who is connected to whom in a reservoir."""

    @abc.abstractmethod
    def draw(self, key: Key, size: int) -> Array:
        """The recurrent weights `[size, size]`, of any scale."""


class Random(Topology):
    """Gaussian weights between units that are connected at random.

    Args:
        density: the share of connections that there are, above 0 and at most 1.

    Raises:
        ValueError: another density.

    Example:
        >>> import jax
        >>> from jaxrnn import cells
        >>> int((cells.Random(0.1).draw(jax.random.key(0), 20) != 0).sum())
        40
    """

    density: Leaf = 1.0

    def __post_init__(self) -> None:
        """Check the density."""
        if not _check.holds(lambda density: (density > 0) & (density <= 1), self.density):
            raise ValueError(f"Random: density must be above 0 and at most 1, got {self.density}")

    def draw(self, key: Key, size: int) -> Array:
        weights, order = jax.random.split(key)
        places = jax.random.permutation(order, size * size).reshape(size, size)
        share = jnp.round(jnp.asarray(self.density, float) * size**2)
        there = places < jnp.broadcast_to(share, places.shape).astype(places.dtype)
        return jnp.where(there, jax.random.normal(weights, (size, size)), 0)


class SimpleCycle(Topology):
    """Units in a ring, each connected to the next one with the same weight.

    Reference: A. Rodan & P. Tino, "Minimum complexity echo state network", IEEE Transactions on
    Neural Networks 22 (2011).

    Example:
        >>> import jax
        >>> from jaxrnn import cells
        >>> cells.SimpleCycle().draw(jax.random.key(0), 3).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    def draw(self, key: Key, size: int) -> Array:
        return jnp.roll(jnp.eye(size), 1, axis=1)


class Reservoir(Resolving):
    """A cell whose parameters are drawn as those of an echo state network are.

        kernel ~ U(-input_scale, input_scale),   bias ~ U(-bias_scale, bias_scale)
        recurrent = alpha W, such that the spectral radius of the leaky matrix is `radius`:
        max |eigenvalue((1 - leak) I + leak * recurrent)| = radius

    With a radius below 1 the state forgets where it started, so a linear readout can be fitted in
    closed form: `training.fit_readout`. It only draws: run, it is the cell inside. To keep gradient
    descent from changing it, `Constrained(reservoir, lambda path, leaf: True, Frozen())`.

    Args:
        cell: an `Elman`, whose leak is 1, or a `Leaky` with one leak for all units.
        radius: spectral radius, above `1 - leak`, which it would be without connections.
        topology: who is connected to whom, `Random(density)` or `SimpleCycle()`.
        input_scale: the largest weight of an input.
        bias_scale: the largest bias.

    Raises:
        TypeError: another cell.
        ValueError: a radius that is not above `1 - leak`, or a scale below 0.

    Reference: H. Jaeger et al., "Optimization and applications of echo state networks with leaky-
    integrator neurons", Neural Networks 20 (2007).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> params = cells.Reservoir(cells.Leaky(1, 20, 0.5), 0.9).init(jax.random.key(0))
        >>> leaky = 0.5 * jnp.eye(20) + 0.5 * params.recurrent
        >>> print(f"{abs(jnp.linalg.eigvals(leaky)).max():.4f}")
        0.9000
    """

    radius: Leaf = 0.9
    topology: Topology = Random()
    input_scale: Leaf = 1.0
    bias_scale: Leaf = 0.0

    def __post_init__(self) -> None:
        """Check the cell and the numbers."""
        if not isinstance(self.cell, Elman | Leaky):
            raise TypeError(
                "Reservoir: cell must be an `Elman` or a `Leaky`, whose radius is known, got "
                f"`{type(self.cell).__name__}`"
            )
        _check.at_least_0("Reservoir", input_scale=self.input_scale, bias_scale=self.bias_scale)
        least = 1.0 - self._leak if _check.concrete(self._leak) else 0.0
        if not _check.holds(lambda radius: (radius > least) & (radius < jnp.inf), self.radius):
            raise ValueError(
                f"Reservoir: radius must be above 1 - leak = {least:g}, got {self.radius}. Without "
                "any connection it is that already."
            )

    def init(self, key: Key) -> ElmanParams:
        """Random weights, scaled to the radius."""
        cell: Any = self.cell
        recurrent, kernel, bias = jax.random.split(key, 3)
        drawn = self.topology.draw(recurrent, cell.hidden)
        return ElmanParams(
            _uniform(kernel, (cell.inputs, cell.hidden), self.input_scale),
            drawn * jnp.broadcast_to(self._factor(drawn).astype(drawn.dtype), drawn.shape),
            _uniform(bias, (cell.hidden,), self.bias_scale) if cell.use_bias else None,
        )

    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple[Cell, Params]:
        """The cell inside."""
        return self.cell.resolve(params, batch, key)

    @property
    def _leak(self) -> Any:
        leak = self.cell.leak if isinstance(self.cell, Leaky) else 1.0
        _check.number("Reservoir", leak=leak)
        return leak

    def _factor(self, weights: Array) -> Array:
        """Alpha: the least at which an eigenvalue reaches the radius.

        An eigenvalue z of the weights becomes `1 - leak + leak alpha z`, whose modulus is the
        radius at the positive root of a quadratic equation.
        """
        z = eigenvalues(weights)
        leak, radius = (jnp.asarray(x).astype(z.real.dtype) for x in (self._leak, self.radius))
        square = leak**2 * jnp.abs(z) ** 2
        half = leak * (1 - leak) * z.real
        rest = radius**2 - (1 - leak) ** 2
        root = half + jnp.sqrt(half**2 + square * rest)
        never = root <= 0  # an eigenvalue of 0 stays where it is
        alpha = jnp.where(never, jnp.inf, rest / jnp.where(never, 1, root)).min()
        return jnp.where(jnp.isfinite(alpha), alpha, 1)


def _uniform(key: Key, shape: tuple[int, ...], scale: Leaf) -> Array:
    drawn = jax.random.uniform(key, shape, minval=-1)
    return drawn * jnp.broadcast_to(jnp.asarray(scale).astype(drawn.dtype), shape)
