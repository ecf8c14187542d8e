"""`WordProblem` and `parity`: to keep track of a state that every symbol changes."""

import functools
import itertools
import math
import typing

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._checked import checked
from .._typing import Key
from ..data import Batch
from ._label_task import LabelTask

_MOST = 6  # objects: of 7 the table of products has 25 million entries


@typing.final
class WordProblem(LabelTask):
    """The word problem of a symmetric group: what do all permutations so far make together?

    The symbols are the `objects!` permutations of some objects, in lexicographic order, so that 0
    changes nothing. Each is as likely at every step, and the target is their product so far, one
    of the same permutations:

        target_t(i) = x_t(target_{t-1}(i)),   target_1 = x_1

    Every prefix of a sequence is a shorter one, and it is asked for each. The words of 2 objects
    are parity; those of 3 need a rotation and a reflection of the state; those of 5 or more, a
    group that is not solvable, are complete for NC1, beyond what a fixed number of layers with
    diagonal transitions can do (if TC0 is not NC1).

    From the second step on the target is independent of every single symbol. So no linear function
    of the symbols, however long its memory, does better than chance. For
    `objectives.CrossEntropy`.

    Attributes:
        length: how many steps.
        objects: how many objects are permuted, 2 to 6.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: a length below 1, fewer than 2 objects, or more than 6.

    Reference:
        W. Merrill, J. Petty, A. Sabharwal, ICML 2024, https://arxiv.org/abs/2404.08819

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> task = tasks.WordProblem(128)
        >>> batch = task.batch(5, key=jax.random.key(0))
        >>> batch.inputs.shape, task.vocab, task.targets
        ((128, 5), 6, 6)
        >>> bool((batch.inputs[0] == batch.targets[0]).all())
        True
    """

    length: int = jax.tree.static()
    objects: int = jax.tree.static(default=3)

    def __post_init__(self) -> None:
        _check.sizes("WordProblem", length=self.length)
        _check.integers("WordProblem", 2, objects=self.objects)
        if self.objects > _MOST:
            raise ValueError(f"WordProblem: objects must be at most {_MOST}, got {self.objects}")

    @property
    def steps(self) -> int:
        return self.length

    @property
    def vocab(self) -> int:
        """The permutations, `objects!`."""
        return math.factorial(self.objects)

    @property
    def targets(self) -> int:
        """The permutations, `objects!`."""
        return self.vocab

    def baseline(self) -> float:
        """`(1 - 1 / length) log(objects!)` nats a step: without memory the first step is known."""
        return (1 - 1 / self.length) * math.log(self.vocab)

    def chance(self) -> float:
        """The first step, and `1 / objects!` of all others."""
        return (1 + (self.length - 1) / self.vocab) / self.length

    def _draw(self, size: int, key: Key) -> Batch:
        products = jnp.asarray(_products(self.objects))

        def step(before: jax.Array, symbol: jax.Array) -> tuple[jax.Array, jax.Array]:
            after = products[before, symbol]
            return after, after

        words = jax.random.randint(key, (self.length, size), 0, self.vocab, jnp.int32)
        return Batch(words, jax.lax.scan(step, jnp.zeros(size, jnp.int32), words)[1])


@checked
def parity(length: int) -> WordProblem:
    """Whether the number of ones so far is odd: the words of two objects.

    Inputs and targets are 0 or 1. It is the smallest task that a network with positive
    eigenvalues, or a fixed window, does not generalise on. No linear function does better than
    chance from the second step on.

    Args:
        length: how many steps.

    Reference:
        R. Grazzi et al., ICLR 2025, https://arxiv.org/abs/2411.12537

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> batch = tasks.parity(40).batch(5, key=jax.random.key(0))
        >>> bool((batch.inputs.cumsum(0) % 2 == batch.targets).all())
        True
    """
    return WordProblem(length, 2)


@functools.cache
def _products(objects: int) -> np.ndarray:
    """`[first, then]`: the number of the permutation that is `first`, and then `then`."""
    every = np.array(list(itertools.permutations(range(objects))))
    digits = objects ** np.arange(objects)[::-1]
    # Read as digits they grow in lexicographic order.
    return np.searchsorted(every @ digits, every[:, every] @ digits).T.astype(np.int32)
