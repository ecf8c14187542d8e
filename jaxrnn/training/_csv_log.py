"""`CsvLog`: the history as a file that grows while training runs."""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class CsvLog:
    """A CSV file with one line a row, on disk as soon as it is written.

    Args:
        path: the file; folders above it are made, and an older file is replaced. `None` writes
            nothing.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = None if path is None else Path(path)
        self._columns: list[str] = []
        self._rows: list[Mapping[str, Any]] = []

    def begin(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Start the file with some rows.

        A resumed run passes its history, so that the file holds neither a gap nor a row twice.
        """
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text("", encoding="utf-8")
        for row in rows:
            self.write(row)

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row; where it brings a new column, the file is written anew."""
        if self._path is None:
            return
        self._rows.append(row)
        new = [name for name in row if name not in self._columns]
        self._columns += new
        with self._path.open("w" if new else "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns)
            if new:
                writer.writeheader()
            writer.writerows(self._rows if new else [row])
