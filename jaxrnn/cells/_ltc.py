"""The liquid time-constant network."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import zeros
from .._typing import Array, Batch, Key
from ._cell import Cell
from ._elapsed import Elapsed, Regular


class Synapses(NamedTuple):
    """From every sender to every unit; weights are positive, `softplus(weight)`."""

    weight: Float[Array, "S H"]
    slope: Float[Array, "S H"]
    threshold: Float[Array, "S H"]
    reversal: Float[Array, "S H"]


class LTCParams(NamedTuple):
    """Parameters of `LTC`; `capacity` and `leak` are positive, `softplus` of what is kept."""

    sensory: Synapses
    recurrent: Synapses
    capacity: Float[Array, " H"]
    leak: Float[Array, " H"]
    rest: Float[Array, " H"]


class LTC(Cell):
    """The liquid time-constant network: units with synapses whose conductance senders set.

        c dv/dt = leak (rest - v) + sum_s w_s (reversal_s - v)
        w_s     = weight_s sigmoid(slope_s (p_s - threshold_s))

    over all senders s, whose potentials p are those of the inputs and of all units.

    The sums over conductances make the time constant of a unit depend on what it reads. A step is
    solved by several steps of a semi-implicit Euler method, d = elapsed / steps each, which is
    stable at any of them:

        v <- (c v + d (leak rest + sum w reversal)) / (c + d (leak + sum w)),   y_t = v_t

    Every pair of units has a sigmoid of its own, so a step costs `steps * hidden ** 2` of them.
    `CfC` is an approximation without a solver.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input; with `LastFeature()` the last one is the time elapsed.
        hidden: units.
        steps: of the solver, for one of the cell.
        elapsed: the time since the step before: `Regular(dt)`, or `LastFeature()` of the inputs.

    Raises:
        ValueError: sizes or steps below 1, or fewer than 2 inputs with `LastFeature()`.

    Reference: R. Hasani et al., "Liquid time-constant networks", AAAI 2021.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.LTC(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    steps: int = jax.tree.static(default=6)
    elapsed: Elapsed = Regular()

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check.sizes("LTC", inputs=self.inputs, hidden=self.hidden, steps=self.steps)
        self.elapsed.features(self.inputs)

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden,)`."""
        return (self.hidden,)

    def init(self, key: Key) -> LTCParams:
        """Uniform in the ranges of the paper's code; a third of the synapses are inhibitory."""
        sensory, recurrent, capacity, leak, rest = jax.random.split(key, 5)
        inputs, hidden = self.elapsed.features(self.inputs), (self.hidden,)
        return LTCParams(
            sensory=_synapses(sensory, inputs, self.hidden),
            recurrent=_synapses(recurrent, self.hidden, self.hidden),
            capacity=_kept(_uniform(capacity, hidden, 0.4, 0.6)),
            leak=_kept(_uniform(leak, hidden, 0.001, 1.0)),
            rest=_uniform(rest, hidden, -0.2, 0.2),
        )

    def carry(self, params: LTCParams, batch: Batch = ()) -> Float[Array, "*batch H"]:
        """Zeros."""
        return zeros(batch, self.hidden, params.rest)

    def prepare(self, params: LTCParams, xs: Array) -> tuple[Array, Array, Array]:
        """What the inputs let through, and draw to, and the time of a solver's step."""
        features, elapsed = self.elapsed.part(xs)
        return *_conducted(params.sensory, features), elapsed / self.steps

    def advance(
        self, params: LTCParams, carry: Array, u: tuple[Array, Array, Array]
    ) -> tuple[Array, Array]:
        """The solver, over one step of the cell."""
        total, drawn, time = u
        capacity, leak = (
            jax.nn.softplus(p.astype(carry.dtype)) for p in (params.capacity, params.leak)
        )
        capacity, leak = (jnp.broadcast_to(p, carry.shape) for p in (capacity, leak))
        d = jnp.broadcast_to(time, carry.shape).astype(carry.dtype)
        rest = jnp.broadcast_to(params.rest.astype(carry.dtype), carry.shape)
        total, drawn = leak + total, leak * rest + drawn

        def substep(v: Array, _: None) -> tuple[Array, None]:
            let, to = _conducted(params.recurrent, v)
            # Multiplied by d, so that nothing is divided by the time, which may be 0.
            return (capacity * v + d * (drawn + to)) / (capacity + d * (total + let)), None

        # A substep has an array of all synapses; to compute it again takes half the time of keeping
        # it for the backward pass.
        v, _ = jax.lax.scan(jax.checkpoint(substep), carry, length=self.steps)
        return v, v.astype(params.rest.dtype)

    def step(self, params: LTCParams, carry: Array, x: Array) -> tuple[Array, Array]:
        return self.advance(params, carry, self.prepare(params, x))


def _conducted(synapses: Synapses, p: Array) -> tuple[Array, Array]:
    """Over all senders, the sums of conductances, and of these times their reversal potentials."""
    wide = at_least_float32(p.dtype)
    weight, slope, threshold, reversal = (s.astype(wide) for s in synapses)
    senders = jnp.broadcast_to(p.astype(wide)[..., None], (*p.shape, weight.shape[-1]))
    slope, threshold = (jnp.broadcast_to(s, senders.shape) for s in (slope, threshold))
    open_ = jax.nn.sigmoid(slope * (senders - threshold))
    let = open_ * jnp.broadcast_to(jax.nn.softplus(weight), open_.shape)
    return let.sum(-2), (let * jnp.broadcast_to(reversal, let.shape)).sum(-2)


def _synapses(key: Key, senders: int, units: int) -> Synapses:
    weight, slope, threshold, sign = jax.random.split(key, 4)
    shape = (senders, units)
    return Synapses(
        weight=_kept(_uniform(weight, shape, 0.001, 1.0)),
        slope=_uniform(slope, shape, 3.0, 8.0),
        threshold=_uniform(threshold, shape, 0.3, 0.8),
        reversal=jnp.where(jax.random.bernoulli(sign, 1 / 3, shape), -1.0, 1.0),
    )


def _uniform(key: Key, shape: tuple[int, ...], least: float, most: float) -> Array:
    return jax.random.uniform(key, shape, minval=least, maxval=most)


def _kept(value: Array) -> Array:
    """What `softplus` makes the value of."""
    return jnp.log(jnp.expm1(value))
