"""The rule of cells whose candidate has a product of its own, after a gate."""

from typing import Any

import jax
import jax.numpy as jnp

from .._numerics import recur, together
from .._typing import Array
from ._rule import Rule


class CandidateRule(Rule):
    """The derivative of a state that moves towards a candidate, both gated.

        gates       = sigmoid(u_gates + r)
        reset, keep = two of the gates, or functions of one
        n           = tanh(u_n + (reset * h) @ candidate)
        h'          = n + keep * (h - n)

    The cell says by `opened(gates)` what reset and keep are, and their slopes by the sums. Both
    products of a step stay in the loops, the candidate's only transposed in the backward one.
    """

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: Any, carry: Array, u: Array, r: Array) -> Any:
        width = r.shape[-1]
        gates = together(jax.nn.sigmoid(u[..., :width] + r))
        reset, keep, _, _ = cell.opened(gates)
        n = jnp.tanh(u[..., width:] + recur(reset * carry, params.candidate))
        h = n + keep * (carry - n)
        return (h, h.astype(params.kernel.dtype)), (gates, n)

    def replay(self, cell: Any, params: Any, carry: Array, memory: Any) -> Any:
        gates, n = memory
        reset, keep, _, _ = cell.opened(gates)
        moved = (1 - keep) * (1 - n**2) * added(recur(reset * carry, params.candidate))
        h = n + keep * (carry - n) + moved
        return h, h.astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: Any, carry: Array, memory: Any) -> Any:
        gates, n = memory
        reset, keep, d_reset, d_keep = cell.opened(gates)
        return reset, keep, carry * d_reset, (carry - n) * d_keep, (1 - keep) * (1 - n**2)

    def merge(self, d_u: Array, d_r: Array) -> tuple[Array, Array]:
        """The sums of the gates, and that of the candidate."""
        width = d_r.shape[-1]
        return d_u[..., :width] + d_r, d_u[..., width:]

    def push(self, cell: Any, params: Any, point: Any, d_carry: Array, d_z: Any) -> Any:
        reset, keep, by_reset, by_keep, slope = point
        d_sums, d_n = d_z
        d_gates = jnp.split(d_sums, d_sums.shape[-1] // cell.hidden, axis=-1)
        d_n = d_n + recur(reset * d_carry + by_reset * d_gates[0], params.candidate)
        d_h = keep * d_carry + by_keep * d_gates[-1] + slope * d_n
        return d_h, d_h.astype(params.kernel.dtype)


def added(term: Array) -> Array:
    """Zero, with the derivative of a term: what a result has counted already, by its parameters."""
    return term - jax.lax.stop_gradient(term)
