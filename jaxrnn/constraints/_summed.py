"""`Summed`: a bias in two parts, as other libraries keep it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._typing import Array, Key
from ._constraint import Constraint


class SummedParams(NamedTuple):
    """Free numbers of `Summed`."""

    first: Float[Array, "... F"]
    second: Float[Array, "... S"]


class Summed(Constraint):
    """A parameter that is the sum of two, both of which are trained.

        value = first + second,   where second counts for the first `size` features only

    PyTorch and cuDNN add one bias to the product with the input and another to that with the state,
    where one would do. A cell that keeps both can be given back bit for bit, and trains as theirs:
    under Adam, the sum moves twice as far in a step as one bias would.

    It starts from what was drawn, and zeros.

    Args:
        size: how many of the features `second` has, counted from the first; all by default.

    Raises:
        ValueError: a size below 1, or above that of the parameter.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, constraints
        >>> cell = cells.Constrained(cells.LSTM(2, 3), "bias", constraints.Summed())
        >>> params = cell.init(jax.random.key(0))
        >>> params.bias.second.shape
        (12,)
        >>> both = constraints.SummedParams(jnp.array([1.0, 2.0, 3.0]), jnp.array([0.5]))
        >>> constraints.Summed(1).value(both).tolist()
        [1.5, 2.0, 3.0]
    """

    size: int | None = jax.tree.static(default=None)

    def __post_init__(self) -> None:
        """Check the size."""
        if self.size is not None:
            _check.sizes("Summed", size=self.size)

    def init(self, key: Key, value: Array) -> SummedParams:
        """What was drawn, and zeros."""
        features = value.shape[-1] if value.ndim else 0
        size = features if self.size is None else self.size
        if not 0 < size <= features:
            raise ValueError(
                f"Summed: size must be at most {features} for a parameter of shape "
                f"{value.shape}, got {size}"
            )
        return SummedParams(value, jnp.zeros_like(value[..., :size]))

    def value(self, free: SummedParams) -> Array:
        size = free.second.shape[-1]
        both = free.first[..., :size] + free.second
        return jnp.concatenate([both, free.first[..., size:]], axis=-1)
