"""The time mixing of RWKV-7."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check, _host
from .._numerics import add, dot, orthonormal, recur
from .._typing import Array, Key
from ._heads import HeadsCell, merged, scaled
from ._memory import MemoryStep

R, W, K, V, A, G = range(6)


class RWKV7Params(NamedTuple):
    """Parameters of `RWKV7`; the rows of `mix` are r, w, k, v, a and g."""

    mix: Float[Array, "6 I"]
    receptance: Float[Array, "I N*K"]
    key: Float[Array, "I N*K"]
    value: Float[Array, "I H"]
    decay_in: Float[Array, "I R"]
    decay_out: Float[Array, "R N*K"]
    decay_bias: Float[Array, " N*K"]
    rate_in: Float[Array, "I R"]
    rate_out: Float[Array, "R N*K"]
    rate_bias: Float[Array, " N*K"]
    gate_in: Float[Array, "I R"]
    gate_out: Float[Array, "R H"]
    removal: Float[Array, " N*K"]
    replacement: Float[Array, " N*K"]
    bonus: Float[Array, "N K"]
    norm_scale: Float[Array, " H"]
    norm_bias: Float[Array, " H"]
    output: Float[Array, "H H"]


class RWKV7(HeadsCell):
    """The time mixing of RWKV-7: what is removed from the memory and what is added differ.

        x_r, x_w, ... = x_t + mix * (x_{t-1} - x_t)            for each of r, w, k, v, a, g
        r, k, v = x_r @ receptance, x_k @ key, x_v @ value
        w   = exp(-sigmoid(tanh(x_w @ decay_in) @ decay_out + decay_bias) / sqrt(e))
        a   = sigmoid(x_a @ rate_in @ rate_out + rate_bias)
        g   = sigmoid(x_g @ gate_in) @ gate_out
        n   = unit(k * removal),   k' = k * (1 + (a - 1) * replacement)
        S_t = diag(w) S_{t-1} - (a * n) (S_{t-1}^T n)^T + k' v^T
        y_t = ((group_norm(S_t^T r) + sum(r * k' * bonus) v) * g) @ output

    for each head. The inputs are `x_t` and `x_{t-1}` side by side, as `networks.WithPrevious` lays
    them. Layers after the first also mix values with those of the first one; that is not here.

    Shapes: x `[*batch, 2 * inputs]`, carry `[*batch, heads, K, V]`, y `[*batch, hidden]`.

    Args:
        inputs: features of a step, of which the cell reads two.
        hidden: features of the output, V for each head.
        heads: how many memories there are; a divisor of `hidden`.
        key_size: K, features of a key; by default V.
        rank: rank of the kernels of w, a and g.

    Reference: B. Peng et al., "RWKV-7 Goose with expressive dynamic state evolution", arXiv
    2503.14456.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.RWKV7(3, 8, heads=2), jax.numpy.ones((7, 5, 6))
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), xs)[1].shape
        (7, 5, 8)
    """

    rank: int = jax.tree.static(default=32)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.sizes("RWKV7", rank=self.rank)

    @property
    def input_shape(self) -> tuple[int]:
        """`(2 * inputs,)`."""
        return (2 * self.inputs,)

    def init(self, key: Key) -> RWKV7Params:
        """As a first layer's in the reference: decays spread over the features, no output."""
        keys = iter(jax.random.split(key, 6))
        n, k, _ = self.memory_shape
        i, wide = self.inputs, n * k
        powers = np.array([0.2, 0.9, 0.7, 0.7, 0.9, 0.2])

        def mix() -> np.ndarray:
            return 1 - (np.arange(i) / i)[None] ** powers[:, None]

        def spread(offset: float, slope: float, bend: float = 0.0) -> Array:
            """A line over the features from -1/2 to 1/2, and for each head a bend of its own."""

            def over_features() -> np.ndarray:
                line = np.arange(wide) / max(1, wide - 1) - 0.5
                zigzag = 2 * np.arange(k) / max(1, k - 1) - 1
                return offset + slope * line + bend * np.tile(zigzag * abs(zigzag), n)

            return _host.numbers(over_features, (wide,))

        def uniform(columns: int, bound: float) -> Array:
            bound /= i**0.5
            return jax.random.uniform(next(keys), (i, columns), minval=-bound, maxval=bound)

        def high(columns: int) -> Array:
            gain = 0.1 * max(1.0, (self.rank / columns) ** 0.5)
            return orthonormal(next(keys), (self.rank, columns), gain)

        low = jnp.zeros((i, self.rank))
        return RWKV7Params(
            mix=_host.numbers(mix, (6, i)),
            receptance=uniform(wide, 0.5),
            key=uniform(wide, 0.05),
            value=uniform(self.hidden, 0.5),
            decay_in=low,
            decay_out=high(wide),
            decay_bias=spread(-2.5, 6.0, 2.5),
            rate_in=jnp.zeros_like(low),
            rate_out=high(wide),
            rate_bias=spread(-0.19, 0.4, 0.3),
            gate_in=jnp.zeros_like(low),
            gate_out=high(self.hidden),
            removal=spread(0.71, -0.1),
            replacement=jnp.full(wide, 1.02),
            bonus=jnp.full((n, k), -0.04),
            norm_scale=jnp.ones(self.hidden),
            norm_bias=jnp.zeros(self.hidden),
            output=jnp.zeros((self.hidden, self.hidden)),
        )

    def project(self, params: RWKV7Params, x: Float[Array, "... J"]) -> MemoryStep:
        z = add(
            recur(jnp.tanh(dot(self._mixed(params, x, W), params.decay_in)), params.decay_out),
            params.decay_bias,
        )
        log_decay = -jax.nn.sigmoid(z) * np.exp(-0.5).item()
        r, k, v, rate = self._read_off(params, x)
        removed = _unit(self._heads(scaled(self._key(params, x), params.removal)))
        # Removing and adding are two updates, the first of a value of zero. What is removed is
        # read before the memory decays.
        erase = removed * jnp.exp(-self._heads(log_decay))
        return MemoryStep(
            query=r,
            key=jnp.stack([removed * rate, k], -2),
            value=jnp.stack([jnp.zeros_like(v), v], -2),
            log_decay=self._heads(log_decay),
            erase=jnp.stack([erase, jnp.zeros_like(erase)], -2),
        )

    def read(self, params: RWKV7Params, out: Array, x: Array) -> Float[Array, "... H"]:
        r, k, v, _ = self._read_off(params, x)
        gate = recur(
            jax.nn.sigmoid(dot(self._mixed(params, x, G), params.gate_in)), params.gate_out
        )
        centred = out - out.mean(-1, keepdims=True)
        normed = centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 64e-5)
        normed = add(scaled(normed.reshape(gate.shape), params.norm_scale), params.norm_bias)
        bonus = scaled(r * k, params.bonus).sum(-1, keepdims=True)
        y = normed + (jnp.broadcast_to(bonus, v.shape) * v).reshape(gate.shape)
        return merged((y * gate)[..., None, :], params.output)

    def _mixed(self, params: RWKV7Params, x: Array, row: int) -> Array:
        now, before = jnp.split(x, 2, axis=-1)
        return now + scaled(before - now, params.mix[row])

    def _key(self, params: RWKV7Params, x: Array) -> Array:
        return dot(self._mixed(params, x, K), params.key)

    def _heads(self, x: Array) -> Array:
        return x.reshape(*x.shape[:-1], self.heads, -1)

    def _read_off(self, params: RWKV7Params, x: Array) -> tuple[Array, Array, Array, Array]:
        """r, k', v and a, by head."""
        rate = recur(dot(self._mixed(params, x, A), params.rate_in), params.rate_out)
        rate = jax.nn.sigmoid(add(rate, params.rate_bias))
        key = self._key(params, x)
        key = key * (1 + scaled(rate - 1, params.replacement))
        r = dot(self._mixed(params, x, R), params.receptance)
        v = dot(self._mixed(params, x, V), params.value)
        return self._heads(r), self._heads(key), self._heads(v), self._heads(rate)


def _unit(x: Array) -> Array:
    """`x` of unit length; of zeros, zeros, with a derivative of zero."""
    square = (x**2).sum(-1, keepdims=True)
    there = square > 1e-24
    length = jnp.where(there, jax.lax.rsqrt(jnp.where(there, square, 1)), 0)
    return x * length
