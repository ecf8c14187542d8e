"""`Checkpoints`: a run on disk."""

import contextlib
import os
import re
import shutil
import typing
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import _check, _paths
from .._config import Config
from . import _arrays, _leaves, _lock, _seal
from ._seal import DamagedError

_NOTES = "notes.json"
# A step; where something else has its name already, with underscores behind it.
_STEP = re.compile("(0|[1-9][0-9]*)_*")
_LEFT_BEHIND = re.compile(r"\.(0|[1-9][0-9]*)_*\.(new|old)")


class Saved(NamedTuple):
    """What a checkpoint holds."""

    step: int
    trees: dict[str, Any]
    notes: dict[str, Any]


@typing.final
class Checkpoints(Config):
    """A directory of the newest checkpoints of one run.

    A checkpoint is written beside its place and sealed with its step and the digests of its files;
    only then it gets its name. So a process that is killed at any moment leaves the older ones
    whole, one that is cut off or in which one bit differs is recognised and never used, and
    whatever else lies in the directory is left alone.

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
        object.__setattr__(
            self, "directory", _paths.local("Checkpoints", "directory", self.directory)
        )

    def steps(self) -> list[int]:
        """The steps of the checkpoints there, oldest first; all that is sealed counts."""
        return [step for step, _ in self._sealed()]

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Make the directory, and keep every other process out of it inside of `with`.

        `fit` does so for as long as it trains. The system lets go of the directory when the process
        ends, however it does.

        Raises:
            OSError: another process holds the directory, or what is written there cannot be read
                again, which is tried.
        """
        with self._locked():
            trial = {"trial": np.arange(3)}
            folder = self._write(0, trial, {})
            try:
                self._read(0, folder, trial)
            except DamagedError as damage:
                raise OSError(f"Checkpoints: {damage}. Choose another directory.") from damage
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            yield

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        directory = Path(self.directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f"Checkpoints: {directory} cannot be made ({error}). Choose another directory."
            ) from error
        with _lock.hold(directory):
            yield

    def save(self, step: int, trees: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        """Write a checkpoint, then delete the oldest beyond `keep`.

        Args:
            step: its number. Checkpoints of this step and later ones are deleted: a run that
                writes it has left them behind.
            trees: pytrees of arrays, keys and numbers, by name.
            notes: anything that JSON can hold.

        Raises:
            OSError: another process holds the directory, or it cannot be written.
            TypeError: `trees` or `notes` is no mapping by names, a leaf is no array and no number,
                or JSON cannot hold the notes.
            ValueError: `step` is below 0.
        """
        if isinstance(step, bool) or not isinstance(step, int | np.integer):
            raise TypeError(f"Checkpoints: step must be an integer, got {step!r}")
        if step < 0:
            raise ValueError(f"Checkpoints: step must be at least 0, got {step}")
        _check_named("trees", trees)
        if not isinstance(notes, Mapping):
            raise TypeError(f"Checkpoints: notes must be a dict, got {type(notes).__name__}")
        # A callback may save in the directory of its own run.
        held = _lock.holds(Path(self.directory))
        with contextlib.nullcontext() if held else self._locked():
            new = self._write(int(step), trees, notes)
            try:
                self._publish(int(step), new)
            except OSError as error:
                raise OSError(
                    f"Checkpoints: step {step} cannot be saved in {self.directory} ({error})"
                ) from error

    def restore(self, like: Mapping[str, Any]) -> Saved:
        """Read the newest checkpoint that is whole; a damaged one is named in a warning.

        Args:
            like: for every tree wanted, one of the same structure, shapes and shardings, as
                `{"state": trainer.init(key)}`. Trees that the checkpoint lacks are left out, as
                long as it has one of them.

        Raises:
            FileNotFoundError: there is no checkpoint.
            TypeError: `like` is no mapping.
            ValueError: the checkpoint is one of another network or optimizer, has none of the
                trees, or every checkpoint there is damaged.
        """
        _check_named("like", like)
        while folders := self._folders():
            damages: list[str] = []
            for step, folder in reversed(folders):
                try:
                    saved = self._read(step, folder, like)
                except DamagedError as damage:
                    # A run that goes on meanwhile deletes its oldest ones.
                    if folder.exists():
                        damages.append(f"Checkpoints: {damage}")
                    continue
                for message in damages:
                    warnings.warn(f"{message}; going on from step {step}", stacklevel=2)
                return saved
            if damages:
                raise ValueError(
                    "; ".join(damages) + f". No checkpoint in {self.directory} can be used: "
                    "delete the directory to start anew."
                )
        state = "holds no checkpoint" if os.path.isdir(self.directory) else "does not exist"
        raise FileNotFoundError(
            f"Checkpoints: {self.directory} {state}. Pass the directory that `fit(checkpoints=)` "
            "wrote to."
        )

    def _write(self, step: int, trees: Mapping[str, Any], notes: Mapping[str, Any]) -> Path:
        """A sealed checkpoint that has no name yet."""
        described = {name: _leaves.describe(name, tree) for name, tree in trees.items()}
        directory = Path(self.directory)
        folder = directory / f".{step}.new"
        try:
            for path in directory.iterdir():
                if _LEFT_BEHIND.fullmatch(path.name) and _is_folder(path):  # by a kill
                    shutil.rmtree(path)
            folder.mkdir()
            _seal.write_json(folder / _NOTES, {"trees": described, "notes": dict(notes)})
            for index, tree in enumerate(trees.values()):
                _arrays.write(folder / str(index), jax.tree.leaves(tree))
            _seal.seal(folder, step)
        except (OSError, TypeError, ValueError, RecursionError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise OSError(
                    f"Checkpoints: {directory} cannot be written ({error}). "
                    "Choose another directory."
                ) from error
            raise TypeError(f"Checkpoints: notes must be what JSON can hold ({error})") from error
        return folder

    def _publish(self, step: int, new: Path) -> None:
        """Give a checkpoint its name, and delete those that it replaces.

        At any moment one of them has a name. What else has the name stays where it is.
        """
        directory = Path(self.directory)
        replaced = [folder for other, folder in self._folders() if other >= step]
        name = str(step)
        while os.path.lexists(directory / name):
            name += "_"
        place = new.rename(directory / name)
        _paths.sync(directory)
        for folder in replaced:
            _delete(folder)
        if not os.path.lexists(directory / str(step)):
            place.rename(directory / str(step))
        kept = self._sealed()[-self.keep :]
        for other, folder in self._folders():
            if other < kept[0][0]:
                _delete(folder)
        _paths.sync(directory)

    def _read(self, step: int, folder: Path, like: Mapping[str, Any]) -> Saved:
        """Read one checkpoint; raises `DamagedError` where it is not as it was written."""
        _seal.check(folder, step)
        there, notes = _read_notes(folder / _NOTES)
        if not like.keys() & there.keys():
            raise ValueError(
                f"Checkpoints: {folder} has none of the trees {', '.join(like)}; "
                f"it has {', '.join(there)}"
            )
        trees = {}
        for index, (name, paths) in enumerate(there.items()):
            if name in like:
                wanted = _leaves.describe(name, like[name])
                _leaves.compare(folder, name, paths, wanted)
                # Found by their paths: fields may have been reordered since.
                leaves = dict(zip(wanted, jax.tree.leaves(like[name]), strict=True))
                read = _arrays.read(folder / str(index), [leaves[path] for path in paths])
                leaves = dict(zip(paths, read, strict=True))
                structure = jax.tree.structure(like[name])
                trees[name] = jax.tree.unflatten(structure, [leaves[path] for path in wanted])
        return Saved(step, trees, notes)

    def _folders(self) -> list[tuple[int, Path]]:
        """The folders that this class wrote, by step, damaged ones too."""
        try:
            paths = sorted(Path(self.directory).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise OSError(f"Checkpoints: {self.directory} cannot be read ({error})") from error
        found = [(_STEP.fullmatch(path.name), path) for path in paths]
        return sorted((int(match[1]), path) for match, path in found if match and _is_ours(path))

    def _sealed(self) -> list[tuple[int, Path]]:
        return [(step, folder) for step, folder in self._folders() if _has_seal_of(step, folder)]


def _check_named(name: str, trees: Any) -> None:
    if not isinstance(trees, Mapping) or not all(isinstance(key, str) for key in trees):
        raise TypeError(
            f'Checkpoints: {name} must name its trees, as {{"state": trainer.init(key)}}, '
            f"got {type(trees).__name__}"
        )


def _read_notes(path: Path) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """What the leaves of every tree are, and the notes that were saved beside them."""
    found = _seal.read_json(path)
    trees, notes = found.get("trees"), found.get("notes")
    if not (isinstance(trees, dict) and isinstance(notes, dict)) or not all(
        isinstance(tree, dict) for tree in trees.values()
    ):
        raise DamagedError(f"{path} is missing or damaged")
    return trees, notes


def _is_ours(path: Path) -> bool:
    """Whether a folder, or the one that a link leads to, has one of the files of a checkpoint."""
    return any(os.path.lexists(path / name) for name in (_seal.NAME, _NOTES))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _has_seal_of(step: int, folder: Path) -> bool:
    try:
        return _is_folder(folder) and _seal.sealed_step(folder) == step
    except DamagedError:
        return False


def _delete(folder: Path) -> None:
    """Take a checkpoint's name away first, so that no half of one is ever seen."""
    if _is_folder(folder):
        unnamed = folder.rename(folder.with_name(f".{folder.name}.old"))
        shutil.rmtree(unnamed, ignore_errors=True)
