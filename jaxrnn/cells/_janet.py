"""Just another network: long short-term memory with a forget gate alone."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._typing import Array, Key, Leaf
from ._dense import drawn_blocks
from ._pointwise import PointwiseCell
from ._squash import SIGMOID, TANH


class JANETParams(NamedTuple):
    """Parameters of `JANET`; the blocks are concatenated in the order s, c."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "H 2*H"]
    bias: Float[Array, " 2*H"] | None


class JANET(PointwiseCell):
    """Long short-term memory reduced to its forget gate.

        s, c = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        h_t  = sigmoid(s) * h_{t-1} + (1 - sigmoid(s - beta)) * tanh(c),   y_t = h_t

    With `beta > 0` more is written than is forgotten, so that what was kept for long is not drowned
    at once; the state may exceed 1. The bias of s starts as the chrono initialisation: units forget
    at rates that suit dependencies of up to `max_time` steps.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        beta: how much less the written part is closed than the kept one.
        max_time: the longest dependency that `init` expects, in steps, at least 2.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: J. van der Westhuizen & J. Lasenby, "The unreasonable effectiveness of the forget
    gate", 2018 (arXiv 1804.04849); C. Tallec & Y. Ollivier, "Can recurrent neural networks warp
    time?", ICLR 2018, for the chrono initialisation.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.JANET(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    beta: Leaf = 1.0
    max_time: Leaf = 100.0
    use_bias: bool = jax.tree.static(default=True)
    blocks: ClassVar = {"forget": SIGMOID, "candidate": TANH}

    def __post_init__(self) -> None:
        """Check the sizes and the time."""
        super().__post_init__()
        _check.number("JANET", beta=self.beta, max_time=self.max_time)
        if not _check.holds(lambda time: time >= 2, self.max_time):
            raise ValueError(f"JANET: max_time must be at least 2 steps, got {self.max_time}")

    def init(self, key: Key) -> JANETParams:
        """Glorot and orthogonal kernels; the bias of s is `log(uniform(1, max_time - 1))`."""
        key, times = jax.random.split(key)
        params = JANETParams(*drawn_blocks(key, self.inputs, self.hidden, 2, bias=self.use_bias))
        if params.bias is None:
            return params
        time = 1 + (self.max_time - 2) * jax.random.uniform(times, (self.hidden,))
        return params._replace(bias=params.bias.at[: self.hidden].set(jnp.log(time)))

    def update(self, params: JANETParams, carry: Array, *blocks: Array) -> tuple[Array, Array]:
        f, c = blocks
        # 1 - sigmoid(s - beta), from f = sigmoid(s).
        more = jnp.exp(jnp.asarray(self.beta, f.dtype)) * (1 - f)
        h = f * carry + more / (f + more) * c
        return h, h
