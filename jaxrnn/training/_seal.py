"""The seal of a checkpoint: which step it is, and the digests of its files."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .. import _paths

NAME = "sha256.json"


class DamagedError(Exception):
    """A checkpoint that cannot be used, and why."""


def write_json(path: Path, value: Any) -> None:
    """Write what JSON can hold."""
    path.write_text(json.dumps(value), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a dictionary; raises `DamagedError` for all else."""
    try:
        # A pipe would be waited for.
        value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DamagedError(f"{path} is missing or damaged")
    return value


def seal(folder: Path, step: int) -> None:
    """Write the seal of all that is in a folder, once it is on the disk."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): _digest(path) for path in paths}
    write_json(
        folder / NAME, {"step": step, "files": files, "sha256": _digest_of_seal(step, files)}
    )
    for path in [*paths, folder / NAME]:
        with path.open("r+b") as file:
            os.fsync(file.fileno())
    for path in [*(path for path in folder.rglob("*") if path.is_dir()), folder]:
        _paths.sync(path)


def sealed_step(folder: Path) -> int:
    """The step that a folder was sealed as; raises `DamagedError` where the seal is not whole."""
    return _read(folder)[0]


def check(folder: Path, step: int) -> None:
    """Raise `DamagedError` unless a folder is as it was sealed, as this step."""
    if folder.is_symlink():
        raise DamagedError(f"{folder} is a link, which is not followed")
    sealed, files = _read(folder)
    if sealed != step:
        raise DamagedError(f"{folder} has the seal of step {sealed}")
    for name, digest in files.items():
        if _digest(folder / name) != digest:
            raise DamagedError(f"{folder / name} is missing or damaged")


def _read(folder: Path) -> tuple[int, dict[str, str]]:
    found = read_json(folder / NAME)
    step, files = found.get("step"), found.get("files")
    # What has the right digest was written by `seal`.
    if found.get("sha256") != _digest_of_seal(step, files) or not isinstance(files, dict):
        raise DamagedError(f"{folder / NAME} is missing or damaged")
    return int(step), files  # type: ignore[arg-type]


def _digest_of_seal(step: Any, files: Any) -> str:
    return hashlib.sha256(json.dumps([step, files], sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None
