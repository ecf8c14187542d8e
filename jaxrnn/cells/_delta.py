"""Memories that are written by the delta rule: `DeltaNet`, `DeltaProduct` and `GatedDelta`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import dot, glorot
from .._typing import Array, Key, Leaf
from ._heads import (
    HeadsCell,
    kernels,
    log_rates,
    log_uniform_steps,
    merged,
    rates,
    rms_norm,
    scaled,
    unit,
)
from ._memory import MemoryStep


class DeltaNetParams(NamedTuple):
    """Parameters of `DeltaNet` and `DeltaProduct`; blocks q, then k, v and beta of all updates."""

    kernel: Float[Array, "I G"]
    norm: Float[Array, " V"]
    output: Float[Array, "H H"]


class DeltaNet(HeadsCell):
    """A memory that is corrected towards each value: the delta rule.

        q, k = unit(silu(x_t @ W_q)), unit(silu(x_t @ W_k)),   v = silu(x_t @ W_v)
        beta = scale * sigmoid(x_t @ W_beta)
        S_t  = S_{t-1} + beta k (v - S_{t-1}^T k)^T
        y_t  = rms_norm(S_t^T q / sqrt(K)) @ output

    for each head. Along a key, what was stored decays by `1 - beta`: with a `scale` of 1 that lies
    in (0, 1); with 2, in (-1, 1), and the memory can count modulo 2. In the paper a short
    convolution over time comes before `silu`: put `networks.CausalConv` before the cell.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default V.
        scale: the largest beta, from 0 to 2; a leaf.

    Reference: I. Schlag, K. Irie & J. Schmidhuber, "Linear transformers are secretly fast weight
    programmers", ICML 2021; S. Yang et al., "Parallelizing linear transformers with the delta rule
    over sequence length", NeurIPS 2024; of the scale: R. Grazzi et al., "Unlocking state-tracking
    in linear RNNs through negative eigenvalues", ICLR 2025.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.DeltaNet(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> carry, ys = jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)
        >>> carry.shape, ys.shape
        ((5, 2, 4, 4), (7, 5, 8))
    """

    scale: Leaf = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale(self)

    def init(self, key: Key) -> DeltaNetParams:
        """Glorot kernels."""
        return init_delta(self, key, 1)

    def project(self, params: DeltaNetParams, x: Float[Array, "... I"]) -> MemoryStep:
        return delta_steps(self, dot(x, params.kernel), 1)

    def read(self, params: DeltaNetParams, out: Array, x: Array) -> Float[Array, "... H"]:
        return merged(rms_norm(out, params.norm), params.output)


class DeltaProduct(HeadsCell):
    """Several corrections of a memory in each step, so that a step can turn it.

        S_t = S_{t-1};  for each of the updates:  S_t = S_t + beta k (v - S_t^T k)^T

    The rest is as in `DeltaNet`, with keys, values and betas of its own for each update. Two of
    them, with a `scale` of 2, make a product of two reflections, and so a rotation.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default V.
        updates: how many corrections a step makes.
        scale: the largest beta, from 0 to 2; a leaf.

    Reference: J. Siems et al., "DeltaProduct: improving state-tracking in linear RNNs via
    Householder products", NeurIPS 2025.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.DeltaProduct(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (7, 5, 8)
    """

    updates: int = jax.tree.static(default=2)
    scale: Leaf = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.sizes("DeltaProduct", updates=self.updates)
        check_scale(self)

    def init(self, key: Key) -> DeltaNetParams:
        """Glorot kernels."""
        return init_delta(self, key, self.updates)

    def project(self, params: DeltaNetParams, x: Float[Array, "... I"]) -> MemoryStep:
        return delta_steps(self, dot(x, params.kernel), self.updates)

    def read(self, params: DeltaNetParams, out: Array, x: Array) -> Float[Array, "... H"]:
        return merged(rms_norm(out, params.norm), params.output)


class GatedDeltaParams(NamedTuple):
    """Parameters of `GatedDelta`; the blocks of the kernel are q, k, v and beta."""

    kernel: Float[Array, "I G"]
    decay: Float[Array, "I N"]
    log_rate: Float[Array, " N"]
    step: Float[Array, " N"]
    gate: Float[Array, "I H"]
    norm: Float[Array, " V"]
    output: Float[Array, "H H"]


class GatedDelta(HeadsCell):
    """The delta rule with a gate that lets the whole memory decay: Gated DeltaNet.

        g   = -exp(log_rate) softplus(x_t @ W_a + step)
        S   = exp(g) S_{t-1}
        S_t = S + beta k (v - S^T k)^T
        y_t = (rms_norm(S_t^T q / sqrt(K)) * silu(x_t @ W_gate)) @ output

    for each head, with q, k, v and beta as in `DeltaNet`. In the paper a short convolution over
    time comes before `silu`: put `networks.CausalConv` before the cell.

    Shapes: x `[*batch, inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default V.
        scale: the largest beta, from 0 to 2; a leaf.

    Reference: S. Yang, J. Kautz & A. Hatamizadeh, "Gated delta networks: improving Mamba2 with
    delta rule", ICLR 2025.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.GatedDelta(3, 8, heads=2), jax.numpy.ones((7, 5, 3))
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (7, 5, 8)
    """

    scale: Leaf = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale(self)

    def init(self, key: Key) -> GatedDeltaParams:
        """Glorot kernels; rates uniform in [1, 16], steps log-uniform in [0.001, 0.1]."""
        first, decay, rate, step, gate = jax.random.split(key, 5)
        kernel, norm, output = init_delta(self, first, 1)
        return GatedDeltaParams(
            kernel=kernel,
            decay=glorot(decay, self.inputs, self.heads, 1),
            log_rate=log_rates(rate, self.heads),
            step=log_uniform_steps(step, self.heads),
            gate=glorot(gate, self.inputs, self.hidden, 1),
            norm=norm,
            output=output,
        )

    def project(self, params: GatedDeltaParams, x: Float[Array, "... I"]) -> MemoryStep:
        rate = rates(dot(x, params.decay), params.log_rate, params.step)[0]
        steps = delta_steps(self, dot(x, params.kernel), 1)
        return steps._replace(log_decay=rate[..., None])

    def read(self, params: GatedDeltaParams, out: Array, x: Array) -> Float[Array, "... H"]:
        (gate,) = self._split(dot(x, params.gate), self.value_size)
        return merged(rms_norm(out, params.norm) * jax.nn.silu(gate), params.output)


def check_scale(cell: Any) -> None:
    """Raise unless beta stays where a unit key cannot let the memory grow."""
    if not _check.holds(lambda scale: (scale >= 0) & (scale <= 2), cell.scale):
        raise ValueError(f"{type(cell).__name__}: scale must lie in [0, 2], got {cell.scale}")


def init_delta(cell: HeadsCell, key: Key, updates: int) -> DeltaNetParams:
    """Glorot kernels."""
    n, k, v = cell.memory_shape
    first, second = jax.random.split(key)
    sizes = (n * k, updates * n * k, updates * n * v, updates * n)
    return DeltaNetParams(
        kernels(first, cell.inputs, sizes),
        jnp.ones(v),
        glorot(second, cell.hidden, cell.hidden, 1),
    )


def delta_steps(cell: Any, z: Array, updates: int) -> MemoryStep:
    """The steps of the delta rule from the pre-activations of q, k, v and beta."""
    _, k, v = cell.memory_shape
    query, key, value, beta = cell._split(z, k, updates * k, updates * v, updates)
    query = unit(jax.nn.silu(query)) * k**-0.5
    if updates > 1:
        key, value = (x.reshape(*x.shape[:-1], updates, -1) for x in (key, value))
        beta = beta[..., None]
    key, beta = unit(jax.nn.silu(key)), scaled(jax.nn.sigmoid(beta), jnp.asarray(cell.scale))
    key_written = jnp.broadcast_to(beta, key.shape) * key
    still = jnp.zeros_like(query[..., :1])
    return MemoryStep(query, key_written, jax.nn.silu(value), still, erase=key)
