"""`Dataset`: batches addressed by a step."""

import abc
from collections.abc import Iterator
from typing import SupportsIndex

from .. import _check
from ._batch import Batch


class Dataset(abc.ABC):
    """Batches without end, each a pure function of its step.

    Step `s` lies in epoch `s // len(dataset)`, so a training run that stopped goes on from two
    integers, its seed and its step. All batches of one dataset have the same structure, shapes and
    dtypes: one program serves them all.

    A dataset of one's own says how long an epoch is and what its batches are.

    Example:
        >>> class Squares(Dataset):
        ...     def __len__(self):
        ...         return 3
        ...     def at(self, epoch, index):
        ...         return Batch(inputs=index, targets=index**2)
        >>> [batch.targets for batch in Squares().epoch(0)]
        [0, 1, 4]
        >>> Squares()[4]
        Batch(inputs=1, targets=1, mask=None, resets=None)
    """

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many batches one epoch has."""

    @abc.abstractmethod
    def at(self, epoch: int, index: int) -> Batch:
        """Batch `index`, from 0 to `len(self) - 1`, of one epoch."""

    def __getitem__(self, step: SupportsIndex) -> Batch:
        """The batch of a global step: any integer of at least 0, a counter in an array too."""
        return self.at(*divmod(_check.counter(f"{type(self).__name__}[step]", step), len(self)))

    def epoch(self, number: SupportsIndex) -> Iterator[Batch]:
        """The batches of one epoch, in their order.

        Raises:
            TypeError: `number` is not an integer.
            ValueError: `number` is negative.
        """
        epoch = _check.counter(f"{type(self).__name__}.epoch", number)
        return (self.at(epoch, index) for index in range(len(self)))

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the first epoch. Without this method, `for` would never end."""
        return self.epoch(0)
