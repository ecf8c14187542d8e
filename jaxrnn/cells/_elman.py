"""The Elman network."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import glorot, orthogonal
from .._typing import Array, Key
from ._dense import DenseCell
from ._rule import Rule


class ElmanParams(NamedTuple):
    """Parameters of `Elman` and `Leaky`."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " H"]


class ElmanRule(Rule):
    """`d_h = slope * d_z`, at `z = u + r`."""

    def remember(self, cell: Any, params: ElmanParams, carry: Array, u: Array, r: Array) -> Any:
        return cell.gate(params, carry, u, r), u + r

    def linearize(self, cell: Any, params: ElmanParams, carry: Array, memory: Array) -> Array:
        return slope(cell.activation, memory)

    def push(
        self, cell: Any, params: ElmanParams, point: Array, d_carry: Array, d_z: Array
    ) -> tuple[Array, Array]:
        d_h = point * d_z
        return d_h.astype(d_carry.dtype), d_h.astype(params.kernel.dtype)


class Elman(DenseCell):
    """The simple recurrent network: what PyTorch calls `RNN`, Keras `SimpleRNN`.

        h_t = activation(x_t @ kernel + bias + h_{t-1} @ recurrent),   y_t = h_t

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        activation: any elementwise function: `jnp.tanh`, `jax.nn.relu`, `jax.nn.sigmoid`.

    Reference: J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.Elman(3, 4, jax.nn.relu)
        >>> params = cell.init(jax.random.key(0))
        >>> carry, y = cell.step(params, cell.carry(params), jax.numpy.ones(3))
        >>> y.shape
        (4,)
    """

    activation: Callable[[Array], Array] = jax.tree.static(default=jnp.tanh)
    rule = ElmanRule()

    def init(self, key: Key) -> ElmanParams:
        """Glorot kernel, orthogonal recurrent kernel, no bias."""
        return init_elman(key, self.inputs, self.hidden)

    def gate(
        self,
        params: ElmanParams,
        carry: Float[Array, "... H"],
        u: Float[Array, "... H"],
        r: Float[Array, "... H"],
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """`activation(u + r)`."""
        h = self.activation(u + r)
        return h.astype(carry.dtype), h.astype(params.kernel.dtype)


def slope(activation: Callable[[Array], Array], z: Array) -> Array:
    """The derivative of an elementwise function at every element."""
    return jax.jvp(activation, (z,), (jnp.ones_like(z),))[1]


def init_elman(key: Key, inputs: int, hidden: int) -> ElmanParams:
    """The parameters that `Elman` and `Leaky` start from."""
    kernel, recurrent = jax.random.split(key)
    return ElmanParams(
        kernel=glorot(kernel, inputs, hidden, 1),
        recurrent=orthogonal(recurrent, hidden, 1),
        bias=jnp.zeros(hidden),
    )
