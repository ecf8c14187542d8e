"""`Layer`: what every part of a network offers."""

import abc

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config
from .._numerics import drop
from .._typing import Array, Batch, Carry, Inputs, Key, Params


class Layer(Config):
    """From sequence to sequence.

    `apply` maps a whole sequence `[T, *batch, ...]`, `step` one element `[*batch, ...]` with the
    same parameters; streaming with `step` equals the whole. A layer without memory has the empty
    carry `()`.
    """

    @abc.abstractmethod
    def init(self, key: Key) -> Params:
        """Draw the parameters."""

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """The carry before the first step."""
        return ()

    @abc.abstractmethod
    def apply(
        self,
        params: Params,
        carry: Carry,
        xs: Inputs,
        *,
        key: Key | None = None,
        mask: Array | None = None,
        resets: Array | None = None,
    ) -> tuple[Carry, Inputs]:
        """Run over a sequence; returns the last carry and the outputs.

        Args:
            params: the parameters.
            carry: the carry to start from, of `self.carry(params, batch)`'s structure.
            xs: the inputs `[T, *batch, ...]`.
            key: where randomness is drawn from (dropout); `None` means deterministic.
            mask: `Bool[T, *batch]`, False at padding.
            resets: `Bool[T, *batch]`, True where a new sequence starts.
        """

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """Stream one element, deterministically."""
        carry, ys = self.apply(params, carry, jax.tree.map(lambda leaf: leaf[None], x))
        return carry, jax.tree.map(lambda leaf: leaf[0], ys)

    @property
    def input_size(self) -> int | None:
        """How many features the layer takes; `None` where it takes any."""
        return getattr(self, "inputs", None)

    @property
    def output_size(self) -> int | None:
        """How many features the layer gives; `None` where it gives as many as it takes."""
        return getattr(self, "outputs", None)

    @property
    def pools(self) -> bool:
        """Whether the layer gives one vector a sequence: no time is left, nor mask and resets."""
        return False


class Memoryless(Layer):
    """A layer without a carry, whose padding is zero before it computes: it defines `transform`."""

    @abc.abstractmethod
    def transform(self, params: Params, xs: Array, *, key: Key | None = None) -> Array:
        """From inputs `[T, *batch, ...]` to outputs."""

    def init(self, key: Key) -> Params:
        """Nothing, unless the layer has parameters."""
        return ()

    def apply(
        self,
        params: Params,
        carry: Carry,
        xs: Inputs,
        *,
        key: Key | None = None,
        mask: Array | None = None,
        resets: Array | None = None,
    ) -> tuple[Carry, Inputs]:
        """`transform`, blind to what stands in the padding."""
        xs = without_padding(type(self).__name__, jnp.asarray(xs), mask)
        return carry, self.transform(params, xs, key=key)


def without_padding(who: str, xs: Inputs, mask: Array | None) -> Inputs:
    """`xs` with zeros where masked, so that what stands there reaches no value and no gradient."""
    if mask is None:
        return xs
    for leaf in jax.tree.leaves(xs):
        symbols = jnp.issubdtype(leaf.dtype, jnp.integer)  # they have no axis of features
        _check.flags(who, "mask", mask, leaf.shape if symbols else leaf.shape[:-1])
    return drop(~jnp.asarray(mask), xs)
