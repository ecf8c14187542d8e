"""`Elapsed`: how much time passes before a step."""

import abc

import jax.numpy as jnp

from .. import _check
from .._config import Config
from .._dtypes import at_least_float32
from .._typing import Array, Leaf


class Elapsed(Config):
    """How much time has passed since the step before, for cells in continuous time."""

    @abc.abstractmethod
    def features(self, inputs: int) -> int:
        """How many of the `inputs` features are not time."""

    @abc.abstractmethod
    def part(self, x: Array) -> tuple[Array, Array]:
        """The features of `x [..., inputs]`, and the time `[..., 1]` in at least float32."""


class Regular(Elapsed):
    """The same time between all steps.

    Args:
        dt: that time; a leaf.

    Raises:
        ValueError: a time at or below 0.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.CfC(3, 4, elapsed=jaxrnn.cells.Regular(0.1))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    dt: Leaf = 1.0

    def __post_init__(self) -> None:
        """Check the time."""
        _check.positive("Regular", dt=self.dt)

    def features(self, inputs: int) -> int:
        return inputs

    def part(self, x: Array) -> tuple[Array, Array]:
        dt = jnp.asarray(self.dt).astype(at_least_float32(x.dtype))
        return x, jnp.broadcast_to(dt, (*x.shape[:-1], 1))


class LastFeature(Elapsed):
    """The last feature of the inputs: observations at irregular times.

    Differences of time, not times of day: in bfloat16 the latter would be rounded to 8 bits. At a
    masked step no time passes: what lies between two steps that count belongs to the later one.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> times = jnp.array([0.0, 0.5, 0.6, 2.0])
        >>> values = jnp.sin(times)[:, None]
        >>> xs = jnp.concatenate([values, jnp.diff(times, prepend=0.0)[:, None]], axis=-1)
        >>> cell = jaxrnn.cells.CfC(2, 4, elapsed=jaxrnn.cells.LastFeature())
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (4, 4)
    """

    def features(self, inputs: int) -> int:
        if inputs < 2:
            raise ValueError(
                "LastFeature: the last feature is the time elapsed, so there must be at least 2 "
                f"inputs, got {inputs}"
            )
        return inputs - 1

    def part(self, x: Array) -> tuple[Array, Array]:
        return x[..., :-1], x[..., -1:].astype(at_least_float32(x.dtype))
