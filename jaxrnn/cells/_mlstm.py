"""The matrix LSTM."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot
from .._typing import Array, Batch, Key
from ._heads import HeadsCell, with_ones
from ._memory import MemoryStep, ScaledMemory


class MLSTMParams(NamedTuple):
    """Parameters of `MLSTM`; the blocks of the kernel are q, k, v, i, f and o."""

    kernel: Float[Array, "I G"]
    bias: Float[Array, " G"]


class MLSTM(HeadsCell):
    """The LSTM of xLSTM whose cell is a matrix, with exponential input gates.

        q, k, v = x_t @ W_q + b_q, (x_t @ W_k + b_k) / sqrt(K), x_t @ W_v + b_v
        i, f    = x_t @ W_i + b_i, x_t @ W_f + b_f          one number for each head
        C_t = sigmoid(f) C_{t-1} + exp(i) k v^T
        n_t = sigmoid(f) n_{t-1} + exp(i) k
        y_t = sigmoid(x_t @ W_o + b_o) * C_t^T q / max(|n_t^T q|, 1)

    C and n are kept times `exp(-m)`, with `m_t = max(log sigmoid(f) + m_{t-1}, i)`, so that no gate
    overflows; the output does not depend on m. n is one more column of C. In the paper a short
    convolution over time comes before q and k: `networks.CausalConv`.

    Shapes: x `[*batch, inputs]`; carry `ScaledMemory(memory, log_scale)`, `[*batch, heads, K,
    V + 1]` and `[*batch, heads]`; y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default V.

    Reference: M. Beck et al., "xLSTM: extended long short-term memory", NeurIPS 2024.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.MLSTM(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> carry, ys = jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)
        >>> carry.memory.shape, ys.shape
        ((5, 2, 4, 5), (7, 5, 8))
    """

    @property
    def memory_shape(self) -> tuple[int, int, int]:
        """With a column for n."""
        return self.heads, self.key_features, self.value_size + 1

    def init(self, key: Key) -> MLSTMParams:
        """Small normal kernels, none for i and f; forget biases from 3 to 6 over the heads."""
        first, second = jax.random.split(key)
        n, k = self.heads, self.key_features
        scale = (2 / (5 * self.inputs)) ** 0.5
        sizes = {"qk": 2 * n * k, "v": self.hidden, "i": n, "f": n, "o": self.hidden}
        drawn = scale * jax.random.normal(first, (self.inputs, sum(sizes.values())))
        gates = slice(sizes["qk"] + sizes["v"], sizes["qk"] + sizes["v"] + 2 * n)
        bias = [
            jnp.zeros(gates.start),
            0.1 * jax.random.normal(second, (n,)),
            jnp.linspace(3.0, 6.0, n),
            jnp.zeros(self.hidden),
        ]
        return MLSTMParams(drawn.at[:, gates].set(0), jnp.concatenate(bias))

    def carry(self, params: MLSTMParams, batch: Batch = ()) -> ScaledMemory:
        """An empty memory."""
        memory = super().carry(params, batch)
        return ScaledMemory(memory, jnp.zeros(memory.shape[:-2], memory.dtype))

    def project(self, params: MLSTMParams, x: Float[Array, "... I"]) -> MemoryStep:
        k = self.key_features
        z = add(dot(x, params.kernel[:, : -self.hidden]), params.bias[: -self.hidden])
        query, key, value, i, f = self._split(z, k, k, self.value_size, 1, 1)
        log_decay = jax.nn.log_sigmoid(f)
        return MemoryStep(query, key * k**-0.5, with_ones(value), log_decay, log_gate=i[..., 0])

    def read(
        self, params: MLSTMParams, out: tuple[Array, Array], x: Float[Array, "... I"]
    ) -> Float[Array, "... H"]:
        read, log_scale = out
        one = jnp.exp(jnp.minimum(-log_scale, 80))[..., None]  # beyond, it would overflow
        y = read[..., :-1] / jnp.maximum(jnp.abs(read[..., -1:]), one)
        o = add(dot(x, params.kernel[:, -self.hidden :]), params.bias[-self.hidden :])
        y = jax.nn.sigmoid(o) * y.reshape(*y.shape[:-2], self.hidden)
        return y.astype(params.kernel.dtype)
