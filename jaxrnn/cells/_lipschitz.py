"""The Lipschitz recurrent network."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import recur
from .._typing import Array, Key, Leaf
from ._dense import DenseCell
from ._per_unit import per_unit
from ._rule import Rule


class LipschitzRNNParams(NamedTuple):
    """Parameters of `LipschitzRNN`; `linear` and `recurrent` are M_A and M_W of the paper."""

    kernel: Float[Array, "I H"]
    linear: Float[Array, "H H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " H"]


class LipschitzRule(Rule):
    """`d_h' = d_h + dt (d_linear + slope * d_z)`, at `z = u + h @ W`."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: Any, carry: Array, u: Array, r: Array) -> Any:
        linear, r = jnp.split(r, 2, axis=-1)
        memory = linear, jnp.tanh(u + r)
        return self.replay(cell, params, carry, memory), memory

    def replay(self, cell: Any, params: Any, carry: Array, memory: Any) -> tuple[Array, Array]:
        linear, force = memory
        h = cell.moved(carry, linear + force)
        return h, h.astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: Any, carry: Array, memory: Any) -> Array:
        return 1 - memory[1] ** 2

    def merge(self, d_u: Array, d_r: Array) -> tuple[Array, Array]:
        """The linear part, and the sum that is squashed."""
        linear, r = jnp.split(d_r, 2, axis=-1)
        return linear, d_u + r

    def push(
        self, cell: Any, params: Any, point: Array, d_carry: Array, d_z: tuple[Array, Array]
    ) -> tuple[Array, Array]:
        d_h = cell.moved(d_carry, d_z[0] + point * d_z[1])
        return d_h, d_h.astype(params.kernel.dtype)


class LipschitzRNN(DenseCell):
    """A linear part and a nonlinearity of Lipschitz constant 1, both with matrices kept stable.

        A = S(linear),  W = S(recurrent),
        S(M) = (1 - beta) (M + M^T) + beta (M - M^T) - gamma I
        h_t = h_{t-1} + dt (h_{t-1} @ A + tanh(x_t @ kernel + bias + h_{t-1} @ W)),   y_t = h_t

    It discretises h' = h A + tanh(h W + ...). `beta` weighs the skew part, whose eigenvalues are
    imaginary, against the symmetric one, and `gamma` damps both.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        dt: the time of a step; a leaf.
        beta: the weight of the skew parts, in [0, 1]; a leaf.
        gamma: damping, at least 0; a leaf.

    Raises:
        ValueError: `dt` at or below 0, `beta` outside [0, 1], or `gamma` below 0.

    Reference: N. B. Erichson et al., "Lipschitz recurrent neural networks", ICLR 2021.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.LipschitzRNN(3, 4, dt=0.03)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    dt: Leaf = 0.01
    beta: Leaf = 0.8
    gamma: Leaf = 0.01
    rule = LipschitzRule()

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        super().__post_init__()
        _check.positive("LipschitzRNN", dt=self.dt)
        _check.at_least_0("LipschitzRNN", gamma=self.gamma)
        _check.number("LipschitzRNN", beta=self.beta, gamma=self.gamma)
        if not _check.holds(lambda beta: (beta >= 0) & (beta <= 1), self.beta):
            raise ValueError(f"LipschitzRNN: beta must lie in [0, 1], got {self.beta}")

    def init(self, key: Key) -> LipschitzRNNParams:
        """Normal: the kernel as Glorot's, the matrices with deviation `1 / hidden`; no bias."""
        kernel, linear, recurrent = jax.random.split(key, 3)
        square = (self.hidden, self.hidden)
        return LipschitzRNNParams(
            kernel=jax.nn.initializers.glorot_normal()(kernel, (self.inputs, self.hidden)),
            linear=jax.random.normal(linear, square) / self.hidden,
            recurrent=jax.random.normal(recurrent, square) / self.hidden,
            bias=jnp.zeros(self.hidden),
        )

    def mix(
        self, params: LipschitzRNNParams, carry: Float[Array, "... H"]
    ) -> Float[Array, "... 2*H"]:
        """`h @ A` and `h @ W`, in one product."""
        both = jnp.concatenate([self._stable(params.linear), self._stable(params.recurrent)], 1)
        return recur(carry, both)

    def gate(
        self, params: LipschitzRNNParams, carry: Array, u: Array, r: Array
    ) -> tuple[Array, Array]:
        """One step of Euler's."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def moved(self, h: Array, slope: Array) -> Array:
        """One step of Euler's, which is linear in the state and its slope."""
        return h + per_unit("LipschitzRNN", "dt", self.dt, h) * slope.astype(h.dtype)

    def _stable(self, matrix: Array) -> Array:
        """S of the equations."""
        beta, gamma = (jnp.asarray(v).astype(matrix.dtype) for v in (self.beta, self.gamma))
        # (1 - beta) (M + M^T) + beta (M - M^T) = M + (1 - 2 beta) M^T
        return matrix + (1 - 2 * beta) * matrix.T - gamma * jnp.eye(self.hidden, dtype=matrix.dtype)
