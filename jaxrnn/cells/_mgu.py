"""The minimal gated unit."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import glorot, orthogonal
from .._typing import Array, Key
from ._candidate import CandidateRule
from ._dense import DenseCell


class MGUParams(NamedTuple):
    """Parameters of `MGU`; the blocks of `kernel` and `bias` are f and n."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "H H"]
    candidate: Float[Array, "H H"]
    bias: Float[Array, " 2*H"] | None


class MGU(DenseCell):
    """The minimal gated unit: one gate does what reset and update gate of a GRU do.

        u_f, u_n = split(x_t @ kernel + bias)
        f   = sigmoid(u_f + h_{t-1} @ recurrent)
        n   = tanh(u_n + (f * h_{t-1}) @ candidate)
        h_t = (1 - f) * h_{t-1} + f * n,   y_t = h_t

    The candidate's product waits for the gate, so a step has two products in a row.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: G.-B. Zhou et al., "Minimal gated unit for recurrent neural networks", International
    Journal of Automation and Computing 13 (2016; arXiv 1603.09420).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.MGU(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    rule = CandidateRule()

    def init(self, key: Key) -> MGUParams:
        """Glorot kernels per block, orthogonal kernels between the units, biases of zero."""
        kernel, recurrent, candidate = jax.random.split(key, 3)
        return MGUParams(
            glorot(kernel, self.inputs, self.hidden, 2),
            orthogonal(recurrent, self.hidden, 1),
            orthogonal(candidate, self.hidden, 1),
            jnp.zeros(2 * self.hidden) if self.use_bias else None,
        )

    def gate(self, params: MGUParams, carry: Array, u: Array, r: Array) -> tuple[Array, Array]:
        """The gate, then the candidate with its own product."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def opened(self, f: Array) -> tuple[Array, Array, Array, Array]:
        """What `CandidateRule` asks for: the gate resets, and it keeps what it does not update."""
        slope = f * (1 - f)
        return f, 1 - f, slope, -slope

    def gates(self, params: MGUParams, carry: Array, x: Array) -> dict[str, Array]:
        """The gate, which forgets and updates."""
        u_f = jnp.split(self.project(params, x), 2, axis=-1)[0]
        return {"update": jax.nn.sigmoid(u_f + self.mix(params, carry))}
