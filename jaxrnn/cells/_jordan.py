"""The Jordan network."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, glorot, recur, zeros
from .._typing import Array, Batch, Key
from ._candidate import added
from ._dense import DenseCell
from ._elman import slope
from ._rule import Rule


class JordanParams(NamedTuple):
    """Parameters of `Jordan`."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "O H"]
    output: Float[Array, "H O"]
    bias: Float[Array, " H"] | None
    output_bias: Float[Array, " O"] | None


class JordanRule(Rule):
    """The slopes of both layers; memory: the sum of the hidden layer, and that of the output."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: JordanParams, carry: Array, u: Array, r: Array) -> Any:
        z = u + r
        out = cell.outer(params, z)
        y = cell.output_activation(out)
        return (y.astype(carry.dtype), y.astype(params.kernel.dtype)), (z, out)

    def replay(self, cell: Any, params: JordanParams, carry: Array, memory: Any) -> Any:
        z, out = memory
        # Linear in what is added, so that a second derivative does not count it twice.
        moved = slope(cell.output_activation, out) * added(cell.outer(params, z))
        y = cell.output_activation(out) + moved
        return y.astype(carry.dtype), y.astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: JordanParams, carry: Array, memory: Any) -> Any:
        z, out = memory
        return slope(cell.activation, z), slope(cell.output_activation, out)

    def push(self, cell: Any, params: JordanParams, point: Any, d_carry: Array, d_z: Array) -> Any:
        hidden, output = point
        d_y = output * recur(hidden * d_z, params.output)
        return d_y.astype(d_carry.dtype), d_y.astype(params.kernel.dtype)


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
    rule = JordanRule()

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
        return self.rule.remember(self, params, carry, u, r)[0]

    def outer(self, params: JordanParams, z: Array) -> Array:
        """The sum of the output, from that of the hidden layer."""
        z = recur(self.activation(z), params.output)
        return z if params.output_bias is None else add(z, params.output_bias)
