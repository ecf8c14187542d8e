"""`Loop`: what happens between the steps of a run."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ._csv_log import CsvLog
from ._early_stopping import EarlyStopping
from ._placement import Placement
from ._processes import Processes
from ._progress import Display
from ._rows import row
from ._run import Run, Window
from ._shared_checkpoints import SharedCheckpoints
from ._state import TrainState
from ._trainer import Trainer


class Event(NamedTuple):
    """What a callback is called with: a new row of the history, and what made it."""

    step: int
    row: dict[str, Any]
    state: TrainState
    trainer: Trainer

    def __repr__(self) -> str:
        """The row, and in a few words the state."""
        return f"<Event {self.row}, {self.state!r}>"


class Loop:
    """Rows, checkpoints, and when it is enough."""

    def __init__(
        self,
        trainer: Trainer,
        steps: int,
        *,
        validation: Iterable[Any] | None,
        callbacks: Sequence[Callable[[Event], Any]],
        early_stopping: EarlyStopping | None,
        checkpoints: SharedCheckpoints | None,
        table: CsvLog,
        display: Display,
        placement: Placement,
        processes: Processes,
    ) -> None:
        self._trainer, self._steps, self._validation = trainer, steps, validation
        self._callbacks, self._stopping, self._checkpoints = callbacks, early_stopping, checkpoints
        self._table, self._display = table, display
        self._placement, self._processes = placement, processes
        self._asked_to_stop = False

    def run(self, run: Run, every: int, batch_of: Callable[[int], Any]) -> Run:
        """Train to the end, with a row every so many steps."""
        try:
            while True:
                if run.step % every == 0 and run.unreported:
                    run = self._record(run)
                if self._due(run):
                    run = self._save(run)
                if self._finished(run):
                    break
                run = run.advance(self._trainer, batch_of(run.step), self._placement)
                self._display.update(run.step, run.window)
        except KeyboardInterrupt:
            # Several processes are not at one step then, and none can save what others hold.
            if not self._processes.several:
                self._save(run)
            raise
        run = self._save(run)
        run.check_finite()
        # After the last checkpoint: a run that is prolonged later has no row at this step.
        return self._record(run) if run.unreported else run

    def _record(self, run: Run) -> Run:
        """Add a row to the history, and tell everyone who listens."""
        run = run.read()
        if not run.window.weight:
            warnings.warn(
                f"fit: nothing counted in the {run.window.steps} steps up to {run.step}, where "
                "masks, weights or ignored labels left out everything: their loss is NaN.",
                stacklevel=2,
            )
        new = row(self._trainer, run, self._validation, self._placement)
        if self._stopping is not None:
            standing = self._stopping.update(run.standing, new)
            best = run.state.params if standing.step == run.step else run.best
            run = run._replace(standing=standing, best=best)
        event = Event(run.step, new, run.state, self._trainer)
        self._asked_to_stop |= any(self._processes.each(lambda: self._tell(event)))
        if self._trainer.metrics is not None:
            afresh = self._placement.state(self._trainer.metrics.init())
            run = run._replace(state=run.state._replace(metrics=afresh))
        return run._replace(history=(*run.history, new), window=Window())

    def _tell(self, event: Event) -> bool:
        """Write and show a row, call the callbacks, and say whether one of them wants to stop."""
        self._table.write(event.row)
        self._display.row(event.row)
        asked = [bool(callback(event)) for callback in self._callbacks]
        return any(asked)

    def _due(self, run: Run) -> bool:
        store = self._checkpoints
        return store is not None and run.step % store.checkpoints.every == 0

    def _save(self, run: Run) -> Run:
        return run if self._checkpoints is None else run.save(self._checkpoints)

    def _finished(self, run: Run) -> bool:
        stopped = self._stopping is not None and self._stopping.done(run.standing)
        return run.step >= self._steps or stopped or self._asked_to_stop


def warn_without_best(stopping: EarlyStopping | None, run: Run) -> None:
    """Say that early stopping found nothing to compare."""
    if stopping is not None and run.standing.waited and run.standing.best is None:
        warnings.warn(
            f"fit: {stopping.metric!r} was NaN in every row, so that none is the best: the "
            f"parameters are those of the last step, {run.step}.",
            stacklevel=3,
        )
