"""`StateSpaceCell`: linear cells that discretise a differential equation."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Complex, Float

from .. import _check
from .._dtypes import at_least_float32
from .._typing import Array, Key, Leaf
from ._associative import LinearCell
from ._discretization import ZOH, Discretization
from ._hippo import pairs


class StateSpaceCell(LinearCell):
    """A linear cell with conjugate pairs of eigenvalues, `-exp(log_decay) + i frequency`.

    `params` has `log_decay`, `frequency` and `log_step`; the real parts are below 0 whatever they
    are, so that the state never grows by itself.
    """

    features: int = jax.tree.static()
    state: int = jax.tree.static()
    discretization: Discretization = ZOH()
    min_step: Leaf = 0.001
    max_step: Leaf = 0.1

    def __post_init__(self) -> None:
        """Check the sizes and the steps."""
        who = type(self).__name__
        _check.sizes(who, features=self.features)
        pairs(who, state=self.state)
        low, high = self.min_step, self.max_step
        if not _check.holds(lambda low, high: (low > 0) & (low <= high), low, high):
            raise ValueError(
                f"{who}: steps must satisfy 0 < min_step <= max_step, got {low} and {high}"
            )

    @property
    def input_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)

    def init_step(self, key: Key, size: int) -> Float[Array, " size"]:
        """Logarithms of steps, uniform between those of `min_step` and `max_step`."""
        low, high = jnp.log(self.min_step), jnp.log(self.max_step)
        return low + jax.random.uniform(key, (size,)) * (high - low)

    def factors(
        self, params: Any, log_step: Float[Array, "*shape"]
    ) -> tuple[Complex[Array, "*shape"], Complex[Array, "*shape"]]:
        """The factors of state and input in one step."""
        kind = at_least_float32(params.log_decay.dtype)
        decay, frequency = params.log_decay.astype(kind), params.frequency.astype(kind)
        eigenvalues = jax.lax.complex(-jnp.exp(decay), frequency)
        return self.discretization.rule(
            eigenvalues, jnp.exp(log_step.astype(kind)).astype(eigenvalues.dtype)
        )
