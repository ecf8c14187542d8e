"""`Adding`: to remember two numbers out of many."""

import typing

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._config import Config
from .._typing import Key
from ..data import Batch


@typing.final
class Adding(Config):
    """The adding problem: the sum of the two marked numbers of a sequence.

    Every step has a number, uniform in [0, 1), and a mark, which is 1 at one step of the first half
    of the sequence and at one of the second half, else 0. The target, one a sequence, is the sum of
    the two marked numbers. For `objectives.SquaredError`, and a network that pools, as
    `networks.LastPool` does.

    Attributes:
        length: how many steps, at least 2.

    Raises:
        TypeError: a length that is not an integer.
        ValueError: a length below 2.

    References:
        S. Hochreiter & J. Schmidhuber, Neural Computation 9 (1997), experiment 4;
        Q. Le, N. Jaitly, G. Hinton, 2015, https://arxiv.org/abs/1504.00941

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> batch = tasks.Adding(50).batch(4, key=jax.random.key(0))
        >>> batch.inputs.shape, batch.targets.shape
        ((50, 4, 2), (4, 1))
        >>> numbers, marks = batch.inputs[..., 0], batch.inputs[..., 1]
        >>> bool((abs((numbers * marks).sum(0) - batch.targets[:, 0]) < 1e-6).all())
        True
    """

    length: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("Adding", length=self.length)
        if self.length < 2:
            raise ValueError("Adding: length must be at least 2, one step for each mark, got 1")

    def baseline(self) -> float:
        """1/6, the mean squared error of saying 1 whatever was read: the variance of the sum."""
        return 1 / 6

    def batch(self, size: int, *, key: Key) -> Batch:
        """Draw sequences: inputs `[length, size, 2]`, numbers and marks; targets `[size, 1]`.

        Raises:
            TypeError: a size that is not an integer.
            ValueError: a size below 1, or more than memory can hold.
        """
        _check.sizes("Adding.batch", size=size)
        shape = (self.length, size, 2)
        _check.memory(
            "Adding.batch", "the inputs", shape, np.float32, "Draw fewer or shorter ones."
        )
        for_numbers, for_first, for_second = jax.random.split(key, 3)
        numbers = jax.random.uniform(for_numbers, (self.length, size))
        half = self.length // 2
        first = jax.random.randint(for_first, (size,), 0, half)
        second = jax.random.randint(for_second, (size,), half, self.length)
        steps = jnp.arange(self.length)[:, None]
        marked = (steps == first[None]) | (steps == second[None])
        total = jnp.sum(jnp.where(marked, numbers, 0), axis=0)
        return Batch(jnp.stack([numbers, marked.astype(numbers.dtype)], -1), total[:, None])
