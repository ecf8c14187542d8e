"""How the members of a sweep are run: one by one, side by side, or whichever is faster."""

import abc
import typing
from collections.abc import Sequence

import jax

from .. import _check
from .._config import Config


class Members(Config):
    """How the members of a sweep are run. The results are the same within rounding."""

    @abc.abstractmethod
    def ways(self, total: int) -> tuple["OneByOne | Vmapped", ...]:
        """What is tried for that many members on a device; the fastest runs the rest."""


@typing.final
class OneByOne(Members):
    """Each member after the other, by the same program; on every device one at a time.

    Example:
        >>> OneByOne()
        OneByOne()
    """

    @property
    def size(self) -> int:
        """How many members run at once on a device."""
        return 1

    def ways(self, total: int) -> tuple["OneByOne | Vmapped", ...]:
        return (self,)


@typing.final
class Vmapped(Members):
    """So many members side by side on every device, by `jax.vmap`.

    Args:
        size: how many members a device runs at once; its memory must hold as many runs.

    Raises:
        ValueError: `size` is below 1.

    Example:
        >>> Vmapped(size=32)
        Vmapped(size=32)
    """

    size: int = jax.tree.static(default=16)

    def __post_init__(self) -> None:
        _check.sizes("Vmapped", size=self.size)

    def ways(self, total: int) -> tuple["OneByOne | Vmapped", ...]:
        return (Vmapped(min(self.size, total)),)


@typing.final
class Fastest(Members):
    """One slice side by side, one member alone, and the others in the way that was faster.

    A slice, or a single member, is run on every device. Nothing is run twice; only the second
    program has to be compiled. Where all members fit into one slice, they run side by side.

    Args:
        size: how many members of a slice a device runs.

    Raises:
        ValueError: `size` is below 1.

    Example:
        >>> Fastest(size=32)
        Fastest(size=32)
    """

    size: int = jax.tree.static(default=16)

    def __post_init__(self) -> None:
        _check.sizes("Fastest", size=self.size)

    def ways(self, total: int) -> tuple[OneByOne | Vmapped, ...]:
        if total <= self.size:
            return (Vmapped(total),)
        return Vmapped(self.size), OneByOne()


class Pace:
    """Which way the next members are run, by the time that those before took.

    Args:
        ways: those to be tried.
    """

    def __init__(self, ways: Sequence[OneByOne | Vmapped]) -> None:
        self._ways = ways
        self._seconds: dict[OneByOne | Vmapped, float] = {}

    @property
    def choice(self) -> OneByOne | Vmapped | None:
        """The fastest way, once all were tried."""
        if len(self._ways) == 1:
            return self._ways[0]
        tried_all = len(self._seconds) == len(self._ways)
        return min(self._seconds, key=self._seconds.__getitem__) if tried_all else None

    def next(self) -> OneByOne | Vmapped:
        """How the next members are run."""
        return self.choice or self._ways[len(self._seconds)]

    def took(self, way: OneByOne | Vmapped, seconds: float) -> str:
        """Take note of the seconds that a member took; what to say once all ways were tried."""
        if self.choice is not None:
            return ""
        self._seconds[way] = seconds
        if self.choice is None:
            return ""
        found = ", ".join(f"{time:.3g} s by {way}" for way, time in self._seconds.items())
        return f"a member takes {found}: going on by {self.choice}"
