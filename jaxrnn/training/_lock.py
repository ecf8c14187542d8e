"""`hold`: a directory that belongs to one process for a while."""

import contextlib
import datetime
import errno
import json
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

NAME = ".lock"

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_held: set[Path] = set()


@contextlib.contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Keep every other run out of a directory; the system lets go of it when the process dies.

    Raises:
        OSError: another run holds it; the message says which.
    """
    # Never through a link, which could lead to a file of something else.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(directory / NAME, flags, 0o644)
    except OSError as error:
        raise OSError(
            f"Checkpoints: {directory / NAME} cannot be opened ({error}). "
            "It says which process uses the directory: remove it, or choose another directory."
        ) from error
    with open(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                warnings.warn(
                    f"Checkpoints: the file system of {directory} has no locks ({error}): see to "
                    "it yourself that no second run uses it.",
                    stacklevel=2,
                )
            else:
                raise OSError(
                    f"Checkpoints: {directory} is in use by {_holder(file.read(4096))}. Wait for "
                    "it or stop it, or choose another directory."
                ) from error
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        file.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": now}, file)
        file.flush()
        _held.add(directory)
        try:
            yield
        finally:
            _held.discard(directory)


def holds(directory: Path) -> bool:
    """Whether a run in this process holds the directory."""
    return directory in _held


def _holder(text: str) -> str:
    try:
        found = json.loads(text)
        return f"process {found['pid']} on {found['host']}, since {found['since']}"
    except (ValueError, TypeError, KeyError, RecursionError):
        return "another process"


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A byte far behind the text, for what is locked there cannot be read by others.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
