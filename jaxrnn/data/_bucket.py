"""`bucket`: few padded lengths for many sequences."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _check
from ._padding import Padded, fill, read


class Bucket(NamedTuple):
    """Sequences of similar lengths.

    Shapes:
        padded: the sequences, `[T, B, ...]` with their lengths `[B]`.
        indices: `Int[B]`, where each stood among all sequences; picks their targets.
    """

    padded: Padded
    indices: np.ndarray


def bucket(
    sequences: Sequence[ArrayLike], *, count: int = 4, value: int | float = 0
) -> list[Bucket]:
    """Group sequences into at most `count` padded lengths, with the least padding there can be.

    Each padded length is a shape and so a program to compile: a few buckets lose little to padding
    (see `Padded.waste`) and compile little.

    With sorted distinct lengths `u`, of which `n` sequences have at most the `j`-th, the least
    number of steps of the first `j` lengths in `k` buckets is found by dynamic programming:

        steps[k, j] = min over i < j of  steps[k - 1, i] + u[j] * (n[j] - n[i])

    Args:
        sequences: as for `pad`.
        count: how many buckets at most.
        value: what fills the rest.

    Returns:
        The buckets from short to long; sequences keep their order inside a bucket.

    Raises:
        TypeError, ValueError: as for `pad`, or `count` is no integer of at least 1.

    Example:
        >>> buckets = bucket([[1] * n for n in (9, 2, 10, 3)], count=2)
        >>> [(b.padded.values.shape, b.indices.tolist()) for b in buckets]
        [((3, 2), [1, 3]), ((10, 2), [0, 2])]
    """
    _check.sizes("bucket", count=count)
    arrays = read("bucket", sequences)
    lengths = np.array(list(map(len, arrays)))
    borders = _borders(lengths, count)
    owners = np.searchsorted(borders, lengths)
    groups = [np.flatnonzero(owners == owner) for owner in range(len(borders))]
    return [
        Bucket(fill("bucket", [arrays[n] for n in group], int(length), value), group)
        for length, group in zip(borders, groups, strict=True)
    ]


def _borders(lengths: np.ndarray, count: int) -> np.ndarray:
    # An empty sequence needs a step too: an array without steps cannot be unrolled.
    u, repeats = np.unique(np.maximum(lengths, 1), return_counts=True)
    n = np.concatenate([[0], np.cumsum(repeats)])
    steps = np.where(np.arange(len(n)) == 0, 0.0, np.inf)
    choices = []
    for _ in range(min(count, len(u))):
        # [j, i]: the first i lengths in the buckets before, the lengths i to j in this one.
        cost = steps + u[:, None] * np.where(n[1:, None] > n, n[1:, None] - n, np.inf)
        choices.append(cost.argmin(axis=1))
        steps = np.concatenate([[np.inf], cost.min(axis=1)])
    borders, j = [], len(u)
    for choice in reversed(choices):
        borders.append(u[j - 1])
        j = int(choice[j - 1])
    return np.array(borders[::-1])
