"""What cells with a matrix memory share: heads, keys of unit length, norms of what is read."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._numerics import add, glorot, recur
from .._typing import Array, Key
from ._memory import MemoryCell


class HeadsCell(MemoryCell):
    """A matrix memory for each of several heads, which share the features of the output equally."""

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    heads: int = jax.tree.static()
    key_size: int | None = jax.tree.static(default=None)

    def __post_init__(self) -> None:
        """Check the sizes."""
        who = type(self).__name__
        sizes = {"inputs": self.inputs, "hidden": self.hidden, "heads": self.heads}
        if self.key_size is not None:
            sizes["key_size"] = self.key_size
        _check.sizes(who, **sizes)
        if self.hidden % self.heads:
            raise ValueError(
                f"{who}: hidden must be a multiple of heads, got {self.hidden} and {self.heads}"
            )

    @property
    def value_size(self) -> int:
        """Features of a value, and of what a head reads."""
        return self.hidden // self.heads

    @property
    def key_features(self) -> int:
        """K, features of a key."""
        return self.value_size if self.key_size is None else self.key_size

    @property
    def memory_shape(self) -> tuple[int, int, int]:
        return self.heads, self.key_features, self.value_size

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden,)`."""
        return (self.hidden,)

    def _split(self, x: Array, *sizes: int) -> list[Array]:
        """The last axis of `x` in parts, each by head, of as many features a head."""
        ends = np.cumsum([self.heads * size for size in sizes])[:-1].tolist()
        return [
            part.reshape(*part.shape[:-1], self.heads, size)
            for part, size in zip(jnp.split(x, ends, -1), sizes, strict=True)
        ]


def kernels(key: Key, inputs: int, sizes: Sequence[int]) -> Array:
    """Glorot kernels of several widths side by side: `[inputs, sum(sizes)]`."""
    keys = jax.random.split(key, len(sizes))
    parts = [glorot(k, inputs, size, 1) for k, size in zip(keys, sizes, strict=True)]
    return jnp.concatenate(parts, 1)


def unit(x: Array) -> Array:
    """`x` of unit length along its last axis; of a vector of zeros, zeros."""
    return x * jax.lax.rsqrt((x**2).sum(-1, keepdims=True) + 1e-6)


def scaled(x: Array, scale: Array) -> Array:
    """`x * scale` over the last axes."""
    return x * jnp.broadcast_to(scale.astype(x.dtype), x.shape)


def with_ones(value: Array) -> Array:
    """Values with a one after them, whose column of the memory adds up the keys."""
    return jnp.concatenate([value, jnp.ones_like(value[..., :1])], -1)


def rms_norm(x: Array, scale: Array | None = None) -> Array:
    """`x` divided by its root mean square along the last axis, and scaled."""
    x = x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-5)
    return x if scale is None else scaled(x, scale)


def rates(x: Array, log_rate: Array, step: Array) -> tuple[Array, Array]:
    """The log-decay `-exp(log_rate) dt`, and the step size `dt = softplus(x + step)`."""
    dt = jax.nn.softplus(add(x, step))
    return -scaled(dt, jnp.exp(log_rate)), dt


def log_rates(key: Key, size: int) -> Array:
    """Logarithms of rates that are uniform in [1, 16]."""
    return jnp.log(jax.random.uniform(key, (size,), minval=1.0, maxval=16.0))


def log_uniform_steps(key: Key, size: int) -> Array:
    """What `softplus` turns into step sizes that are log-uniform in [0.001, 0.1]."""
    dt = jnp.exp(jax.random.uniform(key, (size,), minval=np.log(0.001), maxval=np.log(0.1)))
    return dt + jnp.log(-jnp.expm1(-dt))


def merged(out: Array, kernel: Array) -> Array:
    """What the heads `[..., N, V]` give together: `[..., N * V] @ kernel`."""
    return recur(out.reshape(*out.shape[:-2], -1), kernel).astype(kernel.dtype)
