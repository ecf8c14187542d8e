"""Gated recurrent units: reset after the recurrent product, and before it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, glorot, orthogonal, recur, together
from .._typing import Array, Key
from ._candidate import CandidateRule
from ._dense import DenseCell, drawn_blocks
from ._rule import Rule


class GRUParams(NamedTuple):
    """Parameters of `GRU`; the blocks are concatenated in the order r, z, n."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "H 3*H"]
    bias: Float[Array, " 3*H"] | None
    candidate_bias: Float[Array, " H"] | None


class GRURule(Rule):
    """The partial derivatives of h; memory: the gates, what the carry contributes to n, and n."""

    def remember(self, cell: Any, params: Any, carry: Array, u: Array, r: Array) -> Any:
        cut = 2 * cell.hidden
        # On a CPU, XLA would fuse all three squashing functions into one loop over slices, which
        # takes two to three times as long; it does not fuse through a concatenation.
        gates = jnp.tanh(0.5 * (u[..., :cut] + r[..., :cut]))
        known = together(jnp.concatenate([gates, r[..., cut:]], axis=-1))
        reset, z, r_n = _gates(known)
        n = jnp.tanh(u[..., cut:] + reset * r_n)
        h = (1 - z) * n + z * carry
        return (h, h.astype(params.kernel.dtype)), (known, n)

    def linearize(self, cell: Any, params: Any, carry: Array, memory: Any) -> Any:
        known, n = memory
        reset, z, r_n = _gates(known)
        h_n = (1 - z) * (1 - n**2)
        h_reset, h_z = h_n * r_n * reset * (1 - reset), (carry - n) * z * (1 - z)
        return z, h_reset, h_z, h_n, reset

    def merge(self, d_u: Array, d_r: Array) -> Array:
        """The gates read `u + r`; the candidate reads u and r apart."""
        cut = 2 * d_u.shape[-1] // 3
        both = d_u[..., :cut] + d_r[..., :cut]
        return jnp.concatenate([both, d_u[..., cut:], d_r[..., cut:]], axis=-1)

    def push(
        self, cell: Any, params: Any, point: Any, d_carry: Array, d_z: Array
    ) -> tuple[Array, Array]:
        h_carry, h_reset, h_z, h_n, reset = point
        d_reset, d_update, u_n, r_n = jnp.split(d_z, 4, axis=-1)
        d_n = h_n * (u_n + reset * r_n)
        d_h = h_carry * d_carry + h_reset * d_reset + h_z * d_update + d_n
        return d_h, d_h.astype(params.kernel.dtype)


def _gates(known: Array) -> tuple[Array, Array, Array]:
    """reset, z, and the carry's share in the candidate: sigmoid(z) = (1 + tanh(z / 2)) / 2."""
    reset, z, r_n = jnp.split(known, 3, axis=-1)
    return 0.5 * reset + 0.5, 0.5 * z + 0.5, r_n


class GRU(DenseCell):
    """The gated recurrent unit whose reset gate acts after the recurrent product.

        u_r, u_z, u_n = split(x_t @ kernel + bias)
        r_r, r_z, r_n = split(h_{t-1} @ recurrent + (0, 0, candidate_bias))
        r   = sigmoid(u_r + r_r),   z = sigmoid(u_z + r_z)
        n   = tanh(u_n + r * r_n)
        h_t = (1 - z) * n + z * h_{t-1},   y_t = h_t

    This is the form of cuDNN, PyTorch and Keras. One product a step serves all gates.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there are biases; without, they are None in the parameters.
        use_candidate_bias: whether the candidate's recurrent product has a bias of its own; flax's
            `nnx.GRUCell` has none.

    Reference: K. Cho et al., EMNLP 2014 (arXiv 1406.1078, version 1, for this form).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.GRU(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    use_candidate_bias: bool = jax.tree.static(default=True)
    rule = GRURule()

    def init(self, key: Key) -> GRUParams:
        """Glorot kernels and orthogonal recurrent kernels per gate, biases of zero."""
        drawn = drawn_blocks(key, self.inputs, self.hidden, 3, bias=self.use_bias)
        candidate = self.use_bias and self.use_candidate_bias
        return GRUParams(*drawn, jnp.zeros(self.hidden) if candidate else None)

    def gate(
        self,
        params: GRUParams,
        carry: Float[Array, "... H"],
        u: Float[Array, "... 3*H"],
        r: Float[Array, "... 3*H"],
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """Reset, update, candidate."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def mix(self, params: GRUParams, carry: Float[Array, "... H"]) -> Float[Array, "... 3*H"]:
        """`h @ recurrent`, with the candidate's bias."""
        if params.candidate_bias is None:
            return recur(carry, params.recurrent)
        bias = jnp.pad(params.candidate_bias, (2 * self.hidden, 0))
        return add(recur(carry, params.recurrent), bias)

    def gate_through(
        self, params: GRUParams, carry: Array, u: Array, r: Array, change: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """The candidate is `n`."""
        size = self.hidden
        known = jax.nn.sigmoid(u[..., : 2 * size] + r[..., : 2 * size])
        reset, z = jnp.split(known, 2, axis=-1)
        n = change(jnp.tanh(u[..., 2 * size :] + reset * r[..., 2 * size :]))
        h = (1 - z) * n + z * carry
        return h, h.astype(params.kernel.dtype)

    def gates(self, params: GRUParams, carry: Array, x: Array) -> dict[str, Array]:
        """Reset and update gate."""
        return opened(self.project(params, x), self.mix(params, carry), self.hidden)


def opened(u: Array, r: Array, size: int) -> dict[str, Array]:
    """Reset and update gate."""
    reset, update = jnp.split(jax.nn.sigmoid(u[..., : 2 * size] + r[..., : 2 * size]), 2, axis=-1)
    return {"reset": reset, "update": update}


class ResetBeforeGRUParams(NamedTuple):
    """Parameters of `ResetBeforeGRU`; the blocks of `kernel` and `bias` are r, z, n."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "H 2*H"]
    candidate: Float[Array, "H H"]
    bias: Float[Array, " 3*H"] | None


class ResetBeforeGRU(DenseCell):
    """The gated recurrent unit as published: the reset gate acts before the recurrent product.

        u_r, u_z, u_n = split(x_t @ kernel + bias)
        r, z = split(sigmoid((u_r, u_z) + h_{t-1} @ recurrent))
        n    = tanh(u_n + (r * h_{t-1}) @ candidate)
        h_t  = (1 - z) * n + z * h_{t-1},   y_t = h_t

    The candidate's product waits for the reset gate, so a step has two products in a row; `GRU`
    has one. Weights of the two forms do not convert into one another.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
    statistical machine translation", EMNLP 2014.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.ResetBeforeGRU(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    use_bias: bool = jax.tree.static(default=True)
    rule = CandidateRule()

    def init(self, key: Key) -> ResetBeforeGRUParams:
        """Glorot kernels and orthogonal recurrent kernels per gate, a bias of zero."""
        kernel, recurrent, candidate = jax.random.split(key, 3)
        return ResetBeforeGRUParams(
            kernel=glorot(kernel, self.inputs, self.hidden, 3),
            recurrent=orthogonal(recurrent, self.hidden, 2),
            candidate=orthogonal(candidate, self.hidden, 1),
            bias=jnp.zeros(3 * self.hidden) if self.use_bias else None,
        )

    def gate(
        self,
        params: ResetBeforeGRUParams,
        carry: Float[Array, "... H"],
        u: Float[Array, "... 3*H"],
        r: Float[Array, "... 2*H"],
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """Reset and update, then the candidate with its own product."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gate_through(
        self,
        params: ResetBeforeGRUParams,
        carry: Array,
        u: Array,
        r: Array,
        change: Callable[[Array], Array],
    ) -> tuple[Array, Array]:
        """The candidate is `n`."""
        size = self.hidden
        reset, z = jnp.split(together(jax.nn.sigmoid(u[..., : 2 * size] + r)), 2, axis=-1)
        n = change(jnp.tanh(u[..., 2 * size :] + recur(reset * carry, params.candidate)))
        h = (1 - z) * n + z * carry
        return h, h.astype(params.kernel.dtype)

    def opened(self, gates: Array) -> tuple[Array, Array, Array, Array]:
        """What `CandidateRule` asks for: reset and update, which keeps, and their slopes."""
        reset, z = jnp.split(gates, 2, axis=-1)
        return reset, z, reset * (1 - reset), z * (1 - z)

    def gates(self, params: ResetBeforeGRUParams, carry: Array, x: Array) -> dict[str, Array]:
        """Reset and update gate."""
        return opened(self.project(params, x), self.mix(params, carry), self.hidden)
