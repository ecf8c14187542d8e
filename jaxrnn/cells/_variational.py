"""`InputDropout` and `StateDropout`: dropout with one mask for all steps of a sequence."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import placed
from .._typing import Array, Batch, Carry, Inputs, Key, Leaf, Params
from ._cell import Cell, GatedCell
from ._resolving import Resolving
from ._rule import Rule
from ._wrapper import Parted, Settling, Wrapper


class InputDropout(Resolving):
    """A cell whose inputs are dropped at random, the same ones at every step of a sequence.

        m ~ Bernoulli(1 - rate), one for each feature of each sequence
        carry', y = cell.step(params, carry, m * x / (1 - rate))

    Without a key it is the cell inside, whose kind it has. In a stack of layers,
    `networks.VariationalDropout` does the same. Every sequence of the batch is masked for a whole
    call of `unroll`, resets or not.

    Args:
        cell: the cell inside, of any kind, whose inputs are floating-point numbers.
        rate: the probability to drop, in [0, 1).

    Raises:
        ValueError: a rate outside [0, 1).

    Reference: Y. Gal & Z. Ghahramani, "A theoretically grounded application of dropout in recurrent
    neural networks", NIPS 2016.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> from jaxrnn.cells import GRU, InputDropout, StateDropout
        >>> cell = InputDropout(StateDropout(GRU(3, 4), 0.25), 0.25)
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((7, 2, 3))
        >>> jaxrnn.unroll(cell, params, xs, key=jax.random.key(1))[1].shape
        (7, 2, 4)
    """

    rate: Leaf = 0.25

    def __post_init__(self) -> None:
        """Check the rate."""
        _check.fraction("InputDropout", rate=self.rate)

    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple[Cell, Params]:
        """The cell inside, for `draw` has dropped what is to be dropped."""
        return self.cell.resolve(params, batch, key)

    def draw(self, params: Params, xs: Inputs, key: Key) -> Inputs:
        """The inputs that are left."""
        mine, inside = jax.random.split(key)
        _check.number("InputDropout", rate=self.rate)

        def leaf(key: Key, x: Array) -> Array:
            _check.floating("InputDropout", "xs", x, "Put the dropout after the embedding.")
            keep = jax.random.bernoulli(key, 1 - self.rate, (1, *x.shape[1:]))
            return drop(jnp.broadcast_to(keep, x.shape), x, self.rate)

        leaves, structure = jax.tree.flatten(xs)
        keys = jax.random.split(mine, len(leaves))
        xs = jax.tree.unflatten(structure, list(map(leaf, keys, leaves)))
        return self.cell.draw(params, xs, inside)


class StateDropout(Resolving):
    """A gated cell whose product with the carry sees a part of it, the same one at every step.

        m ~ Bernoulli(1 - rate), one for each unit of each sequence
        r = mix(params, m * carry / (1 - rate));   carry', y = gate(params, carry, u, r)

    Only the product is masked: what a gate keeps of the carry passes whole, as `recurrent_dropout`
    of Keras has it. Without a key it is the cell inside. Every sequence of the batch is masked for
    a whole call of `unroll`, resets or not.

    Args:
        cell: a gated cell.
        rate: the probability to drop, in [0, 1).

    Raises:
        TypeError: another kind of cell, whose product with the carry is not apart.
        ValueError: a rate outside [0, 1).

    Reference: Y. Gal & Z. Ghahramani, "A theoretically grounded application of dropout in recurrent
    neural networks", NIPS 2016.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.StateDropout(jaxrnn.cells.LSTM(3, 4), 0.25)
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((7, 2, 3))
        >>> jaxrnn.unroll(cell, params, xs, key=jax.random.key(1))[1].shape
        (7, 2, 4)
    """

    rate: Leaf = 0.25

    def __post_init__(self) -> None:
        """Check the kind of the cell and the rate."""
        if self.cell.kind is not GatedCell:
            raise TypeError(
                f"StateDropout: cell must be a `GatedCell`, got `{type(self.cell).__name__}` (a "
                f"`{self.cell.kind.__name__}`). Its product with the carry is not apart, so that "
                "nothing can be dropped from it alone. `Zoneout` takes any cell."
            )
        _check.fraction("StateDropout", rate=self.rate)

    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple[Cell, Params]:
        """The cell inside, with masks if there is a key."""
        if key is None:
            return self.cell.resolve(params, batch)
        _check.number("StateDropout", rate=self.rate)
        mine, inside = jax.random.split(key)
        carry = jax.eval_shape(lambda params: self.cell.carry(params, batch), params)
        cell, params = self.cell.resolve(params, batch, inside)
        leaves, structure = jax.tree.flatten(carry)
        keys = jax.random.split(mine, max(1, len(leaves)))
        keep = [
            jax.random.bernoulli(k, 1 - self.rate, leaf.shape)
            for k, leaf in zip(keys, leaves, strict=False)
        ]
        return Dropped(cell, self.rate, jax.tree.unflatten(structure, keep)), params


class Dropped(Wrapper):
    """A gated cell whose product with the carry sees only what is kept of it."""

    rate: Leaf
    keep: Carry

    def settle(self, old: Carry, new: Carry, aside: Any) -> Carry:
        return new

    def mix(self, params: Params, carry: Carry) -> Inputs:
        def leaf(keep: Array, value: Array) -> Array:
            if not jnp.issubdtype(value.dtype, jnp.inexact):
                return value
            if keep.ndim > value.ndim:  # one sequence, of which no more than the shape is asked
                keep = keep.reshape(-1, *value.shape)[0]
            return drop(jnp.broadcast_to(keep, value.shape), value, self.rate)

        return self._inner.mix(params, jax.tree.map(leaf, self.keep, carry))

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        return self.advance(params, carry, self.prepare(params, x))

    def advance(self, params: Params, carry: Carry, u: Parted) -> tuple[Carry, Inputs]:
        return self.gate(params, carry, u, self.mix(params, carry))

    @property
    def rule(self) -> Rule:
        """The inner cell's: what is dropped changes only the product."""
        return Settling(self._inner.rule)


def drop(keep: Array, x: Array, rate: Leaf) -> Array:
    """`x / (1 - rate)` where it is kept, and 0 elsewhere."""
    keep = placed(keep, x, range(x.ndim))
    scale = jnp.broadcast_to(jnp.asarray(1 - rate).astype(x.dtype), x.shape)
    return jnp.where(keep, x / scale, jnp.zeros_like(x))
