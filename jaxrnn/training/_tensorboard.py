"""`TensorBoard`: the history as event files that TensorBoard shows."""

import os
import time
import typing
from types import TracebackType
from typing import Any

import jax
import numpy as np

from .. import _check, _paths
from .._checked import checked
from ._loop import Event


@typing.final
class TensorBoard:
    """A callback of `fit` that writes every row of the history for TensorBoard.

    Each column is a scalar of that name (of a list, one for each entry, `name/0`), and the trainer
    is written once, as text. What is written is on disk as soon as `fit` goes on; the file is
    closed by `close`, at the end of `with`, or with the process. In a run that is resumed,
    TensorBoard hides what an older file says of steps that are taken anew.

    Of several processes that train together the first writes.

    Unlike a noun it holds something open, so it is no pytree.

    Args:
        directory: a local one, made if it is not there. Give each run its own.

    Raises:
        ImportError: tensorboardX is not installed: `pip install 'jaxrnn[tensorboard]'`.
        OSError: the directory cannot be written.
        ValueError: the directory is remote or has no name.

    Example:
        >>> import tempfile, jax, optax
        >>> from jaxrnn import networks, objectives, training
        >>> trainer = training.Trainer(
        ...     networks.Dense(2, 1), objectives.SquaredError(), optax.adam(0.1)
        ... )
        >>> batch = jax.numpy.ones((4, 3, 2)), jax.numpy.ones((4, 3, 1))
        >>> with training.TensorBoard(tempfile.mkdtemp()) as board:
        ...     result = training.fit(
        ...         trainer, [batch], steps=2, key=jax.random.key(0), callbacks=[board],
        ...         progress=None)
    """

    @checked
    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = _paths.local("TensorBoard", "directory", directory)
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            raise ImportError(
                "TensorBoard needs tensorboardX: pip install 'jaxrnn[tensorboard]'"
            ) from error
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            trial = self.directory / f".trial.{os.getpid()}"
            trial.write_bytes(b"")
            trial.unlink()
        except OSError as error:
            raise OSError(
                f"TensorBoard: {self.directory} cannot be written ({error}). Choose another "
                "directory."
            ) from error
        self._file: Any = None
        self._said: str | None = None

    def __call__(self, event: Event) -> None:
        """Write a row."""
        from tensorboardX import summary

        _check.kind("TensorBoard", "event", event, Event)
        if jax.process_index() and not getattr(event.state.step, "is_fully_addressable", True):
            return
        if self._file is None:
            self._begin(event.step)
        said = repr(event.trainer)
        if said != self._said:
            # As code, or Markdown would read the underscores of names.
            self._write(event.step, summary=summary.text("trainer", f"    {said}"))
            self._said = said
        values = [
            {"tag": "/".join([name, *map(str, index)]), "simple_value": float(numbers[index])}
            for name, numbers in zip(event.row, map(np.asarray, event.row.values()), strict=True)
            for index in np.ndindex(numbers.shape)
            if name != "step" and numbers.dtype.kind in "biuf"
        ]
        self._write(event.step, summary={"value": values})
        self._file.flush()

    def close(self) -> None:
        """Close the file; the next row would begin another one."""
        if self._file is not None:
            self._file.close()
            self._file = self._said = None

    def _begin(self, step: int) -> None:
        """Open a file, and say in it that rows of this step and later ones are taken anew.

        It is written by the part of tensorboardX that writes at once: its `SummaryWriter` has a
        thread do so, and a row could not be read when `flush` returns.
        """
        from tensorboardX.event_file_writer import EventsWriter

        self._file = EventsWriter(str(self.directory / "events"), f".{time.time_ns()}")
        self._write(step, session_log={"status": "START"})

    def _write(self, step: int, **what: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event as Record

        self._file.write_event(Record(step=step, wall_time=time.time(), **what))

    def __enter__(self) -> "TensorBoard":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        """The call that makes it."""
        return f"TensorBoard({str(self.directory)!r})"
