"""Retention: a memory whose heads decay at fixed rates."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._numerics import dot, glorot
from .._typing import Array, Key
from ._heads import HeadsCell, kernels, merged, rms_norm
from ._memory import MemoryStep


class RetNetParams(NamedTuple):
    """Parameters of `RetNet`; the blocks of the kernel are q, k and v."""

    kernel: Float[Array, "I G"]
    gate: Float[Array, "I H"]
    output: Float[Array, "H H"]


class RetNet(HeadsCell):
    """Multi-scale retention: each head decays at a rate of its own and turns, both fixed.

        q, k, v = x_t @ W_q, x_t @ W_k / sqrt(K), x_t @ W_v
        S_t = (1 - 2 ** (-5 - n)) R S_{t-1} + k v^T         for head n = 0, 1, ...
        y_t = (rms_norm(S_t^T q) * silu(x_t @ gate)) @ output

    R turns the rows j and j + K/2 back by the angle `10000 ** (-2 j / K)`, so that a query knows
    how far away a key is. Rotary positions do the same: they turn queries and keys forward, by a
    count of the steps, which is not needed here.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key, an even number; by default V.

    Reference: Y. Sun et al., "Retentive network: a successor to transformer for large language
    models", arXiv 2307.08621.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.RetNet(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (7, 5, 8)
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.key_features % 2:
            raise ValueError(
                f"RetNet: the features of a key are turned in pairs, got {self.key_features}. Pass "
                "an even key_size."
            )

    def init(self, key: Key) -> RetNetParams:
        """Glorot kernels."""
        first, gate, output = jax.random.split(key, 3)
        keys = self.heads * self.key_features
        return RetNetParams(
            kernels(first, self.inputs, (keys, keys, self.hidden)),
            glorot(gate, self.inputs, self.hidden, 1),
            glorot(output, self.hidden, self.hidden, 1),
        )

    def project(self, params: RetNetParams, x: Float[Array, "... I"]) -> MemoryStep:
        k = self.key_features
        query, key, value = self._split(dot(x, params.kernel), k, k, self.value_size)
        log_decay = np.log1p(-(2.0 ** (-5 - np.arange(self.heads))))[:, None]
        turn = np.broadcast_to(-(10000.0 ** (-np.arange(0, k, 2) / k)), (self.heads, k // 2))

        def fixed(numbers: Any) -> Array:
            shape = (*query.shape[:-1], numbers.shape[-1])
            return jnp.broadcast_to(jnp.asarray(numbers, query.dtype), shape)

        return MemoryStep(query, key * k**-0.5, value, fixed(log_decay), turn=fixed(turn))

    def read(self, params: RetNetParams, out: Array, x: Array) -> Float[Array, "... H"]:
        (gate,) = self._split(dot(x, params.gate), self.value_size)
        return merged(rms_norm(out) * jax.nn.silu(gate), params.output)
