"""The multiplicative LSTM."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot, glorot, orthogonal, recur
from .._typing import Array, Key, Leaf
from ._candidate import added
from ._lstm import LSTMCarry, LSTMRule, WithCell, lstm_bias
from ._rule import Rule


class MultiplicativeLSTMParams(NamedTuple):
    """Parameters of `MultiplicativeLSTM`; blocks of the kernel in the order m, i, f, g, o."""

    kernel: Float[Array, "I 5*H"]
    recurrent: Float[Array, "H H"]
    intermediate: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"] | None


class MultiplicativeRule(Rule):
    """The intermediate product, then the rule of `LSTM`; memory: what made m, and the gates."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: Any, carry: LSTMCarry, u: Array, r: Array) -> Any:
        factor, u = u[..., : cell.hidden], u[..., cell.hidden :]
        z = recur(factor * r, params.intermediate)
        result, gates = LSTMRule().remember(cell, params, carry, u, z)
        return result, (factor, r, gates)

    def replay(self, cell: Any, params: Any, carry: LSTMCarry, memory: Any) -> Any:
        factor, r, gates = memory
        term = added(recur(factor * r, params.intermediate))
        point = LSTMRule().linearize(cell, params, carry, gates)
        still = jax.tree.map(jnp.zeros_like, carry)
        moved = LSTMRule().push(cell, params, point, still, term)
        return jax.tree.map(jnp.add, LSTMRule().replay(cell, params, carry, gates), moved)

    def linearize(self, cell: Any, params: Any, carry: LSTMCarry, memory: Any) -> Any:
        factor, r, gates = memory
        return factor, r, LSTMRule().linearize(cell, params, carry, gates)

    def merge(self, d_u: Array, d_r: Array) -> Any:
        return d_u, d_r

    def push(self, cell: Any, params: Any, point: Any, d_carry: LSTMCarry, d_z: Any) -> Any:
        factor, r, gates = point
        d_u, d_r = d_z
        d_m = d_u[..., : cell.hidden] * r + factor * d_r
        d_z = d_u[..., cell.hidden :] + recur(d_m, params.intermediate)
        return LSTMRule().push(cell, params, gates, d_carry, d_z)


class MultiplicativeLSTM(WithCell):
    """The multiplicative LSTM: every input has a recurrent matrix of its own.

        u_m, u = split(x_t @ kernel)
        m_t = u_m * (h_{t-1} @ recurrent)
        i, f, g, o = split(u + bias + m_t @ intermediate)
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t),   y_t = h_t

    The matrix from one hidden state to the next is `recurrent @ diag(u_m) @ intermediate`. A step
    has two products in a row.

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: B. Krause et al., "Multiplicative LSTM for sequence modelling", ICLR 2017 workshop
    (arXiv 1609.07959).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.MultiplicativeLSTM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    forget_bias: Leaf = 1.0
    use_bias: bool = jax.tree.static(default=True)
    rule = MultiplicativeRule()

    def init(self, key: Key) -> MultiplicativeLSTMParams:
        """Glorot kernels, orthogonal kernels between the units, the forget bias."""
        kernel, recurrent, intermediate = jax.random.split(key, 3)
        return MultiplicativeLSTMParams(
            glorot(kernel, self.inputs, self.hidden, 5),
            orthogonal(recurrent, self.hidden, 1),
            orthogonal(intermediate, self.hidden, 4),
            lstm_bias(self.hidden, self.forget_bias, use=self.use_bias),
        )

    def project(self, params: MultiplicativeLSTMParams, x: Array) -> Float[Array, "... G"]:
        """`x @ kernel`, with the biases of the gates."""
        u = dot(x, params.kernel)
        return u if params.bias is None else add(u, jnp.pad(params.bias, (self.hidden, 0)))

    def gate(
        self, params: MultiplicativeLSTMParams, carry: LSTMCarry, u: Array, r: Array
    ) -> tuple[LSTMCarry, Array]:
        """The intermediate state, its product, then the gates of an LSTM."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(
        self, params: MultiplicativeLSTMParams, carry: LSTMCarry, x: Array
    ) -> dict[str, Array]:
        """Input, forget and output gate."""
        u = self.project(params, x)
        m = u[..., : self.hidden] * self.mix(params, carry)
        z = u[..., self.hidden :] + recur(m, params.intermediate)
        i, f, _, o = jnp.split(jax.nn.sigmoid(z), 4, axis=-1)
        return {"input": i, "forget": f, "output": o}
