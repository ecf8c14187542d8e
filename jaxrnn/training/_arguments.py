"""What `fit` is called with: read and checked before the first step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from .. import _check
from ._checkpoints import Checkpoints
from ._early_stopping import EarlyStopping
from ._hyperparameters import changes, injected
from ._progress import Progress
from ._rows import columns
from ._state import TrainState
from ._trainer import Trainer


@runtime_checkable
class Batches(Protocol):
    """Batches addressed by the step that reads them, as `data.Dataset`."""

    def __getitem__(self, step: int, /) -> Any:
        """The batch of a step."""


def check(
    trainer: Any, *, validation: Any, callbacks: Any, checkpoints: Any, progress: Any, traced: Any
) -> None:
    """Raise for arguments of other kinds, and where `fit` itself is being transformed."""
    _check.kind("fit", "trainer", trainer, Trainer)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((trainer, traced))):
        raise TypeError(
            "fit: cannot run inside jit, vmap or grad, for it prints, saves and decides. There, "
            "train with `jax.lax.scan(trainer.step, trainer.init(key), batches)`."
        )
    check_validation("fit", validation)
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise TypeError(
            "fit: callbacks must be a list of functions of an `Event`, as "
            f"[lambda event: print(event.row)], got {callbacks!r}"
        )
    if not isinstance(checkpoints, Checkpoints | None):
        raise TypeError(f"fit: checkpoints must be `Checkpoints(directory)`, got {checkpoints!r}")
    if not isinstance(progress, Progress | None):
        raise TypeError(f"fit: progress must be a `Progress()`, or None for none, got {progress!r}")


def check_validation(who: str, validation: Any) -> None:
    """Raise for what is no batches that can be gone through again."""
    if isinstance(validation, Iterator):
        raise TypeError(
            f"{who}: validation is gone through many times, and an iterator gives its batches "
            "once. Pass a list or a dataset."
        )
    if not isinstance(validation, Iterable | None) or isinstance(validation, str | Mapping):
        raise TypeError(
            f"{who}: validation must be one batch, or batches that end: a list, or a data.Dataset, "
            f"got {type(validation).__name__}"
        )
    if isinstance(validation, Sized) and not len(validation):
        raise ValueError(
            f"{who}: validation holds no batch. Pass at least one, or None to validate on nothing."
        )


def check_stopping(
    stopping: EarlyStopping, trainer: Trainer, validation: Iterable[Any] | None
) -> None:
    """Raise before training where it would after the first row."""
    _check.kind("fit", "early_stopping", stopping, EarlyStopping)
    if validation is None and stopping.metric.startswith("validation/"):
        raise ValueError(
            f"fit: EarlyStopping reads {stopping.metric!r}, but there is no validation. "
            "Pass fit(validation=...), or name a training metric."
        )
    stopping.check_columns(columns(trainer, validation))


def duration(
    data: Batches, steps: int | None, epochs: int | None, every: int | None
) -> tuple[int, int]:
    """How many steps in all, and how many lie between two rows."""
    if steps is not None and epochs is None:
        usual = 100
    elif epochs is not None and steps is None:
        _check.sizes("fit", epochs=epochs)
        if not isinstance(data, Sized) or not len(data):
            raise TypeError(
                "fit: epochs= needs data that say how many batches an epoch has, as len(data), "
                f"got {type(data).__name__}. Pass steps=."
            )
        usual = len(data)
        steps = epochs * usual
    else:
        came = "neither" if steps is None else "both"
        raise TypeError(f"fit: pass either steps= or epochs=, got {came}")
    every = usual if every is None else every
    _check.sizes("fit", steps=steps, every=every)
    return steps, every


def addressed(who: str, data: Any) -> Callable[[int], Any]:
    """`data[step]`, for a list too."""
    if isinstance(data, list) and data:
        return lambda step: data[step % len(data)]
    if isinstance(data, _NO_BATCHES) or not isinstance(data, Batches):
        raise TypeError(
            f"{who}: data must give the batch of any step as data[step], like a data.Dataset or a "
            f"list of batches that is not empty, got {type(data).__name__}. For one batch pass "
            "[(inputs, targets)]; for a set of examples data.Shuffled(data.Batch(inputs, targets), "
            "batch=32, seed=0)."
        )

    def batch(step: int) -> Any:
        try:
            return data[step]
        except (IndexError, KeyError) as error:
            raise ValueError(
                f"{who}: data[{step}] raised {type(error).__name__}: {error}. There must be a "
                "batch for any step, epoch after epoch: a list is gone through over and over, and "
                "so is a data.Dataset."
            ) from error

    return batch


def started(trainer: Trainer, key: Any, state: Any, steps: int) -> TrainState:
    """The state to start from, given or drawn."""
    if state is None:
        if key is None:
            raise TypeError("fit: pass key=jax.random.key(...), or state= to start from")
        _check.key("fit", key)
        if key.ndim != (1 if key.dtype == np.uint32 else 0):
            raise ValueError(
                f"fit: key must be one key, got several, of shape {key.shape}. Train one run for "
                "each, or all at once with vmap over `trainer.init` and `trainer.step`."
            )
        return _init(trainer, key)
    if key is not None:
        raise TypeError(
            "fit: state= has a key of its own, so that key= would be ignored. Pass one of them; "
            "to draw anew from there, state=state._replace(key=key)."
        )
    _check.kind("fit", "state", state, TrainState)
    if np.shape(state.step):
        raise ValueError(f"fit: state must be of one run, got those of {np.shape(state.step)}")
    if int(state.step) >= steps:
        raise ValueError(
            f"fit: the state is at step {state.step}, and steps={steps} counts from the start of "
            f"training, so that none is left. For {steps} steps more pass "
            f"steps={int(state.step) + steps}."
        )
    return state


def held_beside(trainer: Trainer, state: TrainState) -> list[str]:
    """What to say of hyper-parameters in the state that are not those of the optimizer.

    The state's count: that is how a learning rate is swept. But who built another optimizer to go
    on with should hear of it.
    """
    if not any(map(injected, jax.tree.leaves(state.opt_state, is_leaf=injected))):
        return []
    own = trainer.optimizer.init(state.params)
    return [
        f"{name} is {held}, as the state says; the optimizer's own is {asked}"
        for name, held, asked in changes(state.opt_state, own)
    ]


_NO_BATCHES = (list, tuple, str, Mapping, np.ndarray, jax.Array)

_init = jax.jit(Trainer.init)
