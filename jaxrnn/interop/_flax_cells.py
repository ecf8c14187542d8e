"""Cells that only flax has, and what its cells compute in the words of jaxrnn."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, glorot, orthogonal, recur, together
from .._typing import Array, Batch, Key, Leaf
from ..cells import ConvCell, ConvLSTM, DenseCell, Elman, ElmanParams, LSTMCarry, Rule


class ResidualElman(DenseCell):
    """The simple recurrent network that adds its state before the activation.

        h_t = activation(x_t @ kernel + bias + h_{t-1} @ recurrent + h_{t-1}),   y_t = h_t

    What flax calls `SimpleCell(residual=True)`.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        activation: any elementwise function.

    Reference: B. Yue, J. Fu & J. Liang, "Residual recurrent neural networks for learning sequential
    representations", Information 9 (2018).

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.interop import linen
        >>> cell = linen.ResidualElman(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    activation: Callable[[Array], Array] = jax.tree.static(default=jnp.tanh)
    rule = Elman.rule

    def init(self, key: Key) -> ElmanParams:
        """A Glorot and an orthogonal kernel, and a bias of zero."""
        first, second = jax.random.split(key)
        kernel, recurrent = (
            glorot(first, self.inputs, self.hidden, 1),
            orthogonal(second, self.hidden, 1),
        )
        return ElmanParams(kernel, recurrent, jnp.zeros(self.hidden))

    def mix(self, params: ElmanParams, carry: Array) -> Array:
        """`h @ recurrent + h`."""
        mixed = recur(carry, params.recurrent)
        return mixed + carry.astype(mixed.dtype)

    def gate(self, params: ElmanParams, carry: Array, u: Array, r: Array) -> tuple[Array, Array]:
        """`activation(u + r)`."""
        h = self.activation(u + r)
        return h.astype(carry.dtype), h.astype(params.kernel.dtype)


class ResetAfterMGUParams(NamedTuple):
    """Parameters of `ResetAfterMGU`; the blocks are concatenated in the order f, n."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "H 2*H"]
    bias: Float[Array, " 2*H"]
    candidate_bias: Float[Array, " H"]


class ResetAfterMGURule(Rule):
    """The partial derivatives of h; memory: the gate, what the carry contributes to n, and n."""

    def remember(self, cell: Any, params: Any, carry: Array, u: Array, r: Array) -> Any:
        size = cell.hidden
        # Through a concatenation XLA does not fuse the squashing functions into one slow loop.
        gate = jnp.tanh(0.5 * (u[..., :size] + r[..., :size]))
        known = together(jnp.concatenate([gate, r[..., size:]], axis=-1))
        f, r_n = _gate(known)
        n = jnp.tanh(u[..., size:] + f * r_n)
        h = (1 - f) * n + f * carry
        return (h, h.astype(params.kernel.dtype)), (known, n)

    def linearize(self, cell: Any, params: Any, carry: Array, memory: Any) -> Any:
        known, n = memory
        f, r_n = _gate(known)
        h_n = (1 - f) * (1 - n**2)
        return f, (carry - n + h_n * r_n) * f * (1 - f), h_n

    def merge(self, d_u: Array, d_r: Array) -> Array:
        """The gate reads `u + r`; the candidate reads u and r apart."""
        size = d_u.shape[-1] // 2
        both = d_u[..., :size] + d_r[..., :size]
        return jnp.concatenate([both, d_u[..., size:], d_r[..., size:]], axis=-1)

    def push(self, cell: Any, params: Any, point: Any, d_carry: Array, d_z: Array) -> Any:
        f, h_f, h_n = point
        d_f, u_n, r_n = jnp.split(d_z, 3, axis=-1)
        d_h = f * d_carry + h_f * d_f + h_n * (u_n + f * r_n)
        return d_h, d_h.astype(params.kernel.dtype)


def _gate(known: Array) -> tuple[Array, Array]:
    """f and the carry's share in the candidate: sigmoid(z) = (1 + tanh(z / 2)) / 2."""
    f, r_n = jnp.split(known, 2, axis=-1)
    return 0.5 * f + 0.5, r_n


class ResetAfterMGU(DenseCell):
    """The minimal gated unit of flax, whose gate acts after the recurrent product.

        u_f, u_n = split(x_t @ kernel + bias)
        r_f, r_n = split(h_{t-1} @ recurrent + (0, candidate_bias))
        f   = sigmoid(u_f + r_f)
        n   = tanh(u_n + f * r_n)
        h_t = (1 - f) * n + f * h_{t-1},   y_t = h_t

    In the published unit, `cells.MGU`, the gate acts before the product, and it opens towards the
    candidate: here it opens towards the state.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.interop import linen
        >>> cell = linen.ResetAfterMGU(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    rule = ResetAfterMGURule()

    def init(self, key: Key) -> ResetAfterMGUParams:
        """Glorot and orthogonal kernels per block, and a bias of 1 that keeps the state."""
        first, second = jax.random.split(key)
        return ResetAfterMGUParams(
            glorot(first, self.inputs, self.hidden, 2),
            orthogonal(second, self.hidden, 2),
            jnp.repeat(jnp.array([1.0, 0.0]), self.hidden),
            jnp.zeros(self.hidden),
        )

    def mix(self, params: ResetAfterMGUParams, carry: Array) -> Array:
        """`h @ recurrent`, with the candidate's bias."""
        bias = jnp.pad(params.candidate_bias, (self.hidden, 0))
        return add(recur(carry, params.recurrent), bias)

    def gate(
        self, params: ResetAfterMGUParams, carry: Array, u: Array, r: Array
    ) -> tuple[Array, Array]:
        """The gate, then the candidate."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: ResetAfterMGUParams, carry: Array, x: Array) -> dict[str, Array]:
        """The gate, which keeps the state."""
        z = self.project(params, x) + self.mix(params, carry)
        return {"forget": jax.nn.sigmoid(jnp.split(z, 2, axis=-1)[0])}


class TwoBiasConvLSTMParams(NamedTuple):
    """Parameters of `TwoBiasConvLSTM`; the gates are concatenated in the order i, f, g, o."""

    kernel: Float[Array, "*window I 4*H"]
    recurrent: Float[Array, "*window H 4*H"]
    bias: Float[Array, " 4*H"] | None
    recurrent_bias: Float[Array, " 4*H"] | None


class TwoBiasConvLSTM(ConvCell):
    """The long short-term memory over images of flax: two biases, and a forget bias kept apart.

        i, f, g, o = split(x_t * kernel + bias + h_{t-1} * recurrent + recurrent_bias)
        c_t = sigmoid(f + forget_bias) . c_{t-1} + sigmoid(i) . tanh(g)
        h_t = sigmoid(o) . tanh(c_t),   y_t = h_t

    What flax's `ConvLSTMCell` computes. Shapes and arguments are those of `cells.ConvLSTM`, except
    that `forget_bias` is added at every step and is no part of the bias.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.interop import linen
        >>> cell = linen.TwoBiasConvLSTM(3, 4, (8, 8))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 8, 8, 3)))[1].shape
        (7, 2, 8, 8, 4)
    """

    forget_bias: Leaf = 1.0
    rule = ConvLSTM.rule

    def init(self, key: Key) -> TwoBiasConvLSTMParams:
        """Glorot and orthogonal kernels per gate, biases of zero."""
        kernel, recurrent = self._draw(key, 4, 4)
        biases = [jnp.zeros(4 * self.hidden) if self.use_bias else None for _ in "xh"]
        return TwoBiasConvLSTMParams(kernel, recurrent, *biases)

    def carry(self, params: TwoBiasConvLSTMParams, batch: Batch = ()) -> LSTMCarry:
        """Zeros."""
        return LSTMCarry(*(self._blank(params, batch) for _ in "hc"))

    def project(self, params: TwoBiasConvLSTMParams, x: Array) -> Array:
        """`x * kernel`, with both biases and the forget bias."""
        u = super().project(params, x)
        if params.recurrent_bias is not None:
            u = add(u, params.recurrent_bias)
        forget = jnp.zeros((4, self.hidden), u.dtype).at[1].add(self.forget_bias)
        return add(u, forget.ravel())

    def mix(self, params: TwoBiasConvLSTMParams, carry: LSTMCarry) -> Array:
        """`h * recurrent`."""
        return self._spread(carry.hidden, params.recurrent)

    def gate(self, params: TwoBiasConvLSTMParams, carry: LSTMCarry, u: Array, r: Array) -> Any:
        """That of an LSTM."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: TwoBiasConvLSTMParams, carry: LSTMCarry, x: Array) -> dict[str, Array]:
        """Input, forget and output gate."""
        z = self.project(params, x) + self.mix(params, carry)
        i, f, _, o = jnp.split(jax.nn.sigmoid(z), 4, axis=-1)
        return {"input": i, "forget": f, "output": o}


def is_sigmoid(function: Callable[..., Any]) -> bool:
    """Whether it is the logistic function, by the name that jaxrnn computes it under."""
    return function is jax.nn.sigmoid


def is_tanh(function: Callable[..., Any]) -> bool:
    """Whether it is the hyperbolic tangent."""
    return function in (jnp.tanh, jax.nn.tanh)
