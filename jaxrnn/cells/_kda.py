"""Kimi delta attention."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot, glorot, recur
from .._typing import Array, Key, Leaf
from ._delta import check_scale, delta_steps, init_delta
from ._heads import HeadsCell, log_rates, log_uniform_steps, merged, rms_norm
from ._memory import MemoryStep


class KDAParams(NamedTuple):
    """Parameters of `KDA`; the blocks of the kernel are q, k, v and beta."""

    kernel: Float[Array, "I G"]
    decay_in: Float[Array, "I V"]
    decay_out: Float[Array, "V N*K"]
    log_rate: Float[Array, " N"]
    step: Float[Array, " N*K"]
    gate_in: Float[Array, "I V"]
    gate_out: Float[Array, "V H"]
    norm: Float[Array, " V"]
    output: Float[Array, "H H"]


class KDA(HeadsCell):
    """Kimi delta attention: the delta rule, in a memory whose rows decay each by its own gate.

        g   = -exp(log_rate) softplus(x_t @ decay_in @ decay_out + step)
        S   = diag(exp(g)) S_{t-1}
        S_t = S + beta k (v - S^T k)^T
        y_t = (rms_norm(S_t^T q / sqrt(K)) * sigmoid(x_t @ gate_in @ gate_out)) @ output

    for each head, with q, k, v and beta as in `DeltaNet`; the rank of the gates is V. In the paper
    a short convolution over time comes before `silu`: put `networks.CausalConv` before the cell.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default V.
        scale: the largest beta, from 0 to 2; a leaf.

    Reference: Kimi Team, "Kimi Linear: an expressive, efficient attention architecture", arXiv
    2510.26692.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.KDA(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (7, 5, 8)
    """

    scale: Leaf = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale(self)

    def init(self, key: Key) -> KDAParams:
        """Glorot kernels; rates uniform in [1, 16], steps log-uniform in [0.001, 0.1]."""
        first, low, high, rate, step, gate, out = jax.random.split(key, 7)
        keys, v = self.heads * self.key_features, self.value_size
        kernel, norm, output = init_delta(self, first, 1)
        return KDAParams(
            kernel=kernel,
            decay_in=glorot(low, self.inputs, v, 1),
            decay_out=glorot(high, v, keys, 1),
            log_rate=log_rates(rate, self.heads),
            step=log_uniform_steps(step, keys),
            gate_in=glorot(gate, self.inputs, v, 1),
            gate_out=glorot(out, v, self.hidden, 1),
            norm=norm,
            output=output,
        )

    def project(self, params: KDAParams, x: Float[Array, "... I"]) -> MemoryStep:
        z = add(recur(dot(x, params.decay_in), params.decay_out), params.step)
        (dt,) = self._split(jax.nn.softplus(z), self.key_features)
        rate = jnp.exp(params.log_rate.astype(dt.dtype))
        log_decay = -dt * jnp.broadcast_to(rate[:, None], dt.shape)
        steps = delta_steps(self, dot(x, params.kernel), 1)
        return steps._replace(log_decay=log_decay)

    def read(self, params: KDAParams, out: Array, x: Array) -> Float[Array, "... H"]:
        z = recur(dot(x, params.gate_in), params.gate_out)
        (gate,) = self._split(jax.nn.sigmoid(z), self.value_size)
        return merged(rms_norm(out, params.norm) * gate, params.output)
