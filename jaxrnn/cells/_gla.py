"""Memories whose rows decay each by its own gate: `GLA` and `HGRN2`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, glorot, recur
from .._typing import Array, Key, Leaf
from ._heads import HeadsCell, kernels, merged, rms_norm, scaled
from ._memory import MemoryStep


class GLAParams(NamedTuple):
    """Parameters of `GLA`; the blocks of the kernel are q, k and v."""

    kernel: Float[Array, "I G"]
    decay_in: Float[Array, "I R"]
    decay_out: Float[Array, "R N*K"]
    decay_bias: Float[Array, " N*K"]
    gate: Float[Array, "I H"]
    gate_bias: Float[Array, " H"]
    norm: Float[Array, " V"]
    output: Float[Array, "H H"]


class GLA(HeadsCell):
    """Gated linear attention: every row of the memory decays by a gate of its own.

        q, k, v = x_t @ W_q, x_t @ W_k, x_t @ W_v
        a   = sigmoid(x_t @ decay_in @ decay_out + decay_bias) ** (1 / 16)
        S_t = diag(a) S_{t-1} + k v^T
        y_t = (rms_norm(S_t^T q / sqrt(K)) * silu(x_t @ gate + gate_bias)) @ output

    for each head.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default half of V, as in the paper.
        rank: rank of the gate's kernel.

    Reference: S. Yang et al., "Gated linear attention transformers with hardware-efficient
    training", ICML 2024.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.GLA(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> carry, ys = jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)
        >>> carry.shape, ys.shape
        ((5, 2, 2, 4), (7, 5, 8))
    """

    rank: int = jax.tree.static(default=16)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.sizes("GLA", rank=self.rank)

    @property
    def key_features(self) -> int:
        """K."""
        return max(1, self.value_size // 2) if self.key_size is None else self.key_size

    def init(self, key: Key) -> GLAParams:
        """Glorot kernels, no biases."""
        first, low, high, gate, output = jax.random.split(key, 5)
        keys = self.heads * self.key_features
        return GLAParams(
            kernel=kernels(first, self.inputs, (keys, keys, self.hidden)),
            decay_in=glorot(low, self.inputs, self.rank, 1),
            decay_out=glorot(high, self.rank, keys, 1),
            decay_bias=jnp.zeros(keys),
            gate=glorot(gate, self.inputs, self.hidden, 1),
            gate_bias=jnp.zeros(self.hidden),
            norm=jnp.ones(self.value_size),
            output=glorot(output, self.hidden, self.hidden, 1),
        )

    def project(self, params: GLAParams, x: Float[Array, "... I"]) -> MemoryStep:
        k = self.key_features
        query, key, value = self._split(dot(x, params.kernel), k, k, self.value_size)
        z = add(recur(dot(x, params.decay_in), params.decay_out), params.decay_bias)
        (log_decay,) = self._split(jax.nn.log_sigmoid(z) / 16, k)
        return MemoryStep(query * k**-0.5, key, value, log_decay)

    def read(self, params: GLAParams, out: Array, x: Array) -> Float[Array, "... H"]:
        (gate,) = self._split(add(dot(x, params.gate), params.gate_bias), self.value_size)
        return merged(rms_norm(out, params.norm) * jax.nn.silu(gate), params.output)


class HGRN2Params(NamedTuple):
    """Parameters of `HGRN2`; the blocks of the kernel are q, f and i."""

    kernel: Float[Array, "I G"]
    norm: Float[Array, " V"]
    output: Float[Array, "H H"]


class HGRN2(HeadsCell):
    """The hierarchically gated recurrent network with a matrix memory: what decays is written.

        q, i = silu(x_t @ W_q), x_t @ W_i
        f    = lower + (1 - lower) * sigmoid(x_t @ W_f)
        S_t  = diag(f) S_{t-1} + (1 - f) i^T
        y_t  = rms_norm(S_t^T q) @ output

    for each head.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default V.
        lower: the least forget gate, in [0, 1); it grows with depth in the paper. A leaf.

    Reference: Z. Qin et al., "HGRN2: gated linear RNNs with state expansion", COLM 2024.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.HGRN2(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (7, 5, 8)
    """

    lower: Leaf = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.fraction("HGRN2", lower=self.lower)

    def init(self, key: Key) -> HGRN2Params:
        """Glorot kernels."""
        first, second = jax.random.split(key)
        keys = self.heads * self.key_features
        return HGRN2Params(
            kernels(first, self.inputs, (keys, keys, self.hidden)),
            jnp.ones(self.value_size),
            glorot(second, self.hidden, self.hidden, 1),
        )

    def project(self, params: HGRN2Params, x: Float[Array, "... I"]) -> MemoryStep:
        k = self.key_features
        query, z, value = self._split(dot(x, params.kernel), k, k, self.value_size)
        z = jnp.maximum(z, -80)  # the exponential would overflow
        lower = jnp.asarray(self.lower)
        log_decay = jax.nn.log_sigmoid(z) + jnp.log1p(scaled(jnp.exp(-z), lower))
        return MemoryStep(
            jax.nn.silu(query), scaled(jax.nn.sigmoid(-z), 1 - lower), value, log_decay
        )

    def read(self, params: HGRN2Params, out: Array, x: Array) -> Float[Array, "... H"]:
        return merged(rms_norm(out, params.norm), params.output)
