"""`Drawn`: a batch that was never seen before, at every step."""

import dataclasses
import typing
from collections.abc import Callable
from typing import Any, SupportsIndex

import jax

from .. import _check
from .._typing import Key
from ..data import Batch


@typing.final
@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """Batches without end for `training.fit`, each drawn anew from the seed and its step.

        batches[step] = draw(jax.random.fold_in(jax.random.key(seed), step))

    so that a training run that stopped goes on with the same batches. There are no epochs, and
    nothing can be learnt by heart.

    Args:
        draw: from a key to a `data.Batch`; it is compiled once.
        seed: an integer of at least 0. Another seed serves for what is held out.

    Raises:
        TypeError: `draw` is no function, or `seed` no integer.
        ValueError: `seed` is negative, or has more than 32 bits, of which a key holds no more.

    Example:
        >>> from jaxrnn import tasks
        >>> task = tasks.CopyMemory(delay=20)
        >>> batches = tasks.Drawn(lambda key: task.batch(16, key=key), seed=0)
        >>> batches[1234].inputs.shape
        (40, 16)
    """

    draw: Callable[[Key], Batch]
    seed: int

    # Without it `for` would count up the steps, and never end.
    __iter__ = None

    def __post_init__(self) -> None:
        _check.function("Drawn", "draw", self.draw)
        _check.integers("Drawn", 0, seed=self.seed)
        _fits("Drawn: seed", self.seed)
        object.__setattr__(self, "draw", jax.jit(self.draw))

    def __getitem__(self, step: SupportsIndex) -> Any:
        """The batch of a step, any integer of at least 0."""
        number = _check.counter("Drawn[step]", step)
        _fits("Drawn[step]: step", number)
        return self.draw(jax.random.fold_in(jax.random.key(self.seed), number))


def _fits(what: str, number: int) -> None:
    if number >= 2**32:
        raise ValueError(f"{what} must be below 2**32, got {number}: a key takes 32 bits of it")
