"""The matrix-to-matrix recurrent network."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import add, dot, glorot
from .._typing import Array, Batch, Key
from ._block_lstm import orthogonal_heads
from ._cell import GatedCell
from ._rule import Rule


class M2RNNParams(NamedTuple):
    """Parameters of `M2RNN`, of N heads with keys of K and values of V features."""

    query: Float[Array, "I N*K"]
    key: Float[Array, "I N*K"]
    value: Float[Array, "I N*V"]
    forget: Float[Array, "I N"]
    recurrent: Float[Array, "N V V"]
    bias: Float[Array, " N"] | None


class M2RNNInputs(NamedTuple):
    """What the inputs of a step contribute to `M2RNN`."""

    query: Float[Array, "... N K"]
    key: Float[Array, "... N K"]
    value: Float[Array, "... N V"]
    forget: Float[Array, "... N"]


class M2RNNRule(Rule):
    """The products of the derivative; memory: the inputs' part, and Z."""

    def remember(self, cell: Any, params: Any, carry: Array, u: M2RNNInputs, r: Array) -> Any:
        z = jnp.tanh(r + outer(u.key, u.value))
        f = u.forget[..., None, None]
        new = z + f * (carry - z)
        y = jnp.einsum("...k,...kv->...v", u.query, new)
        y = y.reshape(*y.shape[:-2], cell.hidden).astype(params.recurrent.dtype)
        return (new, y), (u, z)

    def linearize(self, cell: Any, params: Any, carry: Array, memory: Any) -> Any:
        u, z = memory
        f = u.forget[..., None, None]
        return u, z + f * (carry - z), carry - z, (1 - f) * (1 - z**2)

    def merge(self, d_u: M2RNNInputs, d_r: Array) -> Any:
        return d_u, d_r

    def push(self, cell: Any, params: Any, point: Any, d_carry: Array, d_z: Any) -> Any:
        u, new, towards_old, slope = point
        d_u, d_r = d_z
        d_sum = d_r + outer(d_u.key, u.value) + outer(u.key, d_u.value)
        d_new = u.forget[..., None, None] * d_carry + towards_old * d_u.forget[..., None, None]
        d_new = d_new + slope * d_sum
        d_y = jnp.einsum("...k,...kv->...v", d_u.query, new)
        d_y = d_y + jnp.einsum("...k,...kv->...v", u.query, d_new)
        d_y = d_y.reshape(*d_y.shape[:-2], cell.hidden)
        return d_new, d_y.astype(params.recurrent.dtype)


class M2RNN(GatedCell):
    """The matrix-to-matrix network: a nonlinear recurrence whose state is a matrix in every head.

        q, k, v, f = heads of x_t @ query, x_t @ key, x_t @ value, sigmoid(x_t @ forget + bias)
        Z_t = tanh(S_{t-1} @ recurrent + k v^T)
        S_t = f * S_{t-1} + (1 - f) * Z_t
        y_t = the heads' q^T S_t, side by side

    It remembers as much as linear attention does, and follows states as a nonlinear network can.

    Shapes: x `[*batch, inputs]`; carry `[*batch, heads, key_size, hidden / heads]`; y
    `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the output, those of all heads' values.
        heads: they divide `hidden`.
        key_size: rows of every head's state; by default as many as columns.
        use_bias: whether f has a bias; without one `params.bias` is None.

    Reference: M. Mishra et al., "M2RNN: non-linear RNNs with matrix-valued states for scalable
    language modeling", 2026 (arXiv 2603.14360).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.M2RNN(3, 4, heads=2)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    heads: int = jax.tree.static(default=1)
    key_size: int | None = jax.tree.static(default=None)
    use_bias: bool = jax.tree.static(default=True)
    rule = M2RNNRule()

    def __post_init__(self) -> None:
        """Check the sizes and the heads."""
        _check.sizes("M2RNN", inputs=self.inputs, hidden=self.hidden)
        _check.heads("M2RNN", self.heads, hidden=self.hidden)
        if self.key_size is not None:
            _check.sizes("M2RNN", key_size=self.key_size)

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden,)`."""
        return (self.hidden,)

    def init(self, key: Key) -> M2RNNParams:
        """Glorot kernels, orthogonal recurrent matrices, a bias of zero."""
        rows, columns = self._sizes
        keys = jax.random.split(key, 5)
        return M2RNNParams(
            glorot(keys[0], self.inputs, rows, self.heads),
            glorot(keys[1], self.inputs, rows, self.heads),
            glorot(keys[2], self.inputs, columns, self.heads),
            glorot(keys[3], self.inputs, 1, self.heads),
            orthogonal_heads(keys[4], self.hidden, self.heads, 1),
            jnp.zeros(self.heads) if self.use_bias else None,
        )

    def carry(self, params: M2RNNParams, batch: Batch = ()) -> Float[Array, "*batch N K V"]:
        kind = at_least_float32(params.recurrent.dtype)
        return jnp.zeros((*batch, self.heads, *self._sizes), kind)

    def project(self, params: M2RNNParams, x: Array) -> M2RNNInputs:
        """Queries, keys and values of all heads, and how much each forgets."""
        f = dot(x, params.forget)
        f = jax.nn.sigmoid(f if params.bias is None else add(f, params.bias))
        q, k, v = (dot(x, kernel) for kernel in (params.query, params.key, params.value))
        q, k, v = (part.reshape(*part.shape[:-1], self.heads, -1) for part in (q, k, v))
        return M2RNNInputs(q, k, v, f)

    def mix(self, params: M2RNNParams, carry: Array) -> Float[Array, "... N K V"]:
        """`S @ recurrent`, head by head."""
        kind, narrow = carry.dtype, carry.astype(params.recurrent.dtype)
        return jnp.einsum(
            "...nkv,nvw->...nkw", narrow, params.recurrent, preferred_element_type=kind
        )

    def gate(
        self, params: M2RNNParams, carry: Array, u: M2RNNInputs, r: Array
    ) -> tuple[Array, Array]:
        """The new matrices, and what the queries read of them."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: M2RNNParams, carry: Array, x: Array) -> dict[str, Array]:
        """How much every head keeps."""
        return {"forget": self.project(params, x).forget}

    @property
    def _sizes(self) -> tuple[int, int]:
        """Rows and columns of a head's state."""
        columns = self.hidden // self.heads
        return (columns if self.key_size is None else self.key_size), columns


def outer(a: Array, b: Array) -> Array:
    """`a b^T`, head by head."""
    return a[..., :, None] * b[..., None, :]
