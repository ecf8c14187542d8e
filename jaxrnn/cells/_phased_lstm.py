"""Phased long short-term memory."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, glorot, orthogonal, recur, zeros
from .._typing import Array, Batch, Key, Leaf
from ._cell import GatedCell
from ._elapsed import Elapsed, Regular
from ._lstm import LSTMCarry, LSTMRule


class PhasedLSTMParams(NamedTuple):
    """Parameters of `PhasedLSTM`; the gates are concatenated in the order i, f, g, o."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"]
    log_period: Float[Array, " H"]
    shift: Float[Array, " H"]


class PhasedLSTMCarry(NamedTuple):
    """Carry of `PhasedLSTM`; `clock` is the time since the sequence began."""

    hidden: Float[Array, "*batch H"]
    cell: Float[Array, "*batch H"]
    clock: Float[Array, "*batch 1"]


class PhasedLSTM(GatedCell):
    """Long short-term memory with a gate for each unit that opens and closes in time.

        t    = t + elapsed
        phi  = fraction((t - shift) / period),   period = exp(log_period)
        k    = 2 phi / r          where phi < r / 2, the gate opens
               2 - 2 phi / r      where phi < r, it closes
               leak phi           elsewhere, it is closed
        h', c' = a step of `LSTM`
        c_t  = k c' + (1 - k) c_{t-1},   h_t = k h' + (1 - k) h_{t-1},   y_t = h_t

    with r = open_ratio. While its gate is closed a unit keeps its state, over any number of steps.
    The clock is part of the carry, so a reset starts it again. The paper's peepholes are left out.

    Shapes: x `[*batch, inputs]`; carry `PhasedLSTMCarry(hidden, cell, clock)`, `[*batch, hidden]`
    twice and `[*batch, 1]`; y `[*batch, hidden]`.

    Args:
        inputs: features of the input; with `LastFeature()` the last one is the time elapsed.
        hidden: features of the state.
        open_ratio: the part of a period in which a gate is open, in (0, 1]; a leaf.
        leak: how much a closed gate lets through, a leaf. The paper has 0.001 in training, and 0
            afterwards.
        shortest: of the periods that `init` draws, in units of time.
        longest: of the periods that `init` draws.
        forget_bias: what `init` adds to the forget gate's bias.
        elapsed: the time since the step before: `Regular(dt)`, or `LastFeature()` of the inputs.

    Raises:
        ValueError: sizes below 1, a ratio outside (0, 1], periods at or below 0, or fewer than 2
            inputs with `LastFeature()`.

    Reference: D. Neil, M. Pfeiffer & S.-C. Liu, "Phased LSTM: accelerating recurrent network
    training for long or event-based sequences", NeurIPS 2016.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.PhasedLSTM(3, 4, longest=100.0)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[0].clock.tolist()
        [[7.0], [7.0]]
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    open_ratio: Leaf = 0.05
    leak: Leaf = 0.001
    shortest: Leaf = 1.0
    longest: Leaf = 1000.0
    forget_bias: Leaf = 1.0
    elapsed: Elapsed = Regular()

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        _check.sizes("PhasedLSTM", inputs=self.inputs, hidden=self.hidden)
        _check.number("PhasedLSTM", open_ratio=self.open_ratio, leak=self.leak)
        _check.positive("PhasedLSTM", open_ratio=self.open_ratio)
        if not _check.holds(lambda ratio: ratio <= 1, self.open_ratio):
            raise ValueError(f"PhasedLSTM: open_ratio must lie in (0, 1], got {self.open_ratio}")
        _check.at_least_0("PhasedLSTM", leak=self.leak)
        _check.positive("PhasedLSTM", shortest=self.shortest, longest=self.longest)
        self.elapsed.features(self.inputs)

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden,)`."""
        return (self.hidden,)

    def init(self, key: Key) -> PhasedLSTMParams:
        """As `LSTM`; logarithms of periods uniform, and shifts uniform in a period."""
        kernel, recurrent, period, shift = jax.random.split(key, 4)
        least, most = jnp.log(self.shortest), jnp.log(self.longest)
        log_period = least + (most - least) * jax.random.uniform(period, (self.hidden,))
        return PhasedLSTMParams(
            kernel=glorot(kernel, self.elapsed.features(self.inputs), self.hidden, 4),
            recurrent=orthogonal(recurrent, self.hidden, 4),
            bias=jnp.zeros((4, self.hidden)).at[1].add(self.forget_bias).ravel(),
            log_period=log_period,
            shift=jnp.exp(log_period) * jax.random.uniform(shift, (self.hidden,)),
        )

    def carry(self, params: PhasedLSTMParams, batch: Batch = ()) -> PhasedLSTMCarry:
        """Zeros."""
        sizes = (self.hidden, self.hidden, 1)
        return PhasedLSTMCarry(*(zeros(batch, size, params.recurrent) for size in sizes))

    def project(self, params: PhasedLSTMParams, x: Array) -> tuple[Array, Array]:
        """`features @ kernel + bias`, and the time."""
        features, elapsed = self.elapsed.part(x)
        return add(dot(features, params.kernel), params.bias), elapsed

    def mix(self, params: PhasedLSTMParams, carry: PhasedLSTMCarry) -> Float[Array, "... G"]:
        """`h @ recurrent`."""
        return recur(carry.hidden, params.recurrent)

    def gate(
        self,
        params: PhasedLSTMParams,
        carry: PhasedLSTMCarry,
        u: tuple[Array, Array],
        r: Array,
    ) -> tuple[PhasedLSTMCarry, Array]:
        """A step of `LSTM`, of which the time gate lets a part through."""
        old = LSTMCarry(carry.hidden, carry.cell)
        (new, _), _ = LSTMRule().remember(self, params, old, u[0], r)
        clock = carry.clock + u[1].astype(carry.clock.dtype)
        k = self._open(params, jnp.broadcast_to(clock, old.cell.shape))
        hidden, cell = (a + k * (b - a) for a, b in zip(old, new, strict=True))
        return PhasedLSTMCarry(hidden, cell, clock), hidden.astype(params.kernel.dtype)

    def gates(self, params: PhasedLSTMParams, carry: PhasedLSTMCarry, x: Array) -> dict[str, Array]:
        """Input, forget and output gate, and the time gate."""
        u, elapsed = self.project(params, x)
        i, f, _, o = jnp.split(jax.nn.sigmoid(u + self.mix(params, carry)), 4, axis=-1)
        clock = jnp.broadcast_to(carry.clock + elapsed.astype(carry.clock.dtype), i.shape)
        return {"input": i, "forget": f, "output": o, "time": self._open(params, clock)}

    def _open(self, params: PhasedLSTMParams, clock: Array) -> Array:
        """How far the time gate of each unit is open."""

        def of_units(value: Any) -> Array:
            return jnp.broadcast_to(jnp.asarray(value).astype(clock.dtype), clock.shape)

        ratio = of_units(self.open_ratio)
        turns = (clock - of_units(params.shift)) * jnp.exp(-of_units(params.log_period))
        phase = turns - jnp.floor(turns)
        ramp = 2 * phase / ratio
        closed = of_units(self.leak) * phase
        return jnp.where(phase < ratio / 2, ramp, jnp.where(phase < ratio, 2 - ramp, closed))
