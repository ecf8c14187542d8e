"""The Jordan network."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, glorot, recur, zeros
from .._typing import Array, Batch, Key
from ._dense import DenseCell


class JordanParams(NamedTuple):
    """Parameters of `Jordan`."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "O H"]
    output: Float[Array, "H O"]
    bias: Float[Array, " H"] | None
    output_bias: Float[Array, " O"] | None


class Jordan(DenseCell):
    """The Jordan network: what it remembers is its output.

        h_t = activation(x_t @ kernel + bias + y_{t-1} @ recurrent)
        y_t = output_activation(h_t @ output + output_bias)

    With the true outputs in the place of y_{t-1} it can be trained without recurrence; an `Elman`
    network remembers its hidden state instead.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, outputs]`.

    Args:
        inputs: features of the input.
        hidden: units of the hidden layer.
        outputs: features of the output, which is the state.
        activation: of the hidden layer, any elementwise function.
        output_activation: of the output, likewise.
        use_bias: whether there are biases; without, they are None in the parameters.

    Reference: M. I. Jordan, "Serial order: a parallel distributed processing approach", report
    8604, Institute for Cognitive Science, University of California, San Diego, 1986.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.Jordan(3, 8, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    outputs: int = jax.tree.static()
    activation: Callable[[Array], Array] = jax.tree.static(default=jnp.tanh)
    output_activation: Callable[[Array], Array] = jax.tree.static(default=jnp.tanh)
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        """Check the sizes."""
        super().__post_init__()
        _check.sizes("Jordan", outputs=self.outputs)

    @property
    def output_shape(self) -> tuple[int]:
        """`(outputs,)`."""
        return (self.outputs,)

    def init(self, key: Key) -> JordanParams:
        """Glorot kernels, biases of zero."""
        kernel, recurrent, output = jax.random.split(key, 3)
        return JordanParams(
            glorot(kernel, self.inputs, self.hidden, 1),
            glorot(recurrent, self.outputs, self.hidden, 1),
            glorot(output, self.hidden, self.outputs, 1),
            jnp.zeros(self.hidden) if self.use_bias else None,
            jnp.zeros(self.outputs) if self.use_bias else None,
        )

    def carry(self, params: JordanParams, batch: Batch = ()) -> Array:
        return zeros(batch, self.outputs, params.recurrent)

    def gate(self, params: JordanParams, carry: Array, u: Array, r: Array) -> tuple[Array, Array]:
        """The hidden layer, then the output with its own product."""
        z = recur(self.activation(u + r), params.output)
        z = z if params.output_bias is None else add(z, params.output_bias)
        y = self.output_activation(z)
        return y.astype(carry.dtype), y.astype(params.kernel.dtype)
