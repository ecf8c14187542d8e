"""A sweep on disk: the members that have finished, and what they belong to."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ._checkpoints import Checkpoints
from ._hyperparameters import numbers
from ._members import OneByOne, Vmapped
from ._swept_slices import Slices
from ._trainer import Trainer

_MARK = {"sweep": np.zeros(1, np.int32)}


class Disk:
    """A directory that a sweep goes on from; `None` keeps nothing.

    Each finished slice is a checkpoint of the whole table, numbered by the members that are done.
    """

    def __init__(self, directory: str | os.PathLike[str] | None, slices: Slices) -> None:
        self._checkpoints = None if directory is None else Checkpoints(directory, keep=2)
        self._belongs = {} if directory is None else _belongs(slices)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other runs out of the directory."""
        with contextlib.ExitStack() as held:
            if self._checkpoints is not None:
                try:
                    held.enter_context(self._checkpoints.hold())
                except OSError as error:
                    raise OSError(f"sweep: {error}") from error
            yield

    def read(self, table: dict[str, Any]) -> tuple[dict[str, Any], int, OneByOne | Vmapped | None]:
        """The table as far as it is there, how many members are done, and how the last were run.

        Raises:
            ValueError: the directory belongs to something else; the message says what differs.
        """
        if self._checkpoints is None or not self._checkpoints.steps():
            return table, 0, None
        directory = self._checkpoints.directory
        try:
            notes = self._checkpoints.restore(_MARK).notes
        except ValueError as error:
            if "none of the trees" not in str(error):
                raise
            raise ValueError(
                f"sweep: {directory} holds a run of something else. Choose another directory."
            ) from error
        there = notes["belongs"]
        differing = [
            f"{name} there {_short(there.get(name))}, here {_short(self._belongs.get(name))}"
            for name in self._belongs | there
            if there.get(name) != self._belongs.get(name)
        ]
        if differing:
            raise ValueError(
                f"sweep: {directory} belongs to another sweep: {'; '.join(differing)}. Pass what "
                "it was begun with to go on, or choose another directory."
            )
        saved = self._checkpoints.restore({"table": table})
        # What is read cannot be written to.
        table = jax.tree.map(np.array, saved.trees["table"])
        size = saved.notes["side_by_side"]
        choice = None if size is None else Vmapped(size) if size else OneByOne()
        return table, saved.step, choice

    def write(self, table: dict[str, Any], done: int, choice: OneByOne | Vmapped | None) -> None:
        """Save the table with so many members done, and how the others are to be run."""
        if self._checkpoints is not None:
            size = choice.size if isinstance(choice, Vmapped) else None if choice is None else 0
            notes = {"belongs": self._belongs, "side_by_side": size}
            self._checkpoints.save(done, _MARK | {"table": table}, notes)


def _belongs(slices: Slices) -> dict[str, Any]:
    """What a table is of, in what JSON can hold."""
    trainer, feed = slices.program.trainer, slices.feed
    state = _init(trainer, jax.random.key(0))
    leaves = dict(jax.tree.leaves_with_path(state.opt_state))
    held = {
        jax.tree_util.keystr(path): np.asarray(leaves[path]).tolist()
        for path in numbers(state.opt_state)
    }
    shapes = {
        jax.tree_util.keystr(path): f"{leaf.dtype}{[*leaf.shape]}"
        for path, leaf in jax.tree.leaves_with_path(state)
    }
    return {
        "settings": list(slices.settings),
        "seeds": list(slices.seeds),
        "rows": list(feed.ends),
        "network": _text(trainer.network),
        "loss": _text(trainer.loss),
        "metrics": _text(trainer.metrics),
        "carry": _text(trainer.carry),
        "optimizer's numbers": held,
        "state": shapes,
        "first batch": _digest(feed.batch_of(0)),
        "validation": _digest(slices.held_out),
        "keep": None if slices.keep is None else repr(slices.keep),
    }


def _text(noun: Any) -> str:
    """A noun as it is written, arrays by their digest, without addresses in memory."""
    with np.printoptions(threshold=10):
        return re.sub(r" at 0x[0-9a-f]+", "", repr(noun)) + _digest(noun)


def _digest(tree: Any) -> str:
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        array = np.asarray(leaf)
        found.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()[:16]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


_init = jax.jit(Trainer.init)
