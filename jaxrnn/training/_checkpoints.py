"""`Checkpoints`: a run on disk. The only file that knows orbax."""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import typing
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from .. import _check
from .._config import Config
from . import _lock

_SEAL = "sha256.json"


class Saved(NamedTuple):
    """What a checkpoint holds."""

    step: int
    trees: dict[str, Any]
    notes: dict[str, Any]


@typing.final
class Checkpoints(Config):
    """A directory of the newest checkpoints of one run.

    orbax writes a checkpoint beside its place and renames it there, so that a process killed at
    any moment leaves the older ones whole. The digests of its files are written last: a checkpoint
    that is cut off, or in which one bit differs, is recognised and never used.

    Args:
        directory: a local one; made when it is not there. A relative one is where it is now, also
            after a later change of the working directory.
        every: how many steps lie between two checkpoints.
        keep: how many of the newest are kept.

    Raises:
        ValueError: `every` or `keep` is below 1, or the directory is remote or has no name.

    Example:
        >>> import tempfile, jax
        >>> checkpoints = Checkpoints(tempfile.mkdtemp(), keep=2)
        >>> for step in [10, 20, 30]:
        ...     checkpoints.save(step, {"key": jax.random.key(step)}, {"note": step})
        >>> checkpoints.steps()
        [20, 30]
        >>> saved = checkpoints.restore({"key": jax.random.key(0)})
        >>> saved.step, saved.notes, bool(saved.trees["key"] == jax.random.key(30))
        (30, {'note': 30}, True)
    """

    directory: str | os.PathLike[str] = jax.tree.static()
    every: int = jax.tree.static(default=1000)
    keep: int = jax.tree.static(default=3)

    def __post_init__(self) -> None:
        _check.sizes("Checkpoints", every=self.every, keep=self.keep)
        object.__setattr__(self, "directory", _local(self.directory))

    def steps(self) -> list[int]:
        """The steps of the checkpoints there, oldest first."""
        folders = Path(self.directory).glob("*")
        return sorted(int(folder.name) for folder in folders if folder.name.isdecimal())

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Make the directory, and keep every other process out of it inside of `with`.

        `fit` does so for as long as it trains. The system lets go of the directory when the process
        ends, however it does.

        Raises:
            OSError: another process holds the directory, or it cannot be written.
        """
        self._prepare()
        with _lock.hold(Path(self.directory)):
            yield

    def _prepare(self) -> None:
        try:
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.directory):
                pass
        except OSError as error:
            raise OSError(
                f"Checkpoints: {self.directory} cannot be written ({error}). "
                "Choose another directory."
            ) from error

    def save(self, step: int, trees: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        """Write a checkpoint, then delete the oldest beyond `keep`.

        Args:
            step: its number. Checkpoints of this step and later ones are deleted: a run that
                writes it has left them behind.
            trees: pytrees of arrays and keys, by name.
            notes: anything that JSON can hold.

        Raises:
            OSError: another process holds the directory, or it cannot be written.
        """
        directory = Path(self.directory)
        with contextlib.nullcontext() if _lock.holds(directory) else self.hold():
            self._save(step, trees, notes)

    def _save(self, step: int, trees: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        from orbax.checkpoint import args

        described = {name: _describe(tree) for name, tree in trees.items()}
        # In a tuple each, for orbax saves no array alone.
        saved = {name: args.StandardSave((tree,)) for name, tree in trees.items()}
        notes = args.JsonSave({"leaves": described, "notes": notes})
        folder = self._folder(step)
        with self._manager() as manager:
            for later in self.steps():
                if later >= step:
                    manager.delete(later)
            manager.save(step, args=args.Composite(notes=notes, **saved), force=True)
            (folder / _SEAL).write_text(json.dumps(_digests(folder)), encoding="utf-8")
            # Not before the new one is sealed: with keep=1 there would be none in between.
            for old in self.steps()[: -self.keep]:
                manager.delete(old)

    def restore(self, like: Mapping[str, Any]) -> Saved | None:
        """Read the newest checkpoint that is whole; a damaged one is named in a warning.

        Args:
            like: for every tree wanted, one of the same structure, shapes and shardings, as
                `{"state": trainer.init(key)}`. Trees that the checkpoint lacks are left out, as
                long as it has one of them.

        Returns:
            `None` where the directory holds no checkpoint.

        Raises:
            TypeError: `like` is no mapping.
            ValueError: the checkpoint is one of another network or optimizer, has none of the
                trees, or every checkpoint there is damaged.
        """
        if not isinstance(like, Mapping):
            raise TypeError(
                'Checkpoints: like must name its trees, as {"state": trainer.init(key)}, '
                f"got {type(like).__name__}"
            )
        damages: list[str] = []
        for step in reversed(self.steps()):
            damaged = _damaged(self._folder(step))
            if damaged is None:
                for message in damages:
                    warnings.warn(f"{message}; going on from step {step}", stacklevel=2)
                return self._read(step, like)
            damages.append(f"Checkpoints: {damaged} is missing or damaged")
        if damages:
            raise ValueError(
                "; ".join(damages) + f". No checkpoint in {self.directory} can be used: "
                "delete the directory to start anew."
            )
        return None

    def _read(self, step: int, like: Mapping[str, Any]) -> Saved:
        from orbax.checkpoint import args

        with self._manager() as manager:
            found = manager.restore(step, args=args.Composite(notes=args.JsonRestore())).notes
            if not like.keys() & found["leaves"].keys():
                raise ValueError(
                    f"Checkpoints: {self._folder(step)} has none of the trees {', '.join(like)}; "
                    f"it has {', '.join(found['leaves'])}"
                )
            like = {name: tree for name, tree in like.items() if name in found["leaves"]}
            for name, tree in like.items():
                _compare(self._folder(step), name, found["leaves"][name], _describe(tree))
            wanted = {name: args.StandardRestore((tree,)) for name, tree in like.items()}
            trees = manager.restore(step, args=args.Composite(**wanted))
        return Saved(step, {name: trees[name][0] for name in like}, found["notes"])

    def _folder(self, step: int) -> Path:
        return Path(self.directory).absolute() / str(step)

    def _manager(self) -> Any:
        from orbax.checkpoint import CheckpointManager, CheckpointManagerOptions

        # A half-written step of a killed process is removed; saves are not asynchronous, so that
        # a step that was saved is on disk.
        options = CheckpointManagerOptions(
            enable_async_checkpointing=False, cleanup_tmp_directories=True
        )
        return CheckpointManager(Path(self.directory).absolute(), options=options)


def _local(directory: str | os.PathLike[str]) -> Path:
    """The absolute path of a local directory."""
    name = os.fspath(directory)
    if not name or "\0" in name:
        raise ValueError(f"Checkpoints: directory must name a directory, got {name!r}")
    if re.match("[A-Za-z][A-Za-z0-9+.-]+:/", name):
        raise ValueError(
            f"Checkpoints: directory must be a local one, got {name}. Save to a local or mounted "
            "directory, and copy it from there."
        )
    return Path(name).expanduser().absolute()


def _describe(tree: Any) -> dict[str, str]:
    leaves = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(path): _check.describe(leaf) for path, leaf in leaves}


def _compare(folder: Path, name: str, there: dict[str, str], here: dict[str, str]) -> None:
    differing = [
        f"{name}{path} is {there.get(path, 'missing')} there, {here.get(path, 'missing')} here"
        for path in there | here
        if there.get(path) != here.get(path)
    ]
    if differing:
        raise ValueError(
            f"Checkpoints: {folder} belongs to another network, optimizer or metrics: "
            + "; ".join(differing[:5])
            + (f"; and {len(differing) - 5} more" if differing[5:] else "")
            + ". Build the trainer as it was, or choose another directory."
        )


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _SEAL:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            digests[path.relative_to(folder).as_posix()] = digest
    return digests


def _damaged(folder: Path) -> Path | None:
    """The first file that is not as it was written."""
    try:
        sealed = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        found = _digests(folder)
        return next((folder / name for name in sealed if found.get(name) != sealed[name]), None)
    except (OSError, ValueError):
        return folder / _SEAL
