"""`Shuffled` and `Interleaved`: epochs in an order drawn from a seed."""

import dataclasses
import functools
import typing
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from .. import _check, _host
from .._kinds import shown
from ..networks import Pair
from ._batch import Batch
from ._dataset import Dataset
from ._random import permutation


def _one_batch(init: Callable[..., None]) -> Callable[..., None]:
    """Say what to do where a user passes inputs and targets side by side."""

    @functools.wraps(init)
    def checked(self: "Shuffled", *examples: Any, **options: Any) -> None:
        if len(examples) > 1:
            raise TypeError(
                f"Shuffled: examples must be one Batch, got {len(examples)} arguments. Inputs and "
                "targets go into it: Shuffled(Batch(inputs, targets), batch=, seed=)."
            )
        init(self, *examples, **options)

    return checked


@typing.final
@dataclasses.dataclass(frozen=True, eq=False)
class Shuffled(Dataset):
    """A set of examples in batches of a fixed size, in another order each epoch.

    The order is a function of the seed and the epoch, the same in every version of numpy. Every
    example appears exactly once in an epoch: where the last batch is not full, it is filled up
    with examples that are masked at every step.

    Args:
        examples: a `Batch` that holds all `N` examples side by side: inputs `[T, N, ...]`, mask
            and resets, if any, `[T, N]`. Of a `networks.Pair`, T are the steps of its target.
        batch: how many examples a batch has.
        seed: an integer of at least 0.
        target_axis: the axis of `examples.targets` along which the examples lie: 1 for
            `[T, N, ...]`, one target per step; 0 for `[N, ...]`, one per sequence.

    Raises:
        TypeError: `batch` or `seed` is not an integer; `examples` is no `Batch`, or holds what are
            no arrays of numbers, masked ones among them.
        ValueError: there are no examples, their numbers differ between inputs, targets, mask and
            resets, `target_axis` is neither 0 nor 1, `seed` is negative, or memory cannot hold a
            batch.

    Example:
        >>> import numpy as np
        >>> examples = Batch(inputs=np.zeros((4, 5, 2)), targets=np.array([0, 1, 2, 3, 4]))
        >>> batches = Shuffled(examples, batch=2, seed=0, target_axis=0)
        >>> len(batches), batches[0].inputs.shape
        (3, (4, 2, 2))
        >>> [batch.targets[batch.mask[0]].tolist() for batch in batches.epoch(7)]
        [[1, 3], [0, 2], [4]]
    """

    examples: Batch = dataclasses.field(repr=False)
    batch: int = dataclasses.field(kw_only=True)
    seed: int = dataclasses.field(kw_only=True)
    target_axis: int = dataclasses.field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        _check.sizes("Shuffled", batch=self.batch)
        _check.integers("Shuffled", 0, seed=self.seed, target_axis=self.target_axis)
        if self.target_axis > 1:
            raise ValueError(f"Shuffled: target_axis must be 0 or 1, got {self.target_axis!r}")
        _check.kind("Shuffled", "examples", self.examples, Batch, "Pass Batch(inputs, targets).")
        inputs, targets, mask, resets = (
            jax.tree.map(functools.partial(_read, name), part)
            for name, part in self.examples._asdict().items()
        )
        object.__setattr__(self, "examples", Batch(inputs, targets, mask, resets))
        shape = self._shape
        for name, part, axis in (
            ("inputs", inputs, 1),
            ("targets", targets, self.target_axis),
            ("mask", mask, 1),
            ("resets", resets, 1),
        ):
            for leaf in jax.tree.leaves(part):
                if leaf.ndim <= axis or leaf.shape[axis] != shape[1]:
                    raise ValueError(
                        f"Shuffled: the first inputs are {list(shape)}, so {name} must have "
                        f"{shape[1]} examples along axis {axis}, got shape {leaf.shape}. Examples "
                        "lie along axis 1, after time; for one target per sequence, [N, ...], "
                        "pass target_axis=0."
                    )
                size = leaf.size // shape[1] * self.batch
                _check.memory("Shuffled", "a batch", (size,), leaf.dtype, "Take a smaller batch.")
        for name, flags in (("mask", mask), ("resets", resets)):
            if flags is not None:
                _check.flags("Shuffled", name, flags, shape, "[T, N]")

    @property
    def _shape(self) -> tuple[int, int]:
        """How many steps, and how many examples."""
        inputs = self.examples.inputs
        leaves = jax.tree.leaves(inputs.target if isinstance(inputs, Pair) else inputs)
        if not leaves or leaves[0].ndim < 2 or 0 in leaves[0].shape[:2]:
            shape = leaves[0].shape if leaves else None
            raise ValueError(
                f"Shuffled: inputs must be [T, N, ...] with at least one step and one example, "
                f"got shape {shape}"
            )
        return leaves[0].shape[:2]

    def __len__(self) -> int:
        return (self._shape[1] + self.batch - 1) // self.batch

    def at(self, epoch: int, index: int) -> Batch:
        steps, count = self._shape
        places = np.arange(index * self.batch, (index + 1) * self.batch)
        chosen = permutation(self.seed, count, epoch)[places % count]
        inputs, targets, mask, resets = (
            jax.tree.map(functools.partial(np.take, indices=chosen, axis=axis), part)
            for part, axis in zip(self.examples, (1, self.target_axis, 1, 1), strict=True)
        )
        if count % self.batch:
            real = np.broadcast_to(places < count, (steps, self.batch))
            mask = real if mask is None else mask & real
        return Batch(inputs, targets, mask, resets)


Shuffled.__init__ = _one_batch(Shuffled.__init__)  # type: ignore[method-assign]


def _read(name: str, leaf: Any) -> np.ndarray:
    if np.isscalar(leaf):
        raise TypeError(
            f"Shuffled: {name} must be an array or a tree of them, got {shown(leaf)} in a tree. "
            f"Lists are trees: pass np.asarray({name})."
        )
    return _host.read("Shuffled", name, leaf)


@typing.final
@dataclasses.dataclass(frozen=True, eq=False)
class Interleaved(Dataset):
    """The batches of several datasets in one order, drawn anew each epoch.

    Serves sequences of very different lengths: one `Shuffled` per bucket of `bucket`. The batches
    of one dataset keep their order, but other ones come between them, so it is not for `Stream`.

    Args:
        datasets: the datasets; an epoch has every batch of each exactly once.
        seed: an integer of at least 0.

    Raises:
        TypeError: what is no list of datasets, or `seed` no integer.
        ValueError: there are no datasets, or `seed` is negative.

    Example:
        >>> import numpy as np
        >>> short, long = (Batch(np.zeros((T, 4)), np.zeros((T, 4))) for T in (3, 9))
        >>> parts = [Shuffled(short, batch=2, seed=0), Shuffled(long, batch=2, seed=0)]
        >>> [len(batch.inputs) for batch in Interleaved(parts, seed=0)]
        [9, 3, 9, 3]
    """

    datasets: Sequence[Dataset]
    seed: int = dataclasses.field(kw_only=True)

    def __post_init__(self) -> None:
        """Check that there is something to interleave."""
        _check.integers("Interleaved", 0, seed=self.seed)
        if not isinstance(self.datasets, list | tuple) or _host.is_record(self.datasets):
            raise TypeError(
                f"Interleaved: datasets must be a list, got {shown(self.datasets)}. "
                "A list of one: [dataset]."
            )
        if not self.datasets:
            raise ValueError("Interleaved: there are no datasets")
        for place, dataset in enumerate(self.datasets):
            remedy = "Make one of a Batch: Shuffled(batch, batch=, seed=)."
            _check.kind("Interleaved", f"dataset {place}", dataset, Dataset, remedy)
        object.__setattr__(self, "datasets", tuple(self.datasets))

    def __len__(self) -> int:
        return sum(map(len, self.datasets))

    def at(self, epoch: int, index: int) -> Batch:
        owners = np.repeat(np.arange(len(self.datasets)), list(map(len, self.datasets)))
        owners = owners[permutation(self.seed, len(owners), epoch)]
        earlier = int(np.sum(owners[:index] == owners[index]))
        return self.datasets[owners[index]].at(epoch, earlier)
