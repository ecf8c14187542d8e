"""Linear attention: a memory that only grows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import dot, glorot
from .._typing import Array, Key
from ._heads import HeadsCell, kernels, merged, with_ones
from ._memory import MemoryStep


class LinearAttentionParams(NamedTuple):
    """Parameters of `LinearAttention`; the blocks of the kernel are q, k and v."""

    kernel: Float[Array, "I G"]
    output: Float[Array, "H H"]


class LinearAttention(HeadsCell):
    """Attention to all steps so far with a kernel in place of the softmax, as a recurrence.

        q, k = elu(x_t @ W_q) + 1, elu(x_t @ W_k) + 1,   v = x_t @ W_v
        S_t  = S_{t-1} + k v^T,   z_t = z_{t-1} + k
        y_t  = (S_t^T q / z_t^T q) @ output

    for each head. The normaliser z is one more column of the memory.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V + 1]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default V.

    Reference: A. Katharopoulos et al., "Transformers are RNNs: fast autoregressive transformers
    with linear attention", ICML 2020.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.LinearAttention(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> carry, ys = jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)
        >>> carry.shape, ys.shape
        ((5, 2, 4, 5), (7, 5, 8))
    """

    @property
    def memory_shape(self) -> tuple[int, int, int]:
        """With a column for the normaliser."""
        return self.heads, self.key_features, self.value_size + 1

    def init(self, key: Key) -> LinearAttentionParams:
        """Glorot kernels."""
        first, second = jax.random.split(key)
        keys = self.heads * self.key_features
        kernel = kernels(first, self.inputs, (keys, keys, self.hidden))
        return LinearAttentionParams(kernel, glorot(second, self.hidden, self.hidden, 1))

    def project(self, params: LinearAttentionParams, x: Float[Array, "... I"]) -> MemoryStep:
        k = self.key_features
        query, key, value = self._split(dot(x, params.kernel), k, k, self.value_size)
        query, key = jax.nn.elu(query) + 1, jax.nn.elu(key) + 1
        return MemoryStep(query, key, with_ones(value), jnp.zeros_like(query[..., :1]))

    def read(self, params: LinearAttentionParams, out: Array, x: Array) -> Float[Array, "... H"]:
        total = jnp.where(out[..., -1:] == 0, 1, out[..., -1:])  # nothing was read at padding
        return merged(out[..., :-1] / total, params.output)
