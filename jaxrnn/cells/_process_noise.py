"""`ProcessNoise`: noise that enters the state."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Batch, Carry, Key, Leaf
from ._noisy import Noisy


class ProcessNoise(Noisy):
    """A cell with Gaussian noise in its state, new at every step.

        carry' = new + scale * e,   e ~ Normal(0, 1)

    Without a key there is none, which is its mean. Where the output is a part of the carry, it is
    that of the noisy one. In a network of continuous time whose noise has the deviation `sigma` a
    unit of time, `scale` is `sigma * sqrt(dt)`. Around a gated cell it runs on `BPTT`, around any
    other as a plain cell. Its gradient reaches `scale`.

    Args:
        cell: the cell inside.
        scale: the standard deviation of a step, at least 0.

    Raises:
        ValueError: a negative scale, or one that is not finite.

    Reference: K.-C. Jim, C. L. Giles & B. G. Horne, "An analysis of noise in recurrent neural
    networks: convergence and generalization", IEEE Transactions on Neural Networks 7 (1996).

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.ProcessNoise(jaxrnn.cells.Leaky(3, 4, 0.2), 0.1)
        >>> params, xs = cell.init(jax.random.key(0)), jnp.zeros((7, 2, 3))
        >>> run = lambda key: jaxrnn.unroll(cell, params, xs, key=key)[1]
        >>> bool((run(None) == 0).all()), bool((run(jax.random.key(1)) == 0).any())
        (True, False)
    """

    scale: Leaf

    def __post_init__(self) -> None:
        """Check the scale."""
        _check.at_least_0("ProcessNoise", scale=self.scale)

    def noise(self, key: Key, shape: Batch, carry: Any, index: int) -> Any:
        """What is added."""
        _check.number("ProcessNoise", scale=self.scale)
        drawn = jax.random.normal(key, shape, carry.dtype)
        return jnp.broadcast_to(jnp.asarray(self.scale).astype(carry.dtype), shape) * drawn

    def settle(self, old: Carry, new: Carry, aside: Any) -> Carry:
        """The new carry and the noise."""
        if aside is None:
            return new
        return jax.tree.map(lambda new, e: new if e is None else new + e, new, aside)
