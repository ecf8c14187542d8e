"""Linear oscillators: LinOSS, and how they are integrated."""

import abc
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Complex, Float

from .. import _check
from .._config import Config
from .._dtypes import at_least_float32
from .._numerics import dot, zeros
from .._typing import Array, Batch, Key
from ._associative import LinearCell
from ._transition import PairBlocks


class Integrator(Config):
    """How `y'' = -A y + u` is carried over one step, for the pair of speed and position.

    `stiffness` is a parameter without bounds, from which `A` is made so that the step is stable.
    """

    @abc.abstractmethod
    def squared_frequency(
        self, stiffness: Float[Array, " P"], step: Float[Array, " P"]
    ) -> Float[Array, " P"]:
        """`A`, above 0 and as large as is stable at most."""

    @abc.abstractmethod
    def stiffness(self, a: Float[Array, " P"], step: Float[Array, " P"]) -> Float[Array, " P"]:
        """The parameter that makes `A`."""

    @abc.abstractmethod
    def matrices(
        self, a: Float[Array, " P"], step: Float[Array, " P"]
    ) -> tuple[Float[Array, "2 2 P"], Float[Array, "2 P"]]:
        """What one step multiplies the pair with, and what the input."""


class IM(Integrator):
    """Implicit integration: the state of the next step is solved for. It forgets.

        A = softplus(stiffness),   S = 1 / (1 + step^2 A)
        M = [[S, -step A S], [step S, S]],   F = [step S, step^2 S]

    Every `A >= 0` is stable: the eigenvalues of `M` have the square `S` of their size.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> m, f = cells.IM().matrices(jnp.array([1.0]), jnp.array([0.5]))
        >>> print(m[..., 0], f[:, 0])
        [[ 0.8 -0.4]
         [ 0.4  0.8]] [0.4 0.2]
    """

    def squared_frequency(
        self, stiffness: Float[Array, " P"], step: Float[Array, " P"]
    ) -> Float[Array, " P"]:
        return jax.nn.softplus(stiffness)

    def stiffness(self, a: Float[Array, " P"], step: Float[Array, " P"]) -> Float[Array, " P"]:
        return jnp.log(jnp.expm1(a))

    def matrices(
        self, a: Float[Array, " P"], step: Float[Array, " P"]
    ) -> tuple[Float[Array, "2 2 P"], Float[Array, "2 P"]]:
        s = 1 / (1 + step**2 * a)
        m = jnp.stack([jnp.stack([s, -step * a * s]), jnp.stack([step * s, s])])
        return m, jnp.stack([step * s, step**2 * s])


class IMEX(Integrator):
    """Implicit-explicit integration, which keeps volumes: it forgets nothing by itself.

        A = 4 sigmoid(stiffness) / step^2
        M = [[1, -step A], [step, 1 - step^2 A]],   F = [step, step^2]

    The determinant of `M` is 1, and its eigenvalues lie on the unit circle where `step^2 A` is in
    (0, 4), as it is by construction. (The paper's code has `A` as a parameter and bounds nothing.)

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> m, f = cells.IMEX().matrices(jnp.array([1.0]), jnp.array([0.5]))
        >>> print(m[..., 0], f[:, 0])
        [[ 1.   -0.5 ]
         [ 0.5   0.75]] [0.5  0.25]
    """

    def squared_frequency(
        self, stiffness: Float[Array, " P"], step: Float[Array, " P"]
    ) -> Float[Array, " P"]:
        return 4 * jax.nn.sigmoid(stiffness) / step**2

    def stiffness(self, a: Float[Array, " P"], step: Float[Array, " P"]) -> Float[Array, " P"]:
        share = step**2 * a / 4
        return jnp.log(share) - jnp.log1p(-share)

    def matrices(
        self, a: Float[Array, " P"], step: Float[Array, " P"]
    ) -> tuple[Float[Array, "2 2 P"], Float[Array, "2 P"]]:
        one = jnp.ones_like(a)
        m = jnp.stack([jnp.stack([one, -step * a]), jnp.stack([step, 1 - step**2 * a])])
        return m, jnp.stack([step, step**2])


class LinOSSParams(NamedTuple):
    """Parameters of `LinOSS`: P oscillators; complex matrices are real and imaginary parts."""

    stiffness: Float[Array, " P"]
    step: Float[Array, " P"]
    kernel: Float[Array, "2 I P"]
    output: Float[Array, "2 P I"]
    skip: Float[Array, " I"]


class LinOSS(LinearCell):
    """Linear oscillators that the inputs drive: a state space model of the second order.

        y'' = -A y + u,   u = x @ (kernel[0] + i kernel[1])
        [z_t, y_t] = M [z_{t-1}, y_{t-1}] + F u_t           z is the speed, step = sigmoid(`step`)
        out_t = Re(y_t @ (output[0] + i output[1])) + skip * x_t

    `integrator` says what `M` and `F` are, and bounds `A` so that every step is stable.

    Shapes: x and out `[*batch, features]`, carry complex `[*batch, 2, oscillators]`.

    Args:
        features: of the input and of the output.
        oscillators: how many oscillators there are; each has two complex numbers of state.
        integrator: `IM()`, which forgets, or `IMEX()`, which does not.

    Reference: T. K. Rusch & D. Rus, "Oscillatory state-space models", ICLR 2025 (arXiv 2410.03943).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.LinOSS(3, oscillators=4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 3)
    """

    features: int = jax.tree.static()
    oscillators: int = jax.tree.static()
    integrator: Integrator = IM()
    transition = PairBlocks()

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check.sizes("LinOSS", features=self.features, oscillators=self.oscillators)

    @property
    def input_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)

    def init(self, key: Key) -> LinOSSParams:
        """`A` and the logits of steps uniform in (0, 1); uniform matrices."""
        a, step, kernel, output, skip = jax.random.split(key, 5)
        inputs, size = self.features, self.oscillators
        logit = jax.random.uniform(step, (size,))
        squared = jax.random.uniform(a, (size,), minval=1e-6)
        return LinOSSParams(
            stiffness=self.integrator.stiffness(squared, jax.nn.sigmoid(logit)),
            step=logit,
            kernel=jax.random.uniform(kernel, (2, inputs, size), minval=-1.0) / jnp.sqrt(inputs),
            output=jax.random.uniform(output, (2, size, inputs), minval=-1.0) / jnp.sqrt(size),
            skip=jax.random.normal(skip, (inputs,)),
        )

    def carry(self, params: LinOSSParams, batch: Batch = ()) -> Complex[Array, "*batch 2 P"]:
        """Zeros."""
        zero = zeros((*batch, 2), self.oscillators, params.kernel)
        return jax.lax.complex(zero, zero)

    def matrix(self, params: LinOSSParams) -> Float[Array, "2 2 P"]:
        """`M`."""
        return self._matrices(params)[0]

    def _matrices(self, params: LinOSSParams) -> tuple[Float[Array, "2 2 P"], Float[Array, "2 P"]]:
        kind = at_least_float32(params.step.dtype)
        step = jax.nn.sigmoid(params.step.astype(kind))
        a = self.integrator.squared_frequency(params.stiffness.astype(kind), step)
        return self.integrator.matrices(a, step)

    def coefficients(
        self, params: LinOSSParams, x: Float[Array, "... I"]
    ) -> tuple[Float[Array, "... 2 2 P"], Complex[Array, "... 2 P"]]:
        """`M`, the same at every step, and `F u`."""
        real, imaginary = (dot(x, part)[..., None, :] for part in params.kernel)
        lead = x.shape[:-1]
        m, f = (jnp.broadcast_to(part, (*lead, *part.shape)) for part in self._matrices(params))
        return m, jax.lax.complex(f * real, f * imaginary)

    def read(
        self, params: LinOSSParams, h: Complex[Array, "... 2 P"], x: Float[Array, "... I"]
    ) -> Float[Array, "... I"]:
        """`Re(y @ output) + skip * x`, where y is the position."""
        kind, position = params.output.dtype, h[..., 1, :]
        real, imaginary = position.real.astype(kind), position.imag.astype(kind)
        y = dot(real, params.output[0]) - dot(imaginary, params.output[1])
        skip = jnp.broadcast_to(params.skip.astype(y.dtype), x.shape) * x.astype(y.dtype)
        return (y + skip).astype(kind)
