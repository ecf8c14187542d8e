"""`DelayedXOR`: to remember two bits, and to combine them as no line can."""

import math
import typing

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Key
from ..data import Batch
from ._label_task import LabelTask


@typing.final
class DelayedXOR(LabelTask):
    """A stream of bits, of which two that lie some steps back are to be compared at every step.

        target_t = x_{t-delay} XOR x_{t-delay-1}

    Bits are independent, and 0 or 1 alike. During the first `delay + 1` steps nothing is asked. It
    takes memory and a nonlinearity: no linear function of the bits, however long its memory, does
    better than chance, so the accuracy over delays is a measure of what a reservoir or a network
    computes with what it remembers. For
    `objectives.IgnoreIndex(objectives.CrossEntropy(), task.targets)`.

    Attributes:
        length: how many steps, at least `delay + 2`.
        delay: how many steps the newer one of the two bits lies back, at least 0.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: a delay below 0, or a length at which nothing is asked.

    Reference:
        N. Bertschinger & T. Natschläger, Neural Computation 16 (2004), of three bits.

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> batch = tasks.DelayedXOR(50, delay=3).batch(5, key=jax.random.key(0))
        >>> bits = batch.inputs
        >>> bool((batch.targets[4:] == bits[1:-3] ^ bits[:-4]).all()), batch.targets[:4, 0].tolist()
        (True, [2, 2, 2, 2])
    """

    length: int = jax.tree.static()
    delay: int = jax.tree.static(default=1)

    def __post_init__(self) -> None:
        _check.sizes("DelayedXOR", length=self.length)
        _check.integers("DelayedXOR", 0, delay=self.delay)
        if self.length < self.delay + 2:
            raise ValueError(
                f"DelayedXOR: length must be at least delay + 2 = {self.delay + 2}, or nothing is "
                f"asked, got {self.length}"
            )

    @property
    def steps(self) -> int:
        return self.length

    @property
    def vocab(self) -> int:
        """2."""
        return 2

    @property
    def targets(self) -> int:
        """2. Before there are bits to compare this is the target."""
        return 2

    def baseline(self) -> float:
        """`log(2)` nats."""
        return math.log(2)

    def chance(self) -> float:
        """1/2."""
        return 1 / 2

    def _draw(self, size: int, key: Key) -> Batch:
        bits = jax.random.randint(key, (self.length, size), 0, 2, jnp.int32)
        nothing = jnp.full((self.delay + 1, size), self.targets, jnp.int32)
        asked = bits[1 : self.length - self.delay] ^ bits[: self.length - self.delay - 1]
        return Batch(bits, jnp.concatenate([nothing, asked]))
