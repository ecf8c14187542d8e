"""Long short-term memory whose gates see the cell."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import recur
from .._typing import Array, Key, Leaf
from ._dense import drawn_blocks
from ._lstm import LSTMCarry, WithCell, lstm_bias
from ._pointwise import PointwiseCell
from ._squash import LINEAR, SIGMOID, TANH


class PeepholeLSTMParams(NamedTuple):
    """Parameters of `PeepholeLSTM`; gates in the order i, f, g, o, peepholes in i, f, o."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"] | None
    peepholes: Float[Array, "3 H"]


class PeepholeLSTM(WithCell, PointwiseCell):
    """Long short-term memory with peepholes: each gate also sees the cell, unit by unit.

        p_i, p_f, p_o = peepholes
        i, f, g, o = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        c_t = sigmoid(f + p_f * c_{t-1}) * c_{t-1} + sigmoid(i + p_i * c_{t-1}) * tanh(g)
        h_t = sigmoid(o + p_o * c_t) * tanh(c_t),   y_t = h_t

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: F. Gers, N. Schraudolph & J. Schmidhuber, "Learning precise timing with LSTM
    recurrent networks", Journal of Machine Learning Research 3 (2002).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.PeepholeLSTM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    forget_bias: Leaf = 1.0
    use_bias: bool = jax.tree.static(default=True)
    # The output gate sees the new cell, so that its sum is not complete before `update`.
    blocks: ClassVar = {"input": SIGMOID, "forget": SIGMOID, "candidate": TANH, "output": LINEAR}

    def init(self, key: Key) -> PeepholeLSTMParams:
        """As for `LSTM`; peepholes uniform in [-0.1, 0.1], as in the paper."""
        key, peepholes = jax.random.split(key)
        kernel, recurrent, _ = drawn_blocks(key, self.inputs, self.hidden, 4, bias=False)
        return PeepholeLSTMParams(
            kernel,
            recurrent,
            lstm_bias(self.hidden, self.forget_bias, use=self.use_bias),
            jax.random.uniform(peepholes, (3, self.hidden), minval=-0.1, maxval=0.1),
        )

    def mix(self, params: PeepholeLSTMParams, carry: LSTMCarry) -> Float[Array, "... G"]:
        """`h @ recurrent`, and what the gates i and f see of the cell."""
        seen = [carry.cell * _wide(p, carry.cell) for p in params.peepholes[:2]]
        nothing = jnp.zeros_like(carry.cell)
        peeped = jnp.concatenate([*seen, nothing, nothing], axis=-1)
        return recur(carry.hidden, params.recurrent) + peeped

    def update(
        self, params: PeepholeLSTMParams, carry: LSTMCarry, *blocks: Array
    ) -> tuple[LSTMCarry, Array]:
        i, f, g, o = blocks
        c = f * carry.cell + i * g
        o = jax.nn.sigmoid(o + c * _wide(params.peepholes[2], c))
        h = o * jnp.tanh(c)
        return LSTMCarry(h, c), h

    def gates(self, params: PeepholeLSTMParams, carry: LSTMCarry, x: Array) -> dict[str, Array]:
        """Input, forget and output gate."""
        u, r = self.project(params, x), self.mix(params, carry)
        c = self.gate(params, carry, u, r)[0].cell
        i, f, _, o = jnp.split(u + r, 4, axis=-1)
        sums = {"input": i, "forget": f, "output": o + c * _wide(params.peepholes[2], c)}
        return {name: jax.nn.sigmoid(z) for name, z in sums.items()}


def _wide(peephole: Array, like: Array) -> Array:
    return jnp.broadcast_to(peephole.astype(like.dtype), like.shape)
