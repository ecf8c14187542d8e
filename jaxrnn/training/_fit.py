"""`fit`: the training loop for people."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np

from .. import _check
from .._typing import Key
from ._checkpoints import Checkpoints
from ._csv_log import CsvLog
from ._early_stopping import EarlyStopping
from ._progress import Display, Progress
from ._run import Run, Window
from ._trainer import Trainer, TrainState

_SHOWN = Progress()


@runtime_checkable
class Batches(Protocol):
    """Batches addressed by the step that reads them, as `data.Dataset`."""

    def __getitem__(self, step: int, /) -> Any:
        """The batch of a step."""


class Event(NamedTuple):
    """What a callback is called with: a new row of the history, and the state that made it."""

    step: int
    row: dict[str, Any]
    state: TrainState


class Result(NamedTuple):
    """What `fit` returns.

    Shapes:
        state: the last state; with early stopping, its parameters are the best ones.
        history: one dictionary a row, as `{"step": 100, "train/loss": 2.1, ...}`.
        step: the step at which the parameters in `state` were reached.
    """

    state: TrainState
    history: list[dict[str, Any]]
    step: int


def fit(
    trainer: Trainer,
    data: Batches,
    *,
    steps: int,
    key: Key | None = None,
    state: TrainState | None = None,
    validation: Iterable[Any] | None = None,
    every: int = 100,
    callbacks: Sequence[Callable[[Event], Any]] = (),
    early_stopping: EarlyStopping | None = None,
    checkpoints: Checkpoints | None = None,
    log: str | os.PathLike[str] | None = None,
    progress: Progress | None = _SHOWN,
) -> Result:
    """Train for a number of steps, and show, score, save and stop on the way.

    Every `every` steps, and at the end, the history grows by a row: the mean training loss since
    the row before, the mean norm of the gradient, the trainer's metrics, and the same of the
    held-out batches.

    Where `checkpoints` finds some in its directory, training goes on from the newest, bit for bit
    as if it had not stopped; `Ctrl-C` writes one and is raised again.

    Args:
        trainer: what is trained.
        data: `data[step]` is the batch of a step, for any step; a list is gone through over and
            over.
        steps: how many steps in all, those before a resume included.
        key: from which everything random is drawn; needed unless `state` is given.
        state: where to start from, instead of `trainer.init(key)`.
        validation: held-out batches, gone through anew for each row: a dataset, a list, one batch,
            or a `data.Stacked`.
        every: how many steps lie between two rows.
        callbacks: called with an `Event` for each row. Training stops where one returns something
            true.
        early_stopping: stops when a column stops improving, and returns the best parameters.
        checkpoints: where and how often the run is saved.
        log: a CSV file that gets every row.
        progress: what is shown; `None` shows nothing.

    Returns:
        The state, the history, and the step of the returned parameters.

    Raises:
        FloatingPointError: the loss or the parameters are no longer finite. Checkpoints hold
            finite parameters only.
        OSError: the log or the directory of the checkpoints cannot be written, or another run uses
            that directory.
        TypeError: neither `key` nor `state` came, or `data` is not addressed by step.
        ValueError: `steps` or `every` is below 1; the checkpoints belong to another network, to a
            run with another key, or to one that is beyond `steps`.

    Example:
        >>> import jax, optax
        >>> from jaxrnn import networks, objectives, training
        >>> inputs = jax.random.normal(jax.random.key(0), (8, 4, 2))
        >>> batch = (inputs, inputs.sum(-1, keepdims=True))
        >>> trainer = training.Trainer(
        ...     networks.Dense(2, 1), objectives.SquaredError(), optax.adam(0.1)
        ... )
        >>> result = training.fit(
        ...     trainer, [batch], steps=200, key=jax.random.key(1), progress=None
        ... )
        >>> [row["step"] for row in result.history], result.history[-1]["train/loss"] < 1e-2
        ([100, 200], True)
    """
    _check_arguments(validation, checkpoints, progress, steps=steps, every=every)
    batch_of = _addressed(data)
    state = _started(trainer, key, state)
    started = int(state.step)
    run = Run(state, step=started, saved=started)
    _check_stopping(early_stopping, validation)
    if early_stopping is not None:
        run = run._replace(best=state.params)
    with contextlib.nullcontext() if checkpoints is None else checkpoints.hold():
        if checkpoints is not None:
            run = run.resume(checkpoints, steps)
        table = CsvLog(log, run.history)
        asked_to_stop = False

        def record(run: Run) -> Run:
            """Add a row to the history, and tell everyone who listens."""
            nonlocal asked_to_stop
            run = run.read()
            row = _row(trainer, run, validation)
            if early_stopping is not None:
                standing = early_stopping.update(run.standing, row)
                best = run.state.params if standing.step == run.step else run.best
                run = run._replace(standing=standing, best=best)
            table.write(row)
            display.row(row)
            for callback in callbacks:
                asked_to_stop |= bool(callback(Event(run.step, row, run.state)))
            if trainer.metrics is not None:
                run = run._replace(state=run.state._replace(metrics=trainer.metrics.init()))
            return run._replace(history=(*run.history, row), window=Window())

        def finished(run: Run) -> bool:
            stopped = early_stopping is not None and early_stopping.done(run.standing)
            return run.step >= steps or stopped or asked_to_stop

        def save(run: Run) -> Run:
            return run if checkpoints is None else run.save(checkpoints)

        with Display(progress, run.step, steps) as display:
            if checkpoints is not None and run.step > started:
                display.say(f"going on from step {run.step} of {checkpoints.directory}")
            try:
                while True:
                    if run.step % every == 0 and run.unreported:
                        run = record(run)
                    if checkpoints is not None and run.step % checkpoints.every == 0:
                        run = run.save(checkpoints)
                    if finished(run):
                        break
                    run = run.advance(trainer, batch_of(run.step))
                    display.update(run.step, run.window)
            except KeyboardInterrupt:
                save(run)
                raise
            run = save(run)
            # After the last checkpoint: a run that is prolonged later has no row at this step.
            if run.unreported:
                run = record(run)
        return _result(run)


def _started(trainer: Trainer, key: Key | None, state: TrainState | None) -> TrainState:
    if state is not None:
        return state
    if key is None:
        raise TypeError("fit: pass key=jax.random.key(...), or state= to start from")
    return _init(trainer, key)


def _check_arguments(validation: Any, checkpoints: Any, progress: Any, **sizes: int) -> None:
    _check.sizes("fit", **sizes)
    if isinstance(validation, Iterator):
        raise TypeError(
            "fit: validation is gone through many times, and an iterator gives its batches once. "
            "Pass a list or a dataset."
        )
    if not isinstance(checkpoints, Checkpoints | None):
        raise TypeError(f"fit: checkpoints must be `Checkpoints(directory)`, got {checkpoints!r}")
    if not isinstance(progress, Progress | None):
        raise TypeError(f"fit: progress must be a `Progress()`, or None for none, got {progress!r}")


def _check_stopping(stopping: EarlyStopping | None, validation: Iterable[Any] | None) -> None:
    if stopping and validation is None and stopping.metric.startswith("validation/"):
        raise ValueError(
            f"fit: EarlyStopping reads {stopping.metric!r}, but there is no validation. "
            "Pass fit(validation=...), or name a training metric."
        )


def _addressed(data: Batches) -> Callable[[int], Any]:
    """`data[step]`, for a list too."""
    if isinstance(data, list) and data:
        return lambda step: data[step % len(data)]
    if isinstance(data, list | tuple) or not isinstance(data, Batches):
        raise TypeError(
            "fit: data must give the batch of any step as data[step], like a data.Dataset or a "
            f"list of batches that is not empty, got {type(data).__name__}"
        )
    return data.__getitem__


def _result(run: Run) -> Result:
    if run.best is None:
        return Result(run.state, list(run.history), run.step)
    return Result(run.state._replace(params=run.best), list(run.history), run.standing.step)


def _row(trainer: Trainer, run: Run, validation: Iterable[Any] | None) -> dict[str, Any]:
    window = run.window
    row = {
        "step": run.step,
        "train/loss": window.mean_loss(),
        "train/gradient_norm": window.gradient_norm / max(window.steps, 1),
    }
    if trainer.metrics is not None:
        row |= _named("train", trainer.metrics.compute(run.state.metrics))
    if validation is not None:
        evaluation = trainer.evaluate(run.state, validation)
        row["validation/loss"] = float(evaluation.loss)
        row |= _named("validation", evaluation.metrics)
    return row


def _named(part: str, values: Any) -> dict[str, Any]:
    """Metrics as columns: `{"accuracy": 0.5}` of the training as `{"train/accuracy": 0.5}`."""
    leaves = jax.tree.leaves_with_path(values)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    return {
        f"{part}/{name or 'metric'}": np.asarray(leaf).tolist()
        for name, (_, leaf) in zip(names, leaves, strict=True)
    }


_init = jax.jit(Trainer.init)
