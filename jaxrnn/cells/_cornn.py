"""Recurrent networks of oscillators: coupled, and undamped ones that are not coupled."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import recur, zeros
from .._typing import Array, Batch, Key, Leaf
from ._forced import ForcedCell
from ._per_unit import per_unit


class OscillatorCarry(NamedTuple):
    """Carry of `CoRNN` and `UnICORNN`."""

    position: Float[Array, "*batch H"]
    velocity: Float[Array, "*batch H"]


class CoRNNParams(NamedTuple):
    """Parameters of `CoRNN`; the rows of `recurrent` belong to the positions, then velocities."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "2*H H"]
    bias: Float[Array, " H"]


class CoRNN(ForcedCell):
    """The coupled oscillatory network: damped, forced oscillators that force each other.

        z_t = z_{t-1} + dt (tanh(x_t @ kernel + bias + (y_{t-1}, z_{t-1}) @ recurrent)
                            - gamma y_{t-1} - epsilon z_{t-1})
        y_t = y_{t-1} + dt z_t

    This discretises y'' = tanh(...) - gamma y - epsilon y'; z is the velocity y'. Gradients neither
    vanish nor explode as long as dt is small.

    Shapes: x `[*batch, inputs]`; carry `OscillatorCarry(position, velocity)`, each
    `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: oscillators.
        dt: the time of a step; a leaf.
        gamma: squared frequencies, one number or one per unit, `[hidden]`; a leaf.
        epsilon: damping, one number or one per unit, `[hidden]`; a leaf.

    Raises:
        ValueError: `dt`, `gamma` or `epsilon` at or below 0.

    Reference: T. K. Rusch & S. Mishra, "Coupled oscillatory recurrent neural network (coRNN): an
    accurate and (gradient) stable architecture for learning long time dependencies", ICLR 2021.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.CoRNN(3, 4, dt=0.05)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[0].velocity.shape
        (2, 4)
    """

    dt: Leaf = 0.1
    gamma: Leaf = 1.0
    epsilon: Leaf = 1.0

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        super().__post_init__()
        _check.positive("CoRNN", dt=self.dt, gamma=self.gamma, epsilon=self.epsilon)

    def init(self, key: Key) -> CoRNNParams:
        """Everything uniform in `+-1 / sqrt(inputs + 2 hidden)`."""
        rows, bound = self.inputs + 2 * self.hidden, (self.inputs + 2 * self.hidden) ** -0.5
        drawn = jax.random.uniform(key, (rows + 1, self.hidden), minval=-bound, maxval=bound)
        kernel, recurrent, bias = jnp.split(drawn, [self.inputs, rows])
        return CoRNNParams(kernel, recurrent, bias[0])

    def carry(self, params: CoRNNParams, batch: Batch = ()) -> OscillatorCarry:
        """Oscillators at rest."""
        return OscillatorCarry(*(zeros(batch, self.hidden, params.recurrent) for _ in "yz"))

    def mix(self, params: CoRNNParams, carry: OscillatorCarry) -> Float[Array, "... H"]:
        """`(y, z) @ recurrent`."""
        return recur(jnp.concatenate(carry, axis=-1), params.recurrent)

    def update(
        self, params: CoRNNParams, carry: OscillatorCarry, force: Array
    ) -> tuple[OscillatorCarry, Array]:
        """The velocity, then the position with it."""
        y, z = carry
        dt = per_unit("CoRNN", "dt", self.dt, y)
        gamma = per_unit("CoRNN", "gamma", self.gamma, y)
        epsilon = per_unit("CoRNN", "epsilon", self.epsilon, y)
        z = z + dt * (force.astype(z.dtype) - gamma * y - epsilon * z)
        y = y + dt * z
        return OscillatorCarry(y, z), y


class UnICORNNParams(NamedTuple):
    """Parameters of `UnICORNN`."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, " H"]
    bias: Float[Array, " H"]
    time_scale: Float[Array, " H"]


class UnICORNN(ForcedCell):
    """The undamped independent controlled oscillatory network: a Hamiltonian system of units.

        s   = dt sigmoid(time_scale)
        z_t = z_{t-1} - s (tanh(x_t @ kernel + bias + recurrent y_{t-1}) + alpha y_{t-1})
        y_t = y_{t-1} + s z_t

    A step of the symplectic Euler method, which preserves volume. Units hear of each other only in
    the next layer, so `recurrent` is a vector, and what a step costs is linear in `hidden`.

    Shapes: x `[*batch, inputs]`; carry `OscillatorCarry(position, velocity)`, each
    `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: oscillators.
        dt: the longest time of a step; a leaf.
        alpha: what draws oscillators back, one number or one per unit, `[hidden]`; a leaf.

    Raises:
        ValueError: `dt` at or below 0, or `alpha` below 0.

    Reference: T. K. Rusch & S. Mishra, "UnICORNN: a recurrent model for learning very long time
    dependencies", ICML 2021.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.UnICORNN(3, 4, dt=0.05)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    dt: Leaf = 0.1
    alpha: Leaf = 1.0

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        super().__post_init__()
        _check.positive("UnICORNN", dt=self.dt)
        _check.at_least_0("UnICORNN", alpha=self.alpha)

    def init(self, key: Key) -> UnICORNNParams:
        """As the paper's code: He's kernel with a slope of 8, `recurrent` uniform in [0, 1)."""
        kernel, recurrent, scale = jax.random.split(key, 3)
        bound = (6 / (65 * self.inputs)) ** 0.5
        shape = (self.inputs, self.hidden)
        return UnICORNNParams(
            kernel=jax.random.uniform(kernel, shape, minval=-bound, maxval=bound),
            recurrent=jax.random.uniform(recurrent, (self.hidden,)),
            bias=jnp.zeros(self.hidden),
            time_scale=jax.random.uniform(scale, (self.hidden,), minval=-0.1, maxval=0.1),
        )

    def carry(self, params: UnICORNNParams, batch: Batch = ()) -> OscillatorCarry:
        """Oscillators at rest."""
        return OscillatorCarry(*(zeros(batch, self.hidden, params.recurrent) for _ in "yz"))

    def mix(self, params: UnICORNNParams, carry: OscillatorCarry) -> Float[Array, "... H"]:
        """`recurrent * y`."""
        y = carry.position
        return jnp.broadcast_to(params.recurrent.astype(y.dtype), y.shape) * y

    def update(
        self, params: UnICORNNParams, carry: OscillatorCarry, force: Array
    ) -> tuple[OscillatorCarry, Array]:
        """The velocity, then the position with it."""
        y, z = carry
        step = self._step(params, y)
        alpha = per_unit("UnICORNN", "alpha", self.alpha, y)
        z = z - step * (force.astype(z.dtype) + alpha * y)
        y = y + step * z
        return OscillatorCarry(y, z), y

    def gates(self, params: UnICORNNParams, carry: OscillatorCarry, x: Array) -> dict[str, Array]:
        """The share of `dt` that each unit takes."""
        scale = jax.nn.sigmoid(params.time_scale.astype(carry.position.dtype))
        return {"time_scale": jnp.broadcast_to(scale, carry.position.shape)}

    def _step(self, params: UnICORNNParams, like: Array) -> Array:
        """The time that each unit steps by."""
        scale = jnp.broadcast_to(params.time_scale.astype(like.dtype), like.shape)
        return per_unit("UnICORNN", "dt", self.dt, like) * jax.nn.sigmoid(scale)
