"""`Processes`: what several processes that train one network say to one another."""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from . import _arrays


class Processes(NamedTuple):
    """Those that train together: this one alone, or all that `jax.distributed` brought together.

    Whatever is not a function of the step and the data, as what is on a disk or what a callback
    says, one of them may see otherwise than another, and then one would train on where another has
    stopped. So it is exchanged. Every process has to call the same methods in the same order.
    """

    several: bool = False

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and shows."""
        return not self.several or jax.process_index() == 0

    def first(self, work: Callable[[], Any]) -> Any:
        """What the first process got from `work`, or raised, in every process.

        Args:
            work: run by the first process alone; returns what JSON can hold.
        """
        return self.each(work if self.leads else lambda: None)[0]

    def each(self, work: Callable[[], Any]) -> list[Any]:
        """What every process got from `work`; where one of them raised, all do."""
        if not self.several:
            return [work()]
        value, own = None, None
        try:
            value = work()
        except Exception as error:
            own = error
        said = None if own is None else [_named(own), str(own)]
        answers = [json.loads(text) for text in _exchange(json.dumps([value, said]).encode())]
        for index, (_, wrong) in enumerate(answers):
            if wrong is not None:
                if own is not None:
                    raise own
                raise _KINDS[wrong[0]](f"{wrong[1]} (in process {index})")
        return [value for value, _ in answers]

    def agree(self, what: str, tree: Any, remedy: str) -> None:
        """Raise `ValueError` unless what every process has for itself is the same, bit for bit."""
        digest = hashlib.sha256()
        for leaf in jax.tree.leaves(tree):
            if self.several and getattr(leaf, "is_fully_addressable", True):
                digest.update(_arrays.numbers(leaf).tobytes())
        if len(set(self.each(digest.hexdigest))) > 1:
            raise ValueError(f"fit: the processes have different {what}. {remedy}")

    def share(self, arrays: list[np.ndarray], like: list[np.ndarray]) -> list[np.ndarray]:
        """The arrays of the first process, bit for bit, in every process.

        Args:
            arrays: read by the first process alone.
            like: of the same shapes and types.
        """
        if not self.several:
            return arrays
        return list(map(_broadcast, arrays if self.leads else like))

    def on_host(self, tree: Any) -> Any:
        """A tree whose numbers are all in this process: they are gathered where they are not."""
        return jax.tree.map(_gathered, tree) if self.several else tree

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Say what to do where another process has gone while this one waits for it."""
        try:
            yield
        except (jax.errors.JaxRuntimeError, ValueError) as error:
            if not self.several or not _OF_XLA.match(str(error)):
                raise
            raise RuntimeError(
                f"fit: process {jax.process_index()} of {jax.process_count()} has lost another "
                "one, which was killed or has raised an error of its own: look there first. Start "
                "all of them again; with `checkpoints=` they go on from the newest one. JAX says: "
                f"{str(error).splitlines()[0]}"
            ) from error


_OF_XLA = re.compile("(UNKNOWN|INTERNAL|UNAVAILABLE|ABORTED|CANCELLED|DEADLINE_EXCEEDED): ")
"""How the messages of errors begin that come from below JAX, whatever kind they have there."""


def _exchange(text: bytes) -> list[bytes]:
    """What every process says, in their order."""
    from jax.experimental.multihost_utils import process_allgather

    sizes = process_allgather(np.int32(len(text)))
    padded = np.zeros(max(sizes), np.uint8)
    padded[: len(text)] = np.frombuffer(text, np.uint8)
    return [
        row[:size].tobytes() for row, size in zip(process_allgather(padded), sizes, strict=True)
    ]


def _broadcast(array: np.ndarray) -> np.ndarray:
    """By its bytes, for what is added up on the way loses the sign of a zero."""
    from jax.experimental.multihost_utils import broadcast_one_to_all

    bits = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return np.asarray(broadcast_one_to_all(bits)).view(array.dtype).reshape(array.shape)


def _gathered(leaf: Any) -> Any:
    from jax.experimental.multihost_utils import process_allgather

    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
        return leaf
    if _arrays.is_key(leaf):
        return jax.random.wrap_key_data(
            _gathered(jax.random.key_data(leaf)), impl=jax.random.key_impl(leaf)
        )
    return np.asarray(leaf) if leaf.is_fully_replicated else process_allgather(leaf, tiled=True)


_KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (FileNotFoundError, OSError, TypeError, ValueError, FloatingPointError, Exception)
}
"""What an error of one process is in the others; narrower kinds come first."""


def _named(error: Exception) -> str:
    return next(name for name, kind in _KINDS.items() if isinstance(error, kind))
