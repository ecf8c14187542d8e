"""Where files lie, and when they are there."""

import os
import re
from pathlib import Path
from typing import Any


def local(who: str, name: str, value: Any) -> Path:
    """The absolute path of a local file or directory; raises for a remote one."""
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(path, str):
        raise TypeError(f"{who}: {name} must be a path, got {value!r}")
    if not path or "\0" in path:
        raise ValueError(f"{who}: {name} must name a place, got {path!r}")
    if re.match("[A-Za-z][A-Za-z0-9+.-]+:/", path):
        raise ValueError(
            f"{who}: {name} must be local, got {path}. Use a local or mounted path, and copy from "
            "or to it."
        )
    return Path(path).expanduser().absolute()


def sync(directory: Path) -> None:
    """Have the names in a directory on the disk, where the system can do that."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
