"""The state-space recurrence of Mamba-2."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import dot, glorot
from .._typing import Array, Key
from ._heads import (
    HeadsCell,
    kernels,
    log_rates,
    log_uniform_steps,
    merged,
    rates,
    rms_norm,
    scaled,
)
from ._memory import MemoryStep


class Mamba2Params(NamedTuple):
    """Parameters of `Mamba2`; the blocks of the kernel are x, B, C and dt."""

    kernel: Float[Array, "I G"]
    log_rate: Float[Array, " N"]
    step: Float[Array, " N"]
    skip: Float[Array, " N"]
    gate: Float[Array, "I H"]
    norm: Float[Array, " H"]
    output: Float[Array, "H H"]


class Mamba2(HeadsCell):
    """The selective state space of Mamba-2 (SSD): one decay for each head, keys shared by all.

        v, B, C = silu(x_t @ W_x), silu(x_t @ W_B), silu(x_t @ W_C)
        dt  = softplus(x_t @ W_dt + step)
        S_t = exp(-exp(log_rate) dt) S_{t-1} + dt B v^T
        y_t = rms_norm((S_t^T C + skip v) * silu(x_t @ gate)) @ output

    for each head; B and C are the same for all heads, and the norm is over all of them. In the
    paper a short convolution over time comes before `silu`: put `networks.CausalConv` before the
    cell.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of B and C, the state's size in the paper; by default V.

    Reference: T. Dao & A. Gu, "Transformers are SSMs: generalized models and efficient algorithms
    through structured state space duality", ICML 2024.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.Mamba2(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (7, 5, 8)
    """

    def init(self, key: Key) -> Mamba2Params:
        """Glorot kernels; rates uniform in [1, 16], steps log-uniform in [0.001, 0.1]."""
        first, rate, step, gate, output = jax.random.split(key, 5)
        k = self.key_features
        return Mamba2Params(
            kernel=kernels(first, self.inputs, (self.hidden, k, k, self.heads)),
            log_rate=log_rates(rate, self.heads),
            step=log_uniform_steps(step, self.heads),
            skip=jnp.ones(self.heads),
            gate=glorot(gate, self.inputs, self.hidden, 1),
            norm=jnp.ones(self.hidden),
            output=glorot(output, self.hidden, self.hidden, 1),
        )

    def project(self, params: Mamba2Params, x: Float[Array, "... I"]) -> MemoryStep:
        h, k = self.hidden, self.key_features
        value, b, c, dt = jnp.split(dot(x, params.kernel), [h, h + k, h + 2 * k], axis=-1)
        log_decay, dt = rates(dt, params.log_rate, params.step)
        shape = (*dt.shape, k)
        b, c = (jnp.broadcast_to(jax.nn.silu(z)[..., None, :], shape) for z in (b, c))
        (value,) = self._split(jax.nn.silu(value), self.value_size)
        return MemoryStep(
            c, b * jnp.broadcast_to(dt[..., None], shape), value, log_decay[..., None]
        )

    def read(self, params: Mamba2Params, out: Array, x: Array) -> Float[Array, "... H"]:
        (value,) = self._split(dot(x, params.kernel[:, : self.hidden]), self.value_size)
        out = out + scaled(jax.nn.silu(value), params.skip[:, None])
        y = out.reshape(*out.shape[:-2], self.hidden) * jax.nn.silu(dot(x, params.gate))
        return merged(rms_norm(y, params.norm)[..., None, :], params.output)
