"""The continuous-time recurrent network of neuroscience."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import glorot, recur, zeros
from .._typing import Array, Batch, Key, Leaf
from ._dense import DenseCell
from ._elman import ElmanParams, slope
from ._per_unit import per_unit
from ._rule import Rule


class CTRNNCarry(NamedTuple):
    """Carry of `CTRNN`."""

    potential: Float[Array, "*batch H"]
    rate: Float[Array, "*batch H"]


class Noisy(NamedTuple):
    """Inputs, and the noise of every unit."""

    x: Array
    noise: Array


class CTRNNRule(Rule):
    """`d_v' = (1 - a) * d_v + a * d_z` and `d_r' = slope * d_v'`, at `z = u + r`."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: ElmanParams, carry: Any, u: Array, r: Array) -> Any:
        return self.replay(cell, params, carry, u + r), u + r

    def replay(self, cell: Any, params: ElmanParams, carry: Any, memory: Array) -> Any:
        v = cell.potential(carry.potential, memory)
        rate = cell.activation(v).astype(v.dtype)
        return CTRNNCarry(v, rate), rate.astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: ElmanParams, carry: Any, memory: Array) -> Array:
        return slope(cell.activation, cell.potential(carry.potential, memory))

    def push(
        self, cell: Any, params: ElmanParams, point: Array, d_carry: Any, d_z: Array
    ) -> tuple[CTRNNCarry, Array]:
        d_v = cell.potential(d_carry.potential, d_z)
        d_rate = point.astype(d_v.dtype) * d_v
        return CTRNNCarry(d_v, d_rate), d_rate.astype(params.kernel.dtype)


class CTRNN(DenseCell):
    """The continuous-time recurrent network: potentials that leak, and rates that they make.

        tau dv/dt = -v + x @ kernel + bias + r @ recurrent + sqrt(2 tau) noise xi,   r = f(v)

    in steps of Euler and Maruyama, with a = dt / tau and normal xi_t of variance 1:

        v_t = (1 - a) v_{t-1} + a (x_t @ kernel + bias + r_{t-1} @ recurrent) + sqrt(2 a) noise xi_t
        r_t = activation(v_t),   y_t = r_t

    Here the sum is inside of the integral and the nonlinearity outside; in `Leaky` it is the other
    way round. Noise is drawn if `unroll` is given a key; without one there is none.

    Shapes: x `[*batch, inputs]`; carry `CTRNNCarry(potential, rate)`, each `[*batch, hidden]`, as
    is y.

    Args:
        inputs: features of the input.
        hidden: units.
        tau: time constants, one number or one per unit, `[hidden]`; a leaf.
        dt: the time of a step, in the unit of `tau`; a leaf.
        noise: standard deviation, in the long run, of a unit with nothing but noise; a leaf.
        activation: any elementwise function from potentials to rates.

    Raises:
        ValueError: `dt` or `tau` at or below 0, or noise below 0.

    Reference: H. F. Song, G. R. Yang & X.-J. Wang, "Training excitatory-inhibitory recurrent neural
    networks for cognitive tasks: a simple and flexible framework", PLOS Computational Biology 12
    (2016); R. Beer, "On the dynamics of small continuous-time recurrent neural networks", Adaptive
    Behavior 3 (1995).

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.CTRNN(3, 4, tau=100.0, dt=20.0, noise=0.15)
        >>> params = cell.init(jax.random.key(0))
        >>> _, rates = jaxrnn.unroll(cell, params, jnp.ones((7, 2, 3)), key=jax.random.key(1))
        >>> bool((rates[:, 0] == rates[:, 1]).all())
        False
    """

    tau: Leaf = 100.0
    dt: Leaf = 20.0
    noise: Leaf = 0.15
    activation: Callable[[Array], Array] = jax.tree.static(default=jax.nn.relu)
    rule = CTRNNRule()

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        super().__post_init__()
        _check.positive("CTRNN", tau=self.tau, dt=self.dt)
        _check.at_least_0("CTRNN", noise=self.noise)

    def init(self, key: Key) -> ElmanParams:
        """Glorot kernel; normal recurrent weights of spectral radius about 1.5, no bias."""
        kernel, recurrent = jax.random.split(key)
        scale = 1.5 / self.hidden**0.5
        return ElmanParams(
            kernel=glorot(kernel, self.inputs, self.hidden, 1),
            recurrent=scale * jax.random.normal(recurrent, (self.hidden, self.hidden)),
            bias=jnp.zeros(self.hidden),
        )

    def carry(self, params: ElmanParams, batch: Batch = ()) -> CTRNNCarry:
        """Potentials of 0, and the rates that they make."""
        potential = zeros(batch, self.hidden, params.recurrent)
        return CTRNNCarry(potential, self.activation(potential).astype(potential.dtype))

    def draw(self, params: ElmanParams, xs: Array, key: Key) -> Noisy:
        """Independent noise for every unit and step."""
        like = zeros(xs.shape[:-1], self.hidden, params.recurrent)
        return Noisy(xs, jax.random.normal(key, like.shape, like.dtype))

    def project(self, params: ElmanParams, x: Array | Noisy) -> Array:
        """`x @ kernel + bias`, and the noise as if it were an input."""
        if not isinstance(x, Noisy):
            return super().project(params, x)
        u = super().project(params, x.x)
        noise = per_unit("CTRNN", "noise", self.noise, u)
        return u + noise * jnp.sqrt(2 / self._rate(u)) * x.noise.astype(u.dtype)

    def mix(self, params: ElmanParams, carry: CTRNNCarry) -> Array:
        """`rate @ recurrent`."""
        return recur(carry.rate, params.recurrent)

    def gate(
        self, params: ElmanParams, carry: CTRNNCarry, u: Array, r: Array
    ) -> tuple[CTRNNCarry, Array]:
        """One step of Euler's, and the rates."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def potential(self, v: Array, z: Array) -> Array:
        """One step of Euler's, which is linear in the potential and what drives it."""
        return v + self._rate(v) * (z.astype(v.dtype) - v)

    def _rate(self, like: Array) -> Array:
        """`dt / tau` of every unit."""
        tau = per_unit("CTRNN", "tau", self.tau, like)
        return per_unit("CTRNN", "dt", self.dt, like) / tau
