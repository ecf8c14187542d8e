"""Long expressive memory."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import recur, together, zeros
from .._typing import Array, Batch, Key, Leaf
from ._dense import DenseCell
from ._per_unit import per_unit


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
        cut = 3 * self.hidden
        dt = per_unit("LEM", "dt", self.dt, carry.hidden)
        # One tanh serves all: sigmoid(z) = (1 + tanh(z / 2)) / 2.
        half = together(jnp.repeat(jnp.array([0.5, 0.5, 1.0], u.dtype), self.hidden))
        z = u[..., :cut] + r
        g, f, new = jnp.split(together(jnp.tanh(z * jnp.broadcast_to(half, z.shape))), 3, axis=-1)
        memory = carry.memory + dt * (0.5 + 0.5 * g) * (new - carry.memory)
        candidate = jnp.tanh(u[..., cut:] + recur(memory, params.transform))
        hidden = carry.hidden + dt * (0.5 + 0.5 * f) * (candidate - carry.hidden)
        return LEMCarry(hidden, memory), hidden.astype(params.kernel.dtype)

    def gates(self, params: LEMParams, carry: LEMCarry, x: Array) -> dict[str, Array]:
        """The share of `dt` that memory and output take."""
        z = self.project(params, x)[..., : 2 * self.hidden]
        z = z + self.mix(params, carry)[..., : 2 * self.hidden]
        memory, hidden = jnp.split(jax.nn.sigmoid(z), 2, axis=-1)
        return {"memory": memory, "output": hidden}
