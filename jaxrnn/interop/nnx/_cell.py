"""`NnxCell`: a cell of flax.nnx as a cell of jaxrnn."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ..._typing import Batch, Carry, Inputs, Key, Params
from ...cells import Cell
from ._cells import pure


class NnxCell(Cell):
    """Any cell of flax.nnx, one's own too, as a cell of jaxrnn.

    It runs on every engine that needs only `step`, with masks, resets and layers around it. An nnx
    module is made together with its parameters, so the noun holds what makes it. The parameters are
    every `nnx.Param` of the module, in nested dicts: of a module that is there,
    `nnx.to_pure_dict(nnx.state(module, nnx.Param))`. For flax's own cells, `network` gives
    cells that run faster.

    Args:
        make: makes the module, `make(rngs=nnx.Rngs(0))`. Functions compare by identity: define it
            once, at the top of a module.
        inputs: the features of one step, or its shape: `(32, 32, 3)` for images.

    Raises:
        TypeError: a cell that keeps variables besides its parameters, such as running statistics,
            or that draws random numbers.

    Example:
        >>> import functools, jax, jax.numpy as jnp, jaxrnn
        >>> from flax import nnx
        >>> make = functools.partial(nnx.GRUCell, 3, 4, activation_fn=nnx.relu)
        >>> cell = jaxrnn.interop.nnx.NnxCell(make, 3)
        >>> params = cell.init(jax.random.key(0))
        >>> carry, ys = jaxrnn.unroll(cell, params, jnp.ones((7, 2, 3)), lengths=jnp.array([7, 5]))
        >>> carry.shape, ys.shape
        ((2, 4), (7, 2, 4))
    """

    make: Callable[..., nnx.Module] = jax.tree.static()
    inputs: int | tuple[int, ...] = jax.tree.static()

    def init(self, key: Key) -> Params:
        """The parameters that the module is made with."""
        return pure(nnx.state(self._made(key), nnx.Param))

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """What the module's `initialize_carry` makes."""
        module: Any = self._made(jax.random.key(0))
        return module.initialize_carry((*batch, *self.input_shape), nnx.Rngs(0))

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """What the module returns."""
        module: Any = self._made(jax.random.key(0))
        nnx.update(module, params)
        before = jax.tree.leaves(nnx.state(module, nnx.RngState))
        result: Any = module(carry, x)
        after = jax.tree.leaves(nnx.state(module, nnx.RngState))
        if any(old is not new for old, new in zip(before, after, strict=True)):
            raise TypeError(
                f"NnxCell: {type(module).__name__} draws random numbers in its step, which would "
                "be the same at every step. Give it `deterministic=True`, and use "
                "`cells.StateDropout` or `cells.RecurrentDropout` around a cell of jaxrnn."
            )
        return result

    def _made(self, key: Key) -> nnx.Module:
        module = self.make(rngs=nnx.Rngs(key))
        others = nnx.state(module, nnx.Not(nnx.Any(nnx.Param, nnx.RngState)))
        if jax.tree.leaves(others):
            names = ", ".join(".".join(map(str, path)) for path, _ in nnx.to_flat_state(others))
            raise TypeError(
                f"NnxCell: {type(module).__name__} keeps {names} besides its parameters; a cell of "
                "jaxrnn has its state in the carry."
            )
        return module

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(inputs,)`, or the shape that was given."""
        return (self.inputs,) if isinstance(self.inputs, int) else self.inputs

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of one step's output."""

        def first(key: Key) -> Any:
            params = self.init(key)
            return self.step(params, self.carry(params), jnp.zeros(self.input_shape))[1]

        return jax.eval_shape(first, jax.random.key(0)).shape
