"""`Constraint`: what a parameter is kept to."""

import abc
from typing import Any, NamedTuple

import jax
from jaxtyping import Shaped

from .._config import Config
from .._dtypes import at_least_float32
from .._typing import Array, Key, Params


class Constraint(Config):
    """What a parameter is kept to: it is a function of free numbers, which training changes.

    In the tree of parameters the free numbers, a NamedTuple of arrays, stand in the place of the
    parameter. Whatever an optimizer makes of them, the constraint holds. `cells.Constrained` and
    `networks.Constrained` put them there, and compute the parameter once before the time loop.
    """

    @abc.abstractmethod
    def init(self, key: Key, value: Array) -> Params:
        """The free numbers that a parameter drawn as `value` starts from."""

    @abc.abstractmethod
    def value(self, free: Params) -> Array:
        """The parameter, in the type of the free numbers."""


class Held(NamedTuple):
    """An array among the parameters that is no part of what is trained: its gradient is 0."""

    value: Shaped[Array, "..."]


def trainable(params: Params) -> Any:
    """Which parameters are trained: a tree of True, and of False where an array is `Held`.

    The gradient of what is held is 0, so most optimizers leave it as it is. Weight decay does not,
    unless it is told: `optax.adamw(1e-3, mask=constraints.trainable)`.

    Args:
        params: any tree of parameters.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, constraints
        >>> cell = cells.Constrained(cells.Elman(2, 3), "kernel", constraints.Frozen())
        >>> constraints.trainable(cell.init(jax.random.key(0)))
        ElmanParams(kernel=Held(value=False), recurrent=True, bias=True)
    """

    def node(tree: Any) -> Any:
        trained = not isinstance(tree, Held)
        return jax.tree.map(lambda _: trained, tree)

    return jax.tree.map(node, params, is_leaf=lambda tree: isinstance(tree, Held))


def wide(array: Array) -> Array:
    """The array in at least float32, which products and decompositions need."""
    return array.astype(at_least_float32(array.dtype))


def matrix(who: str, value: Any) -> tuple[int, int]:
    """Rows and columns; raises for a parameter of fewer axes."""
    if value.ndim < 2:
        raise ValueError(
            f"{who}: it constrains matrices, got a parameter of shape {value.shape}. Choose "
            "another one with `where`."
        )
    rows, columns = value.shape[-2:]
    return rows, columns
