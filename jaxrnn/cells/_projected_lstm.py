"""Long short-term memory with a projected hidden state."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Float

from .. import _check
from .._numerics import glorot, recur, zeros
from .._typing import Array, Batch, Carry, Key, Leaf, Params
from ._lstm import LSTMCarry, LSTMLike, LSTMRule, lstm_bias
from ._rule import Rule


class ProjectedLSTMParams(NamedTuple):
    """Parameters of `ProjectedLSTM`; the gates are concatenated in the order i, f, g, o."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "P 4*H"]
    bias: Float[Array, " 4*H"] | None
    projection: Float[Array, "H P"]


class ProjectedRule(Rule):
    """The rule of `LSTM`, followed by the projection."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: Params, carry: Carry, u: Array, r: Array) -> Any:
        (new, _), memory = LSTMRule().remember(cell, params, carry, u, r)
        return _projected(params, new), memory

    def replay(self, cell: Any, params: Params, carry: Carry, memory: Array) -> Any:
        return _projected(params, LSTMRule().replay(cell, params, carry, memory)[0])

    def linearize(self, cell: Any, params: Params, carry: Carry, memory: Array) -> Any:
        return LSTMRule().linearize(cell, params, carry, memory)

    def push(self, cell: Any, params: Params, point: Any, d_carry: Carry, d_z: Array) -> Any:
        return _projected(params, LSTMRule().push(cell, params, point, d_carry, d_z)[0])


def _projected(params: Params, carry: LSTMCarry) -> tuple[LSTMCarry, Array]:
    h = recur(carry.hidden, params.projection)
    return LSTMCarry(h, carry.cell), h.astype(params.kernel.dtype)


class ProjectedLSTM(LSTMLike):
    """Long short-term memory whose hidden state is a projection of a larger cell (LSTMP).

        i, f, g, o = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = (sigmoid(o) * tanh(c_t)) @ projection,   y_t = h_t

    What PyTorch calls `proj_size`. The product with the hidden state is smaller by the ratio of
    both sizes.

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, `[*batch, projected]` and
    `[*batch, hidden]`; y `[*batch, projected]`.

    Args:
        inputs: features of the input.
        hidden: features of the cell.
        projected: features of the hidden state and of the output.
        forget_bias: what `init` adds to the forget gate's bias; it is part of the bias afterwards.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: H. Sak, A. Senior & F. Beaufays, "Long short-term memory recurrent neural network
    architectures for large scale acoustic modeling", Interspeech 2014 (arXiv 1402.1128).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.ProjectedLSTM(3, 8, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    projected: int = jax.tree.static()
    forget_bias: Leaf = 1.0
    use_bias: bool = jax.tree.static(default=True)
    rule = ProjectedRule()

    def __post_init__(self) -> None:
        """Check the sizes."""
        super().__post_init__()
        _check.sizes("ProjectedLSTM", projected=self.projected)

    @property
    def output_shape(self) -> tuple[int]:
        """`(projected,)`."""
        return (self.projected,)

    def init(self, key: Key) -> ProjectedLSTMParams:
        """Glorot kernels per gate, and between the units; the forget bias."""
        kernel, recurrent, projection = jax.random.split(key, 3)
        return ProjectedLSTMParams(
            glorot(kernel, self.inputs, self.hidden, 4),
            glorot(recurrent, self.projected, self.hidden, 4),
            lstm_bias(self.hidden, self.forget_bias, use=self.use_bias),
            glorot(projection, self.hidden, self.projected, 1),
        )

    def carry(self, params: ProjectedLSTMParams, batch: Batch = ()) -> LSTMCarry:
        sizes = self.projected, self.hidden
        return LSTMCarry(*(zeros(batch, size, params.recurrent) for size in sizes))
