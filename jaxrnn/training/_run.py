"""`Run`: all that a training run is between two steps."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Sharding

from .._typing import Array, Key, Params
from ..data import Batch
from ._batch import as_batch
from ._early_stopping import Standing
from ._entry import Entered
from ._pass import Signs
from ._placement import Placement, stay
from ._shared_checkpoints import SharedCheckpoints
from ._state import Report, TrainState
from ._trainer import Trainer, scoring_of, take_step


class Window(NamedTuple):
    """Sums over the steps since the last row of the history."""

    loss: float = 0.0
    weight: float = 0.0
    gradient_norm: float = 0.0
    steps: int = 0
    offered: float = 0.0
    """How many time steps were no padding."""

    uncounted: float = 0.0
    """How many of those had no weight."""

    penalty: float = 0.0

    def add(self, report: Report, offered: float) -> "Window":
        """Take a step into account; a loss is the mean of `weight` values."""
        loss, weight, gradient_norm, share, penalty = map(float, report)
        return Window(
            self.loss + loss * weight if weight else self.loss,
            self.weight + weight,
            self.gradient_norm + gradient_norm,
            self.steps + 1,
            self.offered + offered,
            self.uncounted + share * offered,
            self.penalty + penalty,
        )

    def mean_loss(self) -> float:
        """The mean loss; not a number before the first valid step."""
        return self.loss / self.weight if self.weight else math.nan


class Unread(NamedTuple):
    """What the device may still be working on: the report of a step, and its batch's signs."""

    report: Report
    entered: Entered


class Run(NamedTuple):
    """A run at a step. It is replaced as one, so an interrupt finds it whole."""

    state: TrainState
    step: int
    saved: int
    """The step of the newest checkpoint; where the run began at first."""

    best: Params | None = None
    """With early stopping the parameters of `standing.step`, those at the start at first."""

    standing: Standing = Standing()
    window: Window = Window()
    unread: Unread | None = None
    """What is not known yet of the last step."""

    history: tuple[dict[str, Any], ...] = ()

    @property
    def unreported(self) -> bool:
        """Whether steps were taken since the last row of the history."""
        return self.unread is not None or self.window.steps > 0

    def advance(self, trainer: Trainer, batch: Any, placement: Placement) -> "Run":
        """Start the next step, and read the report of the one before it meanwhile."""
        batch, where = as_batch("fit", batch), f"fit: the batch of step {self.step}"
        placed = placement.batch(where, trainer.network, batch)
        state, report, signs = _step(trainer, self.state, placed, placement.shardings(self.state))
        first = not (self.history or self.unreported)
        unread = Unread(
            report, Entered(where, scoring_of(trainer), state.params, batch, signs, first)
        )
        return self.read()._replace(state=state, step=self.step + 1, unread=unread)

    def read(self) -> "Run":
        """Wait for the last report.

        Raises:
            FloatingPointError: the loss is not finite.
            TypeError, ValueError: of the batch, as far as it can be read: labels out of range, or
                outputs that are probabilities where the loss takes logits.
        """
        if self.unread is None:
            return self
        report, offered = jax.device_get((self.unread.report, self.unread.entered.signs.steps))
        self.unread.entered.check()
        for name, value in {"loss": report.loss, "penalty": report.penalty}.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"fit: the {name} is {value} at step {self.step}, where the gradient has norm "
                    f"{report.gradient_norm}. {self.unread.entered.not_finite()}{_REMEDY}"
                )
        if not math.isfinite(report.gradient_norm):
            # Not yet an error: the optimizer may leave such a step out (`optax.apply_if_finite`).
            self.check_finite(f" The gradient of that step has norm {report.gradient_norm}.")
        return self._replace(window=self.window.add(report, float(offered)), unread=None)

    def check_finite(self, more: str = "") -> None:
        """Raise `FloatingPointError`, and say which they are, unless the parameters are finite."""
        leaves = jax.tree.leaves_with_path(self.state.params)
        wrong = [(path, int((~jnp.isfinite(leaf)).sum()), leaf.size) for path, leaf in leaves]
        named = [
            f"params{jax.tree_util.keystr(path)} ({count} of {size} numbers)"
            for path, count, size in wrong
            if count
        ]
        if named:
            others = f" and {len(named) - 3} more" if len(named) > 3 else ""
            raise FloatingPointError(
                f"fit: the parameters are not finite after step {self.step}: "
                f"{', '.join(named[:3])}{others}.{more} {_REMEDY}"
            )

    def save(self, checkpoints: SharedCheckpoints) -> "Run":
        """Write a checkpoint of the whole run, unless the newest one is of this step."""
        if self.saved == self.step:
            return self
        run = self.read()
        run.check_finite()
        checkpoints.save(run.step, run._trees(), run._notes())
        return run._replace(saved=run.step)

    def resume(self, checkpoints: SharedCheckpoints, steps: int) -> "Run":
        """The run of the newest checkpoint; `self` where there is none."""
        try:
            saved = checkpoints.restore(self._trees())
        except FileNotFoundError:
            return self
        state, notes = saved.trees["state"], saved.notes
        directory = checkpoints.checkpoints.directory
        if bool(jnp.any(_bits(state.key) != _bits(self.state.key))):
            raise ValueError(
                f"fit: {directory} holds a run that was started with another key. Pass "
                "the same key to go on with it, or another directory for a new run."
            )
        if steps < saved.step:
            raise ValueError(
                f"fit: {directory} holds a run that is at step {saved.step}, beyond "
                f"steps={steps}. Pass more steps, or another directory for a new run."
            )
        run = Run(state, saved.step, saved=saved.step, **_of_notes(directory, notes))
        # A standing is of the parameters that it calls the best. Where they are not saved, it is
        # one that an even older run left, without early stopping since.
        if self.best is None or "best" not in saved.trees:
            best = None if self.best is None else state.params
            return run._replace(best=best, standing=Standing())
        return run._replace(best=saved.trees["best"])

    def _notes(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the arrays: entries by name, of what JSON can hold."""
        return {
            "history": self.history,
            "window": self.window._asdict(),
            "standing": self.standing._asdict(),
        }

    @property
    def chosen(self) -> tuple[TrainState, int]:
        """The state to return and the step of its parameters: with early stopping the best ones.

        Where no score was a number, there is no best, and the last ones are returned.
        """
        if self.best is None or self.standing.best is None:
            return self.state, self.step
        return self.state._replace(params=self.best), self.standing.step

    def _trees(self) -> dict[str, Any]:
        return {"state": self.state} | ({} if self.best is None else {"best": self.best})


def _of_notes(directory: Any, notes: dict[str, Any]) -> dict[str, Any]:
    """The fields of a run that `Run._notes` wrote; `ValueError` where something else did."""
    try:
        return {
            "history": tuple(map(dict, notes["history"])),
            "window": Window(**notes["window"]),
            "standing": Standing(**notes["standing"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"fit: the newest checkpoint in {directory} is none of `fit`: its notes "
            f"are not those of a run ({type(error).__name__}: {error}). Choose another directory."
        ) from error


def _bits(key: Key) -> Array:
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(key) if typed else key


_REMEDY = (
    "Lower the learning rate, clip the gradient (optax.clip_by_global_norm), or look for "
    "values in the data that are not finite."
)


@functools.partial(jax.jit, static_argnums=3)
def _step(
    trainer: Trainer, state: TrainState, batch: Batch, shardings: tuple[Sharding, ...] | None
) -> tuple[TrainState, Report, Signs]:
    """A step. The trainer is an argument, so one with another leak or weight runs the same program.

    The new state lies where the old one did, so that the next step does, too.
    """
    state, report, signs = take_step(trainer, state, batch)
    return stay(state, shardings), report, signs
