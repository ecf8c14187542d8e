"""The clockwork network."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._numerics import recur, zeros
from .._typing import Array, Batch, Key
from ._dense import DenseCell
from ._elman import ElmanParams


class ClockworkCarry(NamedTuple):
    """Carry of `Clockwork`; `steps` counts the steps, modulo the common multiple of the periods."""

    hidden: Float[Array, "*batch H"]
    steps: Float[Array, "*batch 1"]


class Clockwork(DenseCell):
    """The clockwork network: modules of units, each of which changes at its own period only.

        new = activation(x_t @ kernel + bias + h_{t-1} @ (allowed * recurrent))
        h_t = new at the units whose period divides t - 1, and h_{t-1} at the others;   y_t = h_t

    The units are divided equally among the periods, in their order. Modules hear those that are as
    slow as they are, or slower: `allowed` is 1 from a unit to those of periods at most its own. At
    the first step of a sequence all units change. The count of steps is part of the carry, so a
    reset starts it again, and a masked step does not count. It is kept as a number of the type of
    the state, which is exact, so that all of the carry has a derivative (the count's is 0).

    Shapes: x `[*batch, inputs]`; carry `ClockworkCarry(hidden, steps)`, `[*batch, hidden]` and
    `[*batch, 1]`; y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state, a multiple of the number of periods.
        periods: steps between two changes of each module.
        activation: any elementwise function.

    Raises:
        ValueError: periods below 1, units that are no multiple of the number of periods, or periods
            whose common multiple is more than float32 counts, 2^24.

    Reference: J. Koutnik et al., "A clockwork RNN", ICML 2014.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.Clockwork(3, 4, periods=(1, 4))
        >>> params = cell.init(jax.random.key(0))
        >>> ys = jaxrnn.unroll(cell, params, jax.numpy.ones((7, 3)))[1]
        >>> (ys[1:] != ys[:-1]).any(axis=1, where=jax.numpy.arange(4) > 1).tolist()
        [False, False, False, True, False, False]
    """

    periods: tuple[int, ...] = jax.tree.static(default=(1, 2, 4, 8))
    activation: Callable[[Array], Array] = jax.tree.static(default=jnp.tanh)

    def __post_init__(self) -> None:
        """Check sizes and periods."""
        super().__post_init__()
        if not self.periods:
            raise ValueError("Clockwork: periods must hold a number at least, got ()")
        for period in self.periods:
            _check.sizes("Clockwork", periods=period)
        if self.hidden % len(self.periods):
            raise ValueError(
                f"Clockwork: hidden must be a multiple of the number of periods, "
                f"{len(self.periods)}, got {self.hidden}"
            )
        if math.lcm(*self.periods) > 2**24:
            raise ValueError(
                "Clockwork: periods must have a common multiple of at most 2**24, got "
                f"{math.lcm(*self.periods)}"
            )

    @property
    def _period(self) -> np.ndarray:
        """The period of every unit."""
        return np.repeat(self.periods, self.hidden // len(self.periods))

    def init(self, key: Key) -> ElmanParams:
        """Normal weights of deviation 0.1, no bias."""
        kernel, recurrent = jax.random.split(key)
        return ElmanParams(
            kernel=0.1 * jax.random.normal(kernel, (self.inputs, self.hidden)),
            recurrent=0.1 * jax.random.normal(recurrent, (self.hidden, self.hidden)),
            bias=jnp.zeros(self.hidden),
        )

    def carry(self, params: ElmanParams, batch: Batch = ()) -> ClockworkCarry:
        """Zeros."""
        hidden, steps = (zeros(batch, n, params.recurrent) for n in (self.hidden, 1))
        return ClockworkCarry(hidden, steps)

    def mix(self, params: ElmanParams, carry: ClockworkCarry) -> Float[Array, "... H"]:
        """`h @ (allowed * recurrent)`."""
        allowed = jnp.asarray(self._period[:, None] >= self._period)
        recurrent = jnp.where(allowed, params.recurrent, jnp.zeros_like(params.recurrent))
        return recur(carry.hidden, recurrent)

    def gate(
        self, params: ElmanParams, carry: ClockworkCarry, u: Array, r: Array
    ) -> tuple[ClockworkCarry, Array]:
        """The modules whose turn it is."""
        new = self.activation(u + r).astype(carry.hidden.dtype)
        hidden = jnp.where(self._turn(carry), new, carry.hidden)
        steps = jnp.mod(carry.steps + 1, math.lcm(*self.periods))
        return ClockworkCarry(hidden, steps), hidden.astype(params.kernel.dtype)

    def gates(self, params: ElmanParams, carry: ClockworkCarry, x: Array) -> dict[str, Array]:
        """Where units change."""
        return {"update": self._turn(carry).astype(carry.hidden.dtype)}

    def _turn(self, carry: ClockworkCarry) -> Array:
        """Whether the step changes each unit."""
        shape, dtype = carry.hidden.shape, carry.hidden.dtype
        count = jnp.broadcast_to(jnp.floor(carry.steps), shape)
        return jnp.mod(count, jnp.broadcast_to(jnp.asarray(self._period, dtype), shape)) == 0
