"""The two programs of a sweep: some steps of its members, and a row of their history."""

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array, Params
from ..data import Batch, Stacked
from ._batch import as_batch
from ._evaluation import Totals, begin, score_stack
from ._pass import Signs
from ._state import Report, TrainState
from ._swept_leaves import Place, place_state, place_trainer
from ._trainer import Trainer, scoring_of, take_step

_AT_ONCE = 64 * 2**20  # bytes of data that a program reads in one go


class Member(NamedTuple):
    """What is known of a member between two steps; of several, with a leading axis."""

    state: TrainState
    diverged_at: Array


class Program(NamedTuple):
    """What is swept, of which trainer. The places are static, the values are arguments."""

    trainer: Trainer
    places: tuple[Place, ...]

    def start(self, values: Any, keys: Any, *, alone: bool) -> Member:
        """Members before their first step."""
        return _started(self.trainer, values, keys, self._still, alone)

    def advance(
        self, values: Any, members: Member, batches: Batch, *, alone: bool
    ) -> tuple[Member, Report, Signs]:
        """Members some steps later, and what each step said: `[members, steps]`."""
        return _advance(self.trainer, values, members, batches, self._still, alone)

    def record(
        self, values: Any, members: Member, validation: tuple[Stacked, ...], *, alone: bool
    ) -> tuple[Member, Any, Any]:
        """Members with metrics that begin anew, what these were, and the validation."""
        return _record(self.trainer, values, members, validation, self._still, alone)

    def compile(self, values: Any, members: Member, batches: Batch, *, alone: bool) -> None:
        """Have the program for some steps ready, so that the time it takes can be measured."""
        args = (self.trainer, values, members, batches, self._still, alone)
        _advance.lower(*args).compile()

    @property
    def _still(self) -> tuple[Place, ...]:
        """The places without their leaves, which may be arrays: what a program is compiled for."""
        return tuple(place._replace(like=None) for place in self.places)


def _each(one: Callable[..., Any], alone: bool, *trees: Any) -> Any:
    """A function of one member, for all of them; one alone goes without the leading axis."""
    if not alone:
        return jax.vmap(one)(*trees)
    result = one(*jax.tree.map(lambda leaf: leaf[0], trees))
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], result)


@functools.partial(jax.jit, static_argnums=(3, 4))
def _started(trainer: Trainer, values: Any, keys: Any, places: Any, alone: bool) -> Member:
    def one(values: Any, key: Any) -> Member:
        state = place_trainer(trainer, places, values).init(key)
        return Member(place_state(state, places, values), jnp.full((), -1, jnp.int32))

    return _each(one, alone, values, keys)


@functools.partial(jax.jit, static_argnums=(4, 5))
def _advance(
    trainer: Trainer,
    values: Any,
    members: Member,
    batches: Batch,
    places: Any,
    alone: bool,
) -> Any:
    def one(values: Any, member: Member) -> tuple[Member, tuple[Report, Signs]]:
        swept = place_trainer(trainer, places, values)

        def step(member: Member, batch: Batch) -> tuple[Member, tuple[Report, Signs]]:
            state, report, signs = take_step(swept, member.state, batch)
            finite = jnp.isfinite(report.loss) & jnp.isfinite(report.gradient_norm)
            return Member(state, _first(member.diverged_at, finite, state.step)), (report, signs)

        return jax.lax.scan(step, member, batches)

    members, (report, signs) = _each(one, alone, values, members)
    return members, report, signs


@functools.partial(jax.jit, static_argnums=(4, 5))
def _record(
    trainer: Trainer,
    values: Any,
    members: Member,
    validation: tuple[Stacked, ...],
    places: Any,
    alone: bool,
) -> Any:
    def one(values: Any, member: Member) -> Any:
        swept, state = place_trainer(trainer, places, values), member.state
        finite = jnp.array([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params)])
        at = _first(member.diverged_at, finite.all(), state.step)
        scores = None
        if swept.metrics is not None:
            scores = swept.metrics.compute(state.metrics)
            state = state._replace(metrics=swept.metrics.init())
        evaluation = _evaluate(swept, state.params, validation) if validation else None
        return Member(state, at), scores, evaluation

    return _each(one, alone, values, members)


def _first(before: Array, finite: Array, step: Array) -> Array:
    return jnp.where((before < 0) & ~finite, step, before)


def _evaluate(trainer: Trainer, params: Params, validation: tuple[Stacked, ...]) -> Any:
    scoring = scoring_of(trainer)
    totals: Totals | None = None
    for stack in validation:
        first = jax.tree.map(lambda leaf: leaf[0], stack.batches)
        totals = begin(scoring, params, first) if totals is None else totals
        totals, _ = score_stack(scoring, params, totals, stack.batches)
    return None if totals is None else totals.evaluation(scoring)


def held_out(validation: Iterable[Any] | None) -> tuple[Stacked, ...]:
    """The batches of an evaluation, in stacks of one shape each."""
    if validation is None:
        return ()
    if isinstance(validation, Stacked):
        return (Stacked(as_batch("sweep", validation.batches)),)
    batches = [
        as_batch("sweep", batch)
        for batch in ((validation,) if isinstance(validation, tuple) else validation)
    ]
    runs: list[list[Batch]] = []
    for batch in batches:
        if runs and shapes(runs[-1][0]) == shapes(batch):
            runs[-1].append(batch)
        else:
            runs.append([batch])
    return tuple(Stacked(_stack(run)) for run in runs)


def pieces(batch_of: Callable[[int], Any], first: int, last: int) -> Iterator[Batch]:
    """The batches of steps in stacks: as many as fit into memory, or one where shapes differ."""
    step = first
    while step < last:
        batch = as_batch("sweep", batch_of(step))
        size = sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(batch))
        count = max(1, min(last - step, _AT_ONCE // max(size, 1)))
        run = [batch, *(as_batch("sweep", batch_of(s)) for s in range(step + 1, step + count))]
        if all(shapes(other) == shapes(batch) for other in run):
            yield _stack(run)
        else:
            yield from (_stack([one]) for one in run)
        step += count


def shapes(batch: Batch) -> Any:
    """What two batches that one program reads have in common."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, [(np.shape(leaf), np.asarray(leaf).dtype) for leaf in leaves]


def _stack(run: list[Batch]) -> Batch:
    stack: Batch = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *run)
    return stack


def windows(report: Report, signs: Signs) -> dict[str, np.ndarray]:
    """A row of each member, of the reports `[members, steps]` since the row before it."""
    loss, weight, norm, share = (np.asarray(part, np.float64) for part in report)
    offered = np.asarray(signs.steps, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        total = np.where(weight > 0, loss * weight, 0.0).sum(-1)
        mean = np.divide(
            total, weight.sum(-1), out=np.full(len(total), math.nan), where=weight.sum(-1) > 0
        )
        uncounted = (share * offered).sum(-1) / np.maximum(offered.sum(-1), 1.0)
    return {
        "train/loss": mean,
        "train/gradient_norm": norm.mean(-1),
        "train/uncounted": uncounted,
    }
