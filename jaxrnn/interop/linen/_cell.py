"""`LinenCell`: a cell of flax.linen as a cell of jaxrnn."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from ..._typing import Batch, Carry, Inputs, Key, Params
from ...cells import Cell


class LinenCell(Cell):
    """Any cell of flax.linen, one's own too, as a cell of jaxrnn.

    It runs on every engine that needs only `step`, with masks, resets and layers around it. The
    parameters are the module's collection `"params"`. For flax's own cells, `network` gives cells
    that run faster.

    Args:
        module: a cell of flax, `module(carry, x) -> (carry, y)` with `initialize_carry`.
        inputs: the features of one step, or its shape: `(32, 32, 3)` for images.

    Raises:
        TypeError: a cell that keeps variables besides its parameters, such as running statistics.

    Example:
        >>> import flax.linen as nn, jax, jax.numpy as jnp, jaxrnn
        >>> from jaxrnn.interop import linen
        >>> cell = linen.LinenCell(nn.GRUCell(4, activation_fn=nn.relu), 3)
        >>> params = cell.init(jax.random.key(0))
        >>> carry, ys = jaxrnn.unroll(cell, params, jnp.ones((7, 2, 3)), lengths=jnp.array([7, 5]))
        >>> carry.shape, ys.shape
        ((2, 4), (7, 2, 4))
    """

    module: nn.Module = jax.tree.static()
    inputs: int | tuple[int, ...] = jax.tree.static()

    def init(self, key: Key) -> Params:
        """What `module.init` draws."""
        x = jnp.zeros(self.input_shape)
        variables = dict(self.module.init(key, self._carry(()), x))
        params = variables.pop("params", {})
        if variables:
            raise TypeError(
                f"LinenCell: {type(self.module).__name__} keeps {', '.join(variables)} besides its "
                "parameters; a cell of jaxrnn has its state in the carry."
            )
        return params

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """What `module.initialize_carry` makes, from a key of its own."""
        return self._carry(batch)

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """What the module returns."""
        result: Any = self.module.apply({"params": params}, carry, x)
        return result

    def _carry(self, batch: Batch) -> Carry:
        return self.module.initialize_carry(jax.random.key(0), (*batch, *self.input_shape))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(inputs,)`, or the shape that was given."""
        return (self.inputs,) if isinstance(self.inputs, int) else self.inputs

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of one step's output."""

        def first(key: Key) -> Any:
            x = jnp.zeros(self.input_shape)
            return self.module.init_with_output(key, self._carry(()), x)[0][1]

        return jax.eval_shape(first, jax.random.key(0)).shape
