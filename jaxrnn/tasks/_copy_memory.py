"""`CopyMemory`: to hold on to what was read long ago."""

import math
import typing

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._config import Config
from .._typing import Key
from ..data import Batch


@typing.final
class CopyMemory(Config):
    """The copy memory task: repeat `length` symbols after `delay` steps.

    A sequence has `T = delay + 2 length` steps. First come `length` symbols out of `[0, symbols)`,
    each as likely; then blanks, and a marker `length` steps before the end, from which on the
    symbols are to be repeated in their order. All targets before that are blank.

        inputs   x_1 ... x_L   blank ... blank marker   blank ... blank
        targets  blank ............................. blank   x_1 ... x_L

    The blank is the number `symbols`, the marker `symbols + 1`. For `objectives.CrossEntropy`.

    Attributes:
        delay: steps between the last symbol and the first that is to be repeated, at least 1.
        length: how many symbols.
        symbols: how many kinds of symbols.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: a size below 1.

    Reference:
        M. Arjovsky, A. Shah, Y. Bengio, 2016, https://arxiv.org/abs/1511.06464

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> task = tasks.CopyMemory(delay=3, length=2, symbols=4)
        >>> batch = task.batch(5, key=jax.random.key(0))
        >>> batch.inputs.shape, batch.inputs[2:, 0].tolist(), batch.targets[:5, 0].tolist()
        ((7, 5), [4, 4, 5, 4, 4], [4, 4, 4, 4, 4])
        >>> print(f"{tasks.CopyMemory(100).baseline():.6f}")
        0.173287
    """

    delay: int = jax.tree.static()
    length: int = jax.tree.static(default=10)
    symbols: int = jax.tree.static(default=8)

    def __post_init__(self) -> None:
        sizes = {"delay": self.delay, "length": self.length, "symbols": self.symbols}
        _check.sizes("CopyMemory", **sizes)

    @property
    def vocab(self) -> int:
        """The symbols of the inputs: `symbols`, the blank and the marker."""
        return self.symbols + 2

    @property
    def targets(self) -> int:
        """The symbols of the targets: `symbols` and the blank."""
        return self.symbols + 1

    def baseline(self) -> float:
        """`length log(symbols) / (delay + 2 length)` nats a step: the loss without any memory.

        It says blank up to the marker, and then any symbol alike.
        """
        return self.length * math.log(self.symbols) / (self.delay + 2 * self.length)

    def batch(self, size: int, *, key: Key) -> Batch:
        """Draw sequences; inputs and targets are `Int32[T, size]`.

        Raises:
            TypeError: a size that is not an integer.
            ValueError: a size below 1, or more than memory can hold.
        """
        _check.sizes("CopyMemory.batch", size=size)
        shape = (self.delay + 2 * self.length, size)
        remedy = "Draw fewer or shorter ones."
        _check.memory("CopyMemory.batch", "the inputs", shape, np.int32, remedy)
        drawn = jax.random.randint(key, (self.length, size), 0, self.symbols, jnp.int32)
        blank = np.full((self.delay + self.length, size), self.symbols, np.int32)
        rest = blank.copy()
        rest[self.delay - 1] += 1
        return Batch(jnp.concatenate([drawn, rest]), jnp.concatenate([blank, drawn]))
