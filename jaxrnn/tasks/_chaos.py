"""`MackeyGlass` and `Lorenz`: chaotic series to be predicted."""

import typing
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._config import Config
from .._typing import Array, Key, Leaf
from ..data import Batch
from ._linear import linear_error

_REMEDY = "Draw fewer or shorter ones."


@typing.final
class MackeyGlass(Config):
    """The Mackey-Glass equation, a chaotic series: predict it `horizon` steps ahead.

        dx/dt = 0.2 x(t - delay) / (1 + x(t - delay)^10) - 0.1 x(t)

    It is integrated by Runge and Kutta's method of order 4 in steps of 0.1, and sampled at every
    whole number; the first 1000 samples, after a random start, are left out. The input is `x(t)`,
    and the target `x(t + horizon)`. For `objectives.SquaredError`.

    One step ahead, a linear filter of 20 inputs errs by 0.0005 of the deviation, so that is no
    test: take 84 steps, where it errs by 0.55; or one step, and feed the outputs back as inputs,
    `generation.free_run`.

    Attributes:
        length: how many steps.
        horizon: how far ahead the target lies.
        delay: of the equation; above about 16.8 it is chaotic.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: a size below 1.

    References:
        M. Mackey & L. Glass, "Oscillation and chaos in physiological control systems", Science 197
        (1977); as a test of networks: H. Jaeger & H. Haas, Science 304 (2004)

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> batch = tasks.MackeyGlass(500, horizon=84).batch(2, key=jax.random.key(0))
        >>> batch.inputs.shape, bool((batch.inputs[84:] == batch.targets[:-84]).all())
        ((500, 2, 1), True)
    """

    length: int = jax.tree.static()
    horizon: int = jax.tree.static(default=84)
    delay: int = jax.tree.static(default=17)

    def __post_init__(self) -> None:
        sizes = {"length": self.length, "horizon": self.horizon, "delay": self.delay}
        _check.sizes("MackeyGlass", **sizes)

    def baseline(self, train: Batch, test: Batch, lags: int = 20, washout: int = 100) -> float:
        """The error of a linear filter of the last `lags` inputs, fitted on `train`.

        Raises:
            ValueError: lags that are not positive, or series that are not longer.
        """
        return linear_error("MackeyGlass.baseline", train, test, lags, washout)

    def batch(self, size: int, *, key: Key) -> Batch:
        """Draw series: inputs and targets `[length, size, 1]`.

        Raises:
            TypeError: a size that is not an integer.
            ValueError: a size below 1, or more than memory can hold.
        """
        _check.sizes("MackeyGlass.batch", size=size)
        shape = (self.length + self.horizon, size)
        _check.memory("MackeyGlass.batch", "the series", shape, np.float32, _REMEDY)
        start = 1.2 + 0.2 * (jax.random.uniform(key, (10 * self.delay + 1, size)) - 0.5)
        series = _mackey_glass(start, 1000 + shape[0])[1000:, :, None]
        return Batch(series[: self.length], series[self.horizon :])


def _mackey_glass(start: Array, samples: int) -> Array:
    """Samples at every tenth step of 0.1, from the values of one delay, oldest first."""

    def slope(x: Array, late: Array) -> Array:
        return 0.2 * late / (1 + late**10) - 0.1 * x

    def step(past: Array, _: None) -> tuple[Array, None]:
        x, first, second = past[-1], past[0], past[1]
        middle = (first + second) / 2
        k1 = slope(x, first)
        k2 = slope(x + 0.05 * k1, middle)
        k3 = slope(x + 0.05 * k2, middle)
        k4 = slope(x + 0.1 * k3, second)
        new = x + 0.1 / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return jnp.concatenate([past[1:], new[None]]), None

    def sample(past: Array, _: None) -> tuple[Array, Array]:
        past, _ = jax.lax.scan(step, past, length=10)
        return past, past[-1]

    return jax.lax.scan(sample, start, length=samples)[1]


@typing.final
class Lorenz(Config):
    """The Lorenz equations, a chaotic system of three variables: predict it `horizon` steps ahead.

        dx/dt = sigma (y - x),   dy/dt = x (rho - z) - y,   dz/dt = x y - beta z

    It is integrated by Runge and Kutta's method of order 4, ten steps for each sample; the first
    1000 samples, after a random start, are left out. The input is the state, divided by 20, and the
    target the state `horizon` samples later. For `objectives.SquaredError`.

    Attributes:
        length: how many steps.
        horizon: how far ahead the target lies.
        step: the time between two samples.
        sigma: of the equations.
        rho: of the equations.
        beta: of the equations.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: a size below 1, or a step that is not above 0.

    Reference:
        E. Lorenz, "Deterministic nonperiodic flow", Journal of the Atmospheric Sciences 20 (1963)

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> batch = tasks.Lorenz(500).batch(2, key=jax.random.key(0))
        >>> batch.inputs.shape, batch.targets.shape
        ((500, 2, 3), (500, 2, 3))
    """

    length: int = jax.tree.static()
    horizon: int = jax.tree.static(default=25)
    step: Leaf = 0.02
    sigma: Leaf = 10.0
    rho: Leaf = 28.0
    beta: Leaf = 8 / 3

    def __post_init__(self) -> None:
        _check.sizes("Lorenz", length=self.length, horizon=self.horizon)
        if not _check.holds(lambda step: (step > 0) & (step < np.inf), self.step):
            raise ValueError(f"Lorenz: step must be above 0, got {self.step}")

    def baseline(self, train: Batch, test: Batch, lags: int = 20, washout: int = 100) -> float:
        """The error of a linear filter of the last `lags` states, fitted on `train`.

        Raises:
            ValueError: lags that are not positive, or series that are not longer.
        """
        return linear_error("Lorenz.baseline", train, test, lags, washout)

    def batch(self, size: int, *, key: Key) -> Batch:
        """Draw series: inputs and targets `[length, size, 3]`.

        Raises:
            TypeError: a size that is not an integer.
            ValueError: a size below 1, or more than memory can hold.
        """
        _check.sizes("Lorenz.batch", size=size)
        shape = (self.length + self.horizon, size, 3)
        _check.memory("Lorenz.batch", "the series", shape, np.float32, _REMEDY)
        start = 1 + jax.random.uniform(key, shape[1:])
        small = jnp.asarray(self.step).astype(start.dtype) / 10

        def sample(state: Array, _: None) -> tuple[Array, Array]:
            def substep(_: Any, state: Array) -> Array:
                return _runge_kutta(self._slope, state, small)

            state = jax.lax.fori_loop(0, 10, substep, state)
            return state, state

        _, series = jax.lax.scan(sample, start, length=1000 + shape[0])
        series = series[1000:] / 20
        return Batch(series[: self.length], series[self.horizon :])

    def _slope(self, state: Array) -> Array:
        x, y, z = (state[..., i] for i in range(3))
        sigma, rho, beta = (
            jnp.asarray(value).astype(state.dtype) for value in (self.sigma, self.rho, self.beta)
        )
        return jnp.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z], -1)


def _runge_kutta(slope: Callable[[Array], Array], state: Array, step: Array) -> Array:
    k1 = slope(state)
    k2 = slope(state + step / 2 * k1)
    k3 = slope(state + step / 2 * k2)
    k4 = slope(state + step * k3)
    return state + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
