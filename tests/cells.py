"""Cells that the zoo needs beside the library's: each is there for what no other one has."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrnn import cells
from jaxrnn._dtypes import at_least_float32


class LearnedParams(NamedTuple):
    kernel: Array
    recurrent: Array
    bias: Array
    start: Array


class LearnedStart(cells.DenseCell):
    """A gated cell whose initial carry is a parameter."""

    def init(self, key):
        keys = jax.random.split(key, 4)
        shapes = (self.inputs, self.hidden), (self.hidden, self.hidden), (self.hidden,)
        shapes = (*shapes, (self.hidden,))
        return LearnedParams(
            *(0.5 * jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True))
        )

    def carry(self, params, batch=()):
        start = params.start.astype(at_least_float32(params.start.dtype))
        return jnp.broadcast_to(start, (*batch, self.hidden))

    def gate(self, params, carry, u, r):
        h = jnp.tanh(u + r)
        return h, h.astype(params.kernel.dtype)


def _start(key):
    return jax.random.normal(key, (4,))


def _started(params, batch):
    return jnp.broadcast_to(params, (*batch, 4))


def _squash(params, h, x):
    return (jnp.tanh(h + x.sum(-1, keepdims=True)),) * 2


learned_carry_of_functions = cells.from_functions(init=_start, carry=_started, step=_squash)
"""A plain cell whose initial carry is its only parameter."""


class Columns(cells.GatedCell):
    """A gated cell over images `[rows, inputs]`: every row its own state, with the same weights."""

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    rows: int = jax.tree.static(default=2)

    def init(self, key):
        keys = jax.random.split(key)
        return {
            "kernel": jax.random.normal(keys[0], (self.inputs, self.hidden)),
            "recurrent": 0.5 * jax.random.normal(keys[1], (self.hidden, self.hidden)),
        }

    def carry(self, params, batch=()):
        return jnp.zeros((*batch, self.rows, self.hidden), at_least_float32(params["kernel"].dtype))

    def project(self, params, x):
        return (x @ params["kernel"]).astype(at_least_float32(x.dtype))

    def mix(self, params, carry):
        # A row hears of the one above it as well.
        both = carry + 0.5 * jnp.roll(carry, 1, axis=-2)
        return both @ params["recurrent"].astype(both.dtype)

    def gate(self, params, carry, u, r):
        h = jnp.tanh(u + r)
        return h, h.astype(params["kernel"].dtype)

    @property
    def input_shape(self):
        return (None, self.inputs)

    @property
    def output_shape(self):
        return (self.rows, self.hidden)


class DeltaMemory(cells.AssociativeCell):
    """A matrix memory by the delta rule: `S <- (1 - k k^T / 2) S + k v^T / 2`, read by a query."""

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()

    def compose(self, earlier, later):
        return later[0] @ earlier[0], self.apply(later, earlier[1])

    def apply(self, element, carry):
        a, b = element
        return a @ carry + b

    def init(self, key):
        return 0.5 * jax.random.normal(key, (3, self.inputs, self.hidden))

    def carry(self, params, batch=()):
        return jnp.zeros((*batch, self.hidden, self.hidden), at_least_float32(params.dtype))

    def elements(self, params, x):
        wide = at_least_float32(params.dtype)
        key, value = ((x @ w).astype(wide) for w in params[:2])
        key = key * jax.lax.rsqrt(1e-6 + (key**2).sum(-1, keepdims=True))  # finite at zero
        outer = key[..., :, None] * key[..., None, :]
        a = jnp.broadcast_to(jnp.eye(self.hidden, dtype=wide), outer.shape) - 0.5 * outer
        return a, 0.5 * key[..., :, None] * value[..., None, :]

    def read(self, params, h: Float[Array, "... K V"], x):
        query = (x @ params[2]).astype(h.dtype)
        return (query[..., None, :] @ h)[..., 0, :].astype(params.dtype)

    @property
    def input_shape(self):
        return (self.inputs,)
