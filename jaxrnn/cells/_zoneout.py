"""`Zoneout`: a unit keeps its old value at random."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._kinds import NUMBER, Refused, refusal
from .._typing import Batch, Carry, Key
from ._noisy import Noisy


class Zoneout(Noisy):
    """A cell whose units keep their old value at random, each by itself at each step.

        k ~ Bernoulli(rate),   carry' = k * old + (1 - k) * new

    Without a key it is the expectation, `rate * old + (1 - rate) * new`. Where the output is a part
    of the carry, as `h` of an LSTM, it is that of the new one. Around a gated cell it runs on
    `BPTT`, around any other as a plain cell.

    Args:
        cell: the cell inside.
        rate: the probability to keep the old value, in [0, 1); or a tree of such, one for each part
            of the carry, as `LSTMCarry(hidden=0.05, cell=0.5)`.

    Raises:
        TypeError: rates that are no numbers.
        ValueError: rates outside [0, 1), or a tree of them that is not one of the carry.

    Reference: D. Krueger et al., "Zoneout: regularizing RNNs by randomly preserving hidden
    activations", ICLR 2017.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> from jaxrnn.cells import LSTM, LSTMCarry, Zoneout
        >>> cell = Zoneout(LSTM(3, 4), LSTMCarry(hidden=0.05, cell=0.5))
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((7, 2, 3))
        >>> jaxrnn.unroll(cell, params, xs, key=jax.random.key(1))[1].shape
        (7, 2, 4)
    """

    rate: Carry = 0.1

    def __post_init__(self) -> None:
        """Check the rates."""
        rates = jax.tree.leaves(self.rate) or [self.rate]
        for rate in rates:
            if NUMBER.take(rate) is Refused:
                raise TypeError(refusal("Zoneout", "rate", NUMBER, rate))
            if not _check.holds(lambda rate: (rate >= 0) & (rate < 1), rate):
                raise ValueError(f"Zoneout: rate must be in [0, 1), got {rate}")

    def noise(self, key: Key, shape: Batch, carry: Any, index: int) -> Any:
        """Which values are kept."""
        rates = jax.tree.leaves(self.rate)
        return jax.random.bernoulli(key, rates[index if len(rates) > 1 else 0], shape)

    def settle(self, old: Carry, new: Carry, aside: Any) -> Carry:
        """The old values where they are kept; in the mean, without random numbers."""

        def leaf(rate: Any, old: Any, new: Any, keep: Any) -> Any:
            if not jnp.issubdtype(new.dtype, jnp.inexact):
                return new
            if keep is not None:
                return jnp.where(keep, old, new)
            if isinstance(rate, int | float) and rate == 0:
                return new  # whatever the old value is: that of a running maximum is infinite
            _check.number("Zoneout", rate=rate)
            share = jnp.broadcast_to(jnp.asarray(rate).astype(new.dtype), new.shape)
            return share * old + (1 - share) * new

        keep = jax.tree.map(lambda _: None, new) if aside is None else aside
        rates = self._rates(new)
        return jax.tree.map(leaf, rates, old, new, keep)

    def _rates(self, carry: Carry) -> Carry:
        """A rate for each leaf of the carry."""
        if not jax.tree_util.all_leaves([self.rate]):
            wanted: Any = jax.tree.structure(carry)
            got: Any = jax.tree.structure(self.rate)
            if wanted != got:
                raise ValueError(
                    f"Zoneout: rate must be a number or a tree like the carry, {wanted}, got {got}"
                )
            return self.rate
        return jax.tree.map(lambda _: self.rate, carry)
