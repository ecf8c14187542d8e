"""`DenseCell`, and the products, biases and initial weights that cells share."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from .. import _check
from .._dtypes import at_least_float32
from .._typing import Array, Batch, Carry, Key, Params
from ._cell import GatedCell


class DenseCell(GatedCell):
    """A gated cell of two full matrices: `params` has `kernel`, `recurrent` and `bias`.

        u = x @ kernel + bias,   r = h @ recurrent

    What remains to be written is `init` and `gate`, and `carry` and `mix` where the carry is more
    than one array `[*batch, hidden]`.
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check.sizes(type(self).__name__, inputs=self.inputs, hidden=self.hidden)

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden,)`."""
        return (self.hidden,)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """Zeros."""
        return zeros(batch, self.hidden, params.recurrent)

    def project(self, params: Params, x: Array) -> Array:
        """`x @ kernel + bias`."""
        return add(dot(x, params.kernel), params.bias)

    def mix(self, params: Params, carry: Carry) -> Array:
        """`h @ recurrent`."""
        return recur(carry, params.recurrent)


def dot(x: Array, kernel: Array) -> Array:
    """`x @ kernel` over the last axis of `x`, accumulated and returned in at least float32."""
    kind = at_least_float32(jnp.result_type(x, kernel))
    return jnp.dot(x, kernel, preferred_element_type=kind)


def recur(h: Array, kernel: Array) -> Array:
    """`h @ kernel` for a state that is kept wider than the weights: the weights' type decides."""
    return dot(h.astype(kernel.dtype), kernel)


def add(u: Array, bias: Array) -> Array:
    """`u + bias` over the last axis."""
    return u + jnp.broadcast_to(bias.astype(u.dtype), u.shape)


def together(x: Array) -> Array:
    """`x`, computed as a whole before parts of it are taken.

    On a CPU, XLA otherwise fuses the transcendental functions of all gates into the loops over
    their parts, and the fused loop is about half as fast.
    """
    if jax.default_backend() != "cpu":
        return x
    return jax.lax.optimization_barrier(x)  # type: ignore[no-untyped-call]


def zeros(batch: Batch, size: int, like: Array) -> Array:
    """A state of zeros: the type of the weights, or float32 where that is narrower."""
    return jnp.zeros((*batch, size), at_least_float32(like.dtype))


def glorot(key: Key, rows: int, columns: int, blocks: int) -> Array:
    """`blocks` kernels of Glorot & Bengio (2010) side by side: `[rows, blocks * columns]`."""
    draw = jax.nn.initializers.glorot_uniform()
    return _blocks(lambda k: draw(k, (rows, columns)), key, blocks)


def orthogonal(key: Key, size: int, blocks: int) -> Array:
    """`blocks` orthogonal kernels side by side, one a gate: `[size, blocks * size]`."""
    draw = jax.nn.initializers.orthogonal()
    return _blocks(lambda k: draw(k, (size, size)), key, blocks)


def _blocks(draw: Callable[[Key], Array], key: Key, blocks: int) -> Array:
    kernels = jax.vmap(draw, out_axes=1)(jax.random.split(key, blocks))
    return kernels.reshape(kernels.shape[0], -1)
