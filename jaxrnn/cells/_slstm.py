"""The scalar LSTM of the xLSTM."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import glorot, recur_blocks, zeros
from .._typing import Array, Batch, Key
from ._pointwise import PointwiseCell
from ._squash import LINEAR, SIGMOID, TANH


class SLSTMParams(NamedTuple):
    """Parameters of `SLSTM`; the gates are in the order i, f, z, o, in every head's matrix too."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "N D 4*D"]
    bias: Float[Array, " 4*H"] | None


class SLSTMCarry(NamedTuple):
    """Carry of `SLSTM`."""

    hidden: Float[Array, "*batch H"]
    cell: Float[Array, "*batch H"]
    log_normalizer: Float[Array, "*batch H"]


class SLSTM(PointwiseCell):
    """The scalar LSTM of the xLSTM: exponential input gates, and heads that mix among themselves.

        i, f, z, o = split(x_t @ kernel + bias + h_{t-1} @ blocks(recurrent))
        C_t = sigmoid(f) * C_{t-1} + exp(i) * tanh(z)
        n_t = sigmoid(f) * n_{t-1} + exp(i)
        h_t = sigmoid(o) * C_t / n_t,   y_t = h_t

    The recurrent matrix is block-diagonal, one block for each of the heads.

    C and n overflow. The paper divides both by `exp(m)` with a running maximum m. Here the carry is
    the quotient and the logarithm of n, which have no scale to lose:

        w_t = exp(i) / n_t = sigmoid(i - log(sigmoid(f)) - log(n_{t-1}))
        c_t = C_t / n_t = (1 - w_t) * c_{t-1} + w_t * tanh(z)
        log(n_t) = log(sigmoid(f) * n_{t-1} + exp(i))

    n starts from 0, for every unit by itself, so that w = 1 at the first step. (Its logarithm
    starts from a number whose exponential is 0, for minus infinity would make NaN of a weight of
    0.) No input, and no reset of some sequences of a batch alone, leads to 0 / 0.

    Shapes: x `[*batch, inputs]`; carry `SLSTMCarry(hidden, cell, log_normalizer)` of h, c and
    log(n), each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        heads: how many blocks the recurrent matrix has; they divide `hidden`.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: M. Beck et al., "xLSTM: extended long short-term memory", NeurIPS 2024
    (arXiv 2405.04517).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.SLSTM(3, 4, heads=2)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    heads: int = jax.tree.static(default=1)
    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"input": LINEAR, "forget": LINEAR, "candidate": TANH, "output": SIGMOID}

    def __post_init__(self) -> None:
        """Check the sizes and the heads."""
        super().__post_init__()
        _check.heads("SLSTM", self.heads, hidden=self.hidden)

    def init(self, key: Key) -> SLSTMParams:
        """Glorot kernels, no recurrence, and in every head forget biases from 5 to -7."""
        size = self.hidden // self.heads
        spread = jnp.linspace(0.0, 1.0, size) ** 0.3
        forget = jnp.tile(5.0 - 12.0 * spread, self.heads)
        bias = jnp.zeros((4, self.hidden)).at[1].set(forget).ravel() if self.use_bias else None
        recurrent = jnp.zeros((self.heads, size, 4 * size))
        return SLSTMParams(glorot(key, self.inputs, self.hidden, 4), recurrent, bias)

    def carry(self, params: SLSTMParams, batch: Batch = ()) -> SLSTMCarry:
        """Zeros; the logarithm of a normaliser of zero."""
        zero = zeros(batch, self.hidden, params.recurrent)
        return SLSTMCarry(zero, zero, jnp.full_like(zero, -1e30))

    def mix(self, params: SLSTMParams, carry: SLSTMCarry) -> Float[Array, "... G"]:
        """`h @ blocks(recurrent)`."""
        return recur_blocks(carry.hidden, params.recurrent)

    def update(
        self, params: SLSTMParams, carry: SLSTMCarry, *blocks: Array
    ) -> tuple[SLSTMCarry, Array]:
        i, f, z, o = blocks
        excess = i - jax.nn.log_sigmoid(f) - carry.log_normalizer
        w = jax.nn.sigmoid(excess)
        c = carry.cell + w * (z - carry.cell)
        h = o * c
        return SLSTMCarry(h, c, i + jax.nn.softplus(-excess)), h
