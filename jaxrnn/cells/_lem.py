"""Long expressive memory."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import recur, zeros
from .._typing import Array, Batch, Key, Leaf
from ._dense import DenseCell
from ._per_unit import per_unit
from ._rule import Rule
from ._squash import SIGMOID, TANH, squashed


class LEMParams(NamedTuple):
    """Parameters of `LEM`; the blocks are those of g, f, z, y, of which `recurrent` lacks y."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 3*H"]
    transform: Float[Array, "H H"]
    bias: Float[Array, " 4*H"]


class LEMCarry(NamedTuple):
    """Carry of `LEM`."""

    hidden: Float[Array, "*batch H"]
    memory: Float[Array, "*batch H"]


class LEMRule(Rule):
    """The factors of both derivatives; memory: the squashed sums, u_y, and y's candidate."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: LEMParams, carry: LEMCarry, u: Array, r: Array) -> Any:
        cut = 3 * cell.hidden
        known = squashed(u[..., :cut] + r, (SIGMOID, SIGMOID, TANH))
        return self._gate(cell, params, carry, known, u[..., cut:])

    def replay(self, cell: Any, params: LEMParams, carry: LEMCarry, memory: Any) -> Any:
        return self._gate(cell, params, carry, *memory[:2])[0]

    def _gate(
        self, cell: Any, params: LEMParams, carry: LEMCarry, known: Array, u_y: Array
    ) -> tuple[tuple[LEMCarry, Array], tuple[Array, Array, Array]]:
        (y, z), dt = carry, per_unit("LEM", "dt", cell.dt, carry.hidden)
        g, f, new = jnp.split(known, 3, axis=-1)
        z = z + dt * g * (new - z)
        candidate = jnp.tanh(u_y + recur(z, params.transform))
        y = y + dt * f * (candidate - y)
        return (LEMCarry(y, z), y.astype(params.kernel.dtype)), (known, u_y, candidate)

    def linearize(self, cell: Any, params: LEMParams, carry: LEMCarry, memory: Any) -> Any:
        (y, z), dt = carry, per_unit("LEM", "dt", cell.dt, carry.hidden)
        g, f, new = jnp.split(memory[0], 3, axis=-1)
        candidate = memory[2]
        of_z = 1 - dt * g, dt * g * (1 - g) * (new - z), dt * g * (1 - new**2)
        return of_z, (1 - dt * f, dt * f * (1 - f) * (candidate - y), dt * f * (1 - candidate**2))

    def merge(self, d_u: Array, d_r: Array) -> Array:
        """All but the candidate of y read `u + r`; that one reads u alone."""
        cut = d_r.shape[-1]
        return jnp.concatenate([d_u[..., :cut] + d_r, d_u[..., cut:]], axis=-1)

    def push(
        self, cell: Any, params: LEMParams, point: Any, d_carry: LEMCarry, d_z: Array
    ) -> tuple[LEMCarry, Array]:
        (z_z, z_g, z_new), (y_y, y_f, y_candidate) = point
        d_g, d_f, d_new, d_candidate = jnp.split(d_z, 4, axis=-1)
        d_memory = z_z * d_carry.memory + z_g * d_g + z_new * d_new
        d_candidate = d_candidate + recur(d_memory, params.transform)
        d_hidden = y_y * d_carry.hidden + y_f * d_f + y_candidate * d_candidate
        return LEMCarry(d_hidden, d_memory), d_hidden.astype(params.kernel.dtype)


class LEM(DenseCell):
    """Long expressive memory: two states, each with a time step of its own that is learned.

        u_g, u_f, u_z, u_y = split(x_t @ kernel + bias)
        r_g, r_f, r_z      = split(y_{t-1} @ recurrent)
        g   = dt sigmoid(u_g + r_g),   f = dt sigmoid(u_f + r_f)
        z_t = (1 - g) z_{t-1} + g tanh(u_z + r_z)
        y_t = (1 - f) y_{t-1} + f tanh(u_y + z_t @ transform)

    It discretises two coupled differential equations, in several time scales at once. The product
    with z_t waits for it, so a step has two products in a row.

    Shapes: x `[*batch, inputs]`; carry `LEMCarry(hidden, memory)`, y and z of the equations, each
    `[*batch, hidden]`, as the output.

    Args:
        inputs: features of the input.
        hidden: features of each state.
        dt: the longest time of a step; a leaf.

    Raises:
        ValueError: `dt` at or below 0.

    Reference: T. K. Rusch et al., "Long expressive memory for sequence modeling", ICLR 2022.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.LEM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[0].memory.shape
        (2, 4)
    """

    dt: Leaf = 1.0
    rule = LEMRule()

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        super().__post_init__()
        _check.positive("LEM", dt=self.dt)

    def init(self, key: Key) -> LEMParams:
        """Everything uniform in `+-1 / sqrt(hidden)`."""
        size, bound = self.hidden, self.hidden**-0.5
        shapes = (self.inputs, 4 * size), (size, 3 * size), (size, size), (4 * size,)
        keys = jax.random.split(key, 4)
        return LEMParams(
            *(
                jax.random.uniform(k, shape, minval=-bound, maxval=bound)
                for k, shape in zip(keys, shapes, strict=True)
            )
        )

    def carry(self, params: LEMParams, batch: Batch = ()) -> LEMCarry:
        """Zeros."""
        return LEMCarry(*(zeros(batch, self.hidden, params.recurrent) for _ in "yz"))

    def mix(self, params: LEMParams, carry: LEMCarry) -> Float[Array, "... G"]:
        """`y @ recurrent`."""
        return recur(carry.hidden, params.recurrent)

    def gate(
        self, params: LEMParams, carry: LEMCarry, u: Array, r: Array
    ) -> tuple[LEMCarry, Array]:
        """The memory, then the output with its own product."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: LEMParams, carry: LEMCarry, x: Array) -> dict[str, Array]:
        """The share of `dt` that memory and output take."""
        z = self.project(params, x)[..., : 2 * self.hidden]
        z = z + self.mix(params, carry)[..., : 2 * self.hidden]
        memory, hidden = jnp.split(jax.nn.sigmoid(z), 2, axis=-1)
        return {"memory": memory, "output": hidden}
