"""The independently recurrent network."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import Initializer, drawn, glorot
from .._typing import Array, Key
from ._dense import DenseCell
from ._elman import ElmanRule


class IndRNNParams(NamedTuple):
    """Parameters of `IndRNN`."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, " H"]
    bias: Float[Array, " H"] | None


class IndRNN(DenseCell):
    """The independently recurrent network: every unit remembers itself alone.

        h_t = activation(x_t @ kernel + bias + recurrent * h_{t-1}),   y_t = h_t

    Units meet in the layer above, so it is meant to be stacked. With `jax.nn.relu` a unit keeps its
    value if its weight is 1, and gradients neither grow nor vanish.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        activation: any elementwise function.
        recurrent_init: how the recurrent weights are drawn, `(key, shape, dtype) -> Array`. For
            long sequences the paper starts the last layer near 1.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: S. Li et al., "Independently recurrent neural network (IndRNN): building a longer and
    deeper RNN", CVPR 2018 (arXiv 1803.04831).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.IndRNN(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    activation: Callable[[Array], Array] = jax.tree.static(default=jax.nn.relu)
    recurrent_init: Initializer = jax.tree.static(default=jax.random.uniform)
    use_bias: bool = jax.tree.static(default=True)
    rule = ElmanRule()

    def init(self, key: Key) -> IndRNNParams:
        """Glorot kernel, recurrent weights as they are drawn (in [0, 1]), a bias of zero."""
        kernel, recurrent = jax.random.split(key)
        return IndRNNParams(
            glorot(kernel, self.inputs, self.hidden, 1),
            drawn("IndRNN", "recurrent_init", self.recurrent_init, recurrent, self.hidden),
            jnp.zeros(self.hidden) if self.use_bias else None,
        )

    def mix(self, params: IndRNNParams, carry: Array) -> Array:
        """`recurrent * h`."""
        return carry * jnp.broadcast_to(params.recurrent.astype(carry.dtype), carry.shape)

    def gate(self, params: IndRNNParams, carry: Array, u: Array, r: Array) -> tuple[Array, Array]:
        """`activation(u + r)`."""
        return self.rule.remember(self, params, carry, u, r)[0]
