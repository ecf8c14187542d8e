"""`LabelTask`: what tasks of one label a step have in common."""

import abc

import numpy as np

from .. import _check
from .._config import Config
from .._typing import Key
from ..data import Batch


class LabelTask(Config):
    """Sequences of symbols that are drawn, with a label at each step at which one is asked for."""

    @property
    @abc.abstractmethod
    def steps(self) -> int:
        """T, how many steps a sequence has."""

    @property
    @abc.abstractmethod
    def vocab(self) -> int:
        """How many symbols the inputs are out of."""

    @property
    @abc.abstractmethod
    def targets(self) -> int:
        """How many classes there are. At a step at which nothing is asked, this is the target."""

    @abc.abstractmethod
    def baseline(self) -> float:
        """Nats per step that is asked: the least loss without memory, of the newest symbol only."""

    @abc.abstractmethod
    def chance(self) -> float:
        """The share of the steps that are asked that are right at best without memory."""

    def batch(self, size: int, *, key: Key) -> Batch:
        """Draw sequences; inputs and targets are `Int32[T, size]`.

        Raises:
            TypeError: a size that is not an integer.
            ValueError: a size below 1, or more than memory can hold.
        """
        who, remedy = f"{type(self).__name__}.batch", "Draw fewer or shorter ones."
        _check.sizes(who, size=size)
        _check.memory(who, "the inputs", (self.steps, size), np.int32, remedy)
        return self._draw(size, key)

    @abc.abstractmethod
    def _draw(self, size: int, key: Key) -> Batch:
        """The batch, where `size` is one."""
