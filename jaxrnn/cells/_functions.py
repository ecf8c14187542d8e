"""A cell from three plain functions."""

from collections.abc import Callable

import jax

from .._typing import Batch, Carry, Inputs, Key, Params
from ._cell import Cell


class FunctionCell(Cell):
    """A cell whose three functions are given; made by `from_functions`."""

    init_function: Callable[[Key], Params] = jax.tree.static()
    carry_function: Callable[[Params, Batch], Carry] = jax.tree.static()
    step_function: Callable[[Params, Carry, Inputs], tuple[Carry, Inputs]] = jax.tree.static()

    def init(self, key: Key) -> Params:
        """The given function."""
        return self.init_function(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """The given function."""
        return self.carry_function(params, batch)

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """The given function."""
        return self.step_function(params, carry, x)


def from_functions(
    *,
    init: Callable[[Key], Params],
    carry: Callable[[Params, Batch], Carry],
    step: Callable[[Params, Carry, Inputs], tuple[Carry, Inputs]],
) -> FunctionCell:
    """Make a cell from three plain functions.

    It runs on every engine that needs only `step`. Functions compare by identity: define them once,
    at the top of a module, or each rebuilt cell is compiled anew.

    Args:
        init: `init(key) -> params`.
        carry: `carry(params, batch) -> carry`, arrays `[*batch, ...]`.
        step: `step(params, carry, x) -> (carry, y)`, with x `[*batch, features]`.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> def step(params, h, x):
        ...     h = jnp.tanh(jnp.concatenate([x, h], -1) @ params)
        ...     return h, h
        >>> cell = jaxrnn.cells.from_functions(
        ...     init=lambda key: 0.3 * jax.random.normal(key, (7, 4)),
        ...     carry=lambda params, batch: jnp.zeros((*batch, 4)),
        ...     step=step)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jnp.ones((5, 2, 3)))[1].shape
        (5, 2, 4)
    """
    return FunctionCell(init, carry, step)
