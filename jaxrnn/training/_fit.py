"""`fit`: the training loop for people."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from jax.sharding import NamedSharding

from .._typing import Key
from . import _arguments
from ._arguments import Batches
from ._checkpoints import Checkpoints
from ._csv_log import CsvLog
from ._early_stopping import EarlyStopping
from ._hyperparameters import adopt, changes
from ._loop import Event, Loop, warn_without_best
from ._placement import placement
from ._processes import Processes
from ._progress import Display, Progress
from ._run import Run
from ._shared_checkpoints import SharedCheckpoints
from ._state import TrainState
from ._trainer import Trainer

_SHOWN = Progress()


class Result(NamedTuple):
    """What `fit` returns.

    Shapes:
        state: the last state; with early stopping, its parameters are the best ones.
        history: one dictionary a row, as `{"step": 100, "train/loss": 2.1, ...}`.
        step: the step at which the parameters in `state` were reached.
        last: the state after the last step, with the last parameters: `state` itself, without early
            stopping. Training goes on from here; `last.step` says how far it is. A checkpoint holds
            both, as its trees `best` and `state`.
    """

    state: TrainState
    history: list[dict[str, Any]]
    step: int
    last: TrainState

    def __repr__(self) -> str:
        return f"<Result of step {self.step}: {len(self.history)} rows, {self.state!r}>"


def fit(
    trainer: Trainer,
    data: Batches,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    key: Key | None = None,
    state: TrainState | None = None,
    validation: Iterable[Any] | None = None,
    every: int | None = None,
    callbacks: Sequence[Callable[[Event], Any]] = (),
    early_stopping: EarlyStopping | None = None,
    checkpoints: Checkpoints | None = None,
    log: str | os.PathLike[str] | None = None,
    progress: Progress | None = _SHOWN,
    sharding: NamedSharding | None = None,
) -> Result:
    """Train for a number of steps, and show, score, save and stop on the way.

    Every `every` steps, and at the end, the history grows by a row: the mean training loss since
    the row before, the mean norm of the gradient, the trainer's metrics, and the same of the
    held-out batches.

    Where `checkpoints` finds some in its directory, training goes on from the newest, bit for bit
    as if it had not stopped; `Ctrl-C` writes one and is raised again. What the call says holds from
    there on: another learning rate too, be it the optimizer's own or one in its state, by
    `optax.inject_hyperparams`.

    With `sharding`, one step runs on several devices, also on those of several processes that
    `jax.distributed.initialize` has brought together, each of which makes this same call. XLA
    divides the program of one device, so the results are the same, up to the order of sums.
    Parameters are copied to every device unless `state` holds them divided over its devices: then
    they stay so. Checkpoints hold whole arrays, which any number of devices goes on from. Of
    several processes the first alone writes and shows; an error or a callback that stops one at a
    row stops all.

    Args:
        trainer: what is trained.
        data: `data[step]` is the batch of a step, for any step: a `data.Dataset`, or a list of
            batches, which is gone through over and over.
        steps: how many steps in all, counted from the start of training: those of the state or
            of the checkpoint that it goes on from included.
        epochs: how many times to go through the data instead, `epochs * len(data)` steps.
        key: from which everything random is drawn; needed unless `state` is given.
        state: where to start from, instead of `trainer.init(key)`. It has a key of its own, and
            the hyper-parameters of `optax.inject_hyperparams`.
        validation: held-out batches, gone through anew for each row: a dataset, a list, one batch,
            or a `data.Stacked`.
        every: how many steps lie between two rows; by default 100, or those of an epoch with
            `epochs`.
        callbacks: called with an `Event` for each row. Training stops where one returns something
            true.
        early_stopping: stops when a column stops improving, and returns the best parameters; the
            last ones are in `Result.last`. Where the column is NaN in every row it warns, and
            returns the last ones.
        checkpoints: where and how often the run is saved.
        log: a CSV file that gets every row.
        progress: what is shown; `None` shows nothing.
        sharding: how batches, `[T, batch]`, held-out ones too, are divided among devices:
            `NamedSharding(jax.make_mesh((2,), ("data",)), P(None, "data"))`. Every process gives
            the whole batches, of which it copies its own rows to its devices; or arrays that are
            divided already. `None` trains on one device.

    Returns:
        The state, the history, and the step of the returned parameters.

    Raises:
        FloatingPointError: the loss, the penalty or the parameters are no longer finite. The
            message says which, at which step, and whether the inputs were. Checkpoints hold finite
            parameters only. A gradient that is not finite is an error if the parameters are not
            either: `optax.apply_if_finite` may leave such a step out. A row in whose steps nothing
            counted has the loss NaN, and a warning.
        OSError: the log or the directory of the checkpoints cannot be written, or another run uses
            that directory.
        RuntimeError: another process was lost.
        TypeError: neither or both of `steps` and `epochs`, or of `key` and `state`, came; `data`
            is not addressed by step; an argument is of another kind; `fit` itself is inside `jit`,
            `vmap` or `grad`.
        ValueError: `steps`, `epochs` or `every` is below 1; the state has taken all the steps; the
            checkpoints belong to another network, to a run with another key, to one that is beyond
            `steps`, or to one whose early stopping had another criterion; a batch cannot be divided
            evenly among the devices, or `sharding` divides time.

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
    _arguments.check(
        trainer,
        validation=validation,
        callbacks=callbacks,
        checkpoints=checkpoints,
        progress=progress,
        traced=(key, state, data),
    )
    steps, every = _arguments.duration(data, steps, epochs, every)
    batch_of = _arguments.addressed("fit", data)
    placed = placement("fit", sharding)
    processes = Processes(placed.several)
    with processes.watched():
        state = _arguments.started(trainer, key, state, steps)
        processes.agree(
            "states to start from", state, "Pass the same key= or state= to all of them."
        )
        state = placed.state(state)
    run = Run(state, step=int(state.step), saved=int(state.step))
    if early_stopping is not None:
        _arguments.check_stopping(early_stopping, trainer, validation)
        run = run._replace(best=state.params)
    store = None if checkpoints is None else SharedCheckpoints(checkpoints, processes)
    with processes.watched(), contextlib.nullcontext() if store is None else store.hold():
        said = _arguments.held_beside(trainer, state)
        if store is not None:
            run, said = _resumed(run, store, steps, said)
        if early_stopping is not None:
            early_stopping.check(run.standing)
        table = CsvLog(log if processes.leads else None)
        processes.each(lambda: table.begin(run.history))
        with Display(progress if processes.leads else None, run.step, steps) as display:
            for line in said:
                display.say(line)
            loop = Loop(
                trainer,
                steps,
                validation=validation,
                callbacks=callbacks,
                early_stopping=early_stopping,
                checkpoints=store,
                table=table,
                display=display,
                placement=placed,
                processes=processes,
            )
            run = loop.run(run, every, batch_of)
    warn_without_best(early_stopping, run)
    state, step = run.chosen
    return Result(state, list(run.history), step, run.state)


def _resumed(
    run: Run, store: SharedCheckpoints, steps: int, said: list[str]
) -> tuple[Run, list[str]]:
    """The run of the newest checkpoint, under the hyper-parameters of this call."""
    found, checkpoints = run.resume(store, steps), store.checkpoints
    if found is run:
        return run, said
    if found.step < run.step:
        raise ValueError(
            f"fit: the state is at step {run.step}, and {checkpoints.directory} holds a run that "
            f"is at step {found.step} only. Pass the state that this run began with, or another "
            "directory for a new run."
        )
    held, asked = found.state.opt_state, run.state.opt_state
    said = [f"going on from step {found.step} of {checkpoints.directory}"]
    said += [f"{name} is {new} from here, {old} before" for name, old, new in changes(held, asked)]
    return found._replace(state=found.state._replace(opt_state=adopt(held, asked))), said
