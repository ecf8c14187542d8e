"""A cell from three plain functions."""

from collections.abc import Callable
from typing import Any

import jax

from .. import _check
from .._typing import Batch, Carry, Inputs, Key, Params
from ._cell import Cell


class FunctionCell(Cell):
    """A cell whose three functions are given; made by `from_functions`."""

    init_function: Callable[[Key], Params] = jax.tree.static()
    carry_function: Callable[[Params, Batch], Carry] = jax.tree.static()
    step_function: Callable[[Params, Carry, Inputs], tuple[Carry, Inputs]] = jax.tree.static()
    input_axes: tuple[int | None, ...] | None = jax.tree.static(default=None)

    def init(self, key: Key) -> Params:
        return self.init_function(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.carry_function(params, batch)

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        result: Any = self.step_function(params, carry, x)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(
                "from_functions: step must return (carry, y), got "
                f"{_described(result)}. If both are the same: `return h, h`."
            )
        before, after = _described(carry), _described(result[0])
        if before != after:
            raise TypeError(
                f"from_functions: step must return a carry like the one that it takes, {before}, "
                f"got {after}. `carry` makes the first one."
            )
        return result

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        return self.input_axes


def _described(tree: Any) -> str:
    """The tree, with every array replaced by its shape and type."""
    return str(jax.tree.map(lambda leaf: _Shown(_check.describe(leaf)), tree))


class _Shown(str):
    """A string that is shown without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def from_functions(
    *,
    init: Callable[[Key], Params],
    carry: Callable[[Params, Batch], Carry],
    step: Callable[[Params, Carry, Inputs], tuple[Carry, Inputs]],
    input_shape: tuple[int | None, ...] | None = None,
) -> FunctionCell:
    """Make a cell from three plain functions.

    It runs on every engine that needs only `step`. Functions compare by identity: define them once,
    at the top of a module. Functions that are made again make JAX compile again.

    Args:
        init: `init(key) -> params`.
        carry: `carry(params, batch) -> carry`, arrays `[*batch, ...]`.
        step: `step(params, carry, x) -> (carry, y)`, with x `[*batch, features]`.
        input_shape: the features of one x: `()` for symbols, `(None, None, 3)` for images; by
            default any number along one axis, or a tree of such.

    Raises:
        TypeError: a step that does not return a pair, or whose carry changes its structure, shapes
            or types.

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
    return FunctionCell(init, carry, step, input_shape)
