"""The Elman network."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import Initializer, drawn
from .._typing import Array, Key
from ._dense import DenseCell
from ._initial import glorot, orthogonal
from ._rule import Rule
from ._squash import KNOWN


class ElmanParams(NamedTuple):
    """Parameters of `Elman` and `Leaky`."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " H"] | None


class ElmanRule(Rule):
    """`d_h = slope * d_z`, at `z = u + r`; memory: h where the slope follows from it, or z."""

    def remember(self, cell: Any, params: Any, carry: Array, u: Array, r: Array) -> Any:
        z = u + r
        h = cell.activation(z)
        # A loop stores an array once that is the output too.
        memory = h if cell.activation in KNOWN else z
        return (h.astype(carry.dtype), h.astype(params.kernel.dtype)), memory

    def linearize(self, cell: Any, params: Any, carry: Array, memory: Array) -> Array:
        kind = KNOWN.get(cell.activation)
        return slope(cell.activation, memory) if kind is None else kind.slope(memory)

    def push(
        self, cell: Any, params: Any, point: Array, d_carry: Array, d_z: Array
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
        kernel_init: how the kernel is drawn, `(key, shape, dtype) -> Array`.
        recurrent_init: how the recurrent kernel is drawn. The IRNN is
            `Elman(inputs, hidden, jax.nn.relu, recurrent_init=cells.identity)`.
        bias_init: how the bias is drawn.
        use_bias: whether there is a bias; without one `params.bias` is None.

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
    kernel_init: Initializer = jax.tree.static(default=glorot)
    recurrent_init: Initializer = jax.tree.static(default=orthogonal)
    bias_init: Initializer = jax.tree.static(default=jax.nn.initializers.zeros)
    use_bias: bool = jax.tree.static(default=True)
    rule = ElmanRule()

    def init(self, key: Key) -> ElmanParams:
        """What the initialisers draw: a Glorot and an orthogonal kernel, and a bias of zero."""
        return init_elman(self, key)

    def gate(
        self,
        params: ElmanParams,
        carry: Float[Array, "... H"],
        u: Float[Array, "... H"],
        r: Float[Array, "... H"],
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """`activation(u + r)`."""
        return self.rule.remember(self, params, carry, u, r)[0]


def slope(activation: Callable[[Array], Array], z: Array) -> Array:
    """The derivative of an elementwise function at every element."""
    return jax.jvp(activation, (z,), (jnp.ones_like(z),))[1]


def init_elman(cell: Any, key: Key) -> ElmanParams:
    """The parameters that `Elman` and `Leaky` start from."""
    kernel, recurrent = jax.random.split(key)
    who, bias = type(cell).__name__, jax.random.fold_in(key, 2)
    inputs, hidden = cell.inputs, cell.hidden
    return ElmanParams(
        kernel=drawn(who, "kernel_init", cell.kernel_init, kernel, inputs, hidden),
        recurrent=drawn(who, "recurrent_init", cell.recurrent_init, recurrent, hidden, hidden),
        bias=drawn(who, "bias_init", cell.bias_init, bias, hidden) if cell.use_bias else None,
    )
