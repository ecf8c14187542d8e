"""`Frozen`: a parameter that is not trained."""

import jax

from .._typing import Array, Key
from ._constraint import Constraint, Held


class Frozen(Constraint):
    """A parameter that stays as it was drawn.

    Its gradient is 0. Against weight decay, see `trainable`.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> from jaxrnn import cells, constraints
        >>> cell = cells.Constrained(cells.Elman(2, 3), "recurrent", constraints.Frozen())
        >>> loss = lambda params: jaxrnn.unroll(cell, params, jnp.ones((5, 2)))[1].sum()
        >>> gradient = jax.grad(loss)(cell.init(jax.random.key(0)))
        >>> bool(gradient.recurrent.value.any()), bool(gradient.kernel.any())
        (False, True)
    """

    def init(self, key: Key, value: Array) -> Held:
        return Held(value)

    def value(self, free: Held) -> Array:
        return jax.lax.stop_gradient(free.value)
