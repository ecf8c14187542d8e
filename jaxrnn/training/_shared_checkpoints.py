"""`SharedCheckpoints`: the checkpoints of several processes that train one network."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax

from ._arrays import numbers, with_numbers
from ._checkpoints import Checkpoints, Saved
from ._placement import put
from ._processes import Processes


class SharedCheckpoints(NamedTuple):
    """The first process holds the directory, writes and reads; the others need no such disk.

    So all of them go on from the same checkpoint, whatever each would find.
    """

    checkpoints: Checkpoints
    processes: Processes

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """As `Checkpoints.hold`."""
        with contextlib.ExitStack() as stack:
            self.processes.first(lambda: stack.enter_context(self.checkpoints.hold()))
            yield

    def save(self, step: int, trees: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        """As `Checkpoints.save`; arrays that are divided among processes are gathered."""
        trees = self.processes.on_host(trees)
        self.processes.first(lambda: self.checkpoints.save(step, trees, notes))

    def restore(self, like: Mapping[str, Any]) -> Saved:
        """As `Checkpoints.restore`: in the shardings of `like`."""
        if not self.processes.several:
            return self.checkpoints.restore(like)
        here, read = self.processes.on_host(like), {}

        def work() -> Any:
            saved = self.checkpoints.restore(here)
            read.update(saved.trees)
            return [saved.step, list(saved.trees), saved.notes]

        step, names, notes = self.processes.first(work)
        trees = {name: self._placed(read.get(name), here[name], like[name]) for name in names}
        return Saved(step, trees, notes)

    def _placed(self, read: Any, here: Any, like: Any) -> Any:
        """What the first process has read, in every process and on its devices."""
        leaves, structure = jax.tree.flatten(here)
        arrays = list(map(numbers, jax.tree.leaves(read)))
        shared = self.processes.share(arrays, list(map(numbers, leaves)))
        whole = [with_numbers(one, array) for one, array in zip(leaves, shared, strict=True)]
        return jax.tree.map(
            lambda leaf, one: put(one, leaf.sharding),
            like,
            jax.tree.unflatten(structure, whole),
        )
