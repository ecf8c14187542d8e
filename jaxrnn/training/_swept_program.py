"""The programs of a sweep: the start of its members, some steps, and a row of their history."""

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Array, Params
from ..data import Batch, Stacked
from ._batch import as_batch
from ._evaluation import Totals, begin, score_stack
from ._members import OneByOne, Vmapped
from ._over_members import divided, local_devices, over_members
from ._state import Report, TrainState
from ._swept_leaves import Place, place_state, place_trainer, stacked
from ._trainer import Trainer, scoring_of, take_step

_AT_ONCE = 64 * 2**20  # bytes of data that a program reads in one go


class Member(NamedTuple):
    """What is known of a member between two steps; of several, with a leading axis."""

    state: TrainState
    diverged_at: Array


class Program:
    """What is swept, of which trainer. Every member is run by the same compiled functions.

    Args:
        trainer: what is trained.
        places: the leaves that are swept.
        settings: of each member.
        seeds: of each member.
    """

    def __init__(
        self,
        trainer: Trainer,
        places: Sequence[Place],
        settings: Sequence[dict[str, Any]],
        seeds: Sequence[int],
    ) -> None:
        self.trainer = trainer
        # Without their leaves, which may be arrays: what a program is compiled for.
        self._places = tuple(place._replace(like=None) for place in places)
        self._values = stacked(places, settings)
        self._seeds = np.asarray(seeds, np.uint32)
        self._compiled: set[Any] = set()
        self.devices = len(local_devices())
        """How many devices the members are divided between."""
        self.seconds = 0.0
        """How long steps took, without what compiling took."""

    def places(self, total: int, way: OneByOne | Vmapped) -> int:
        """How many members run at once, of so many that are left: as many on every device."""
        used, each = divided(min(total, way.size * self.devices), self.devices)
        return used * each

    def start(self, chosen: np.ndarray) -> Member:
        """The members of these indices before their first step."""
        return _start(self.trainer, self._values, self._seeds, chosen, self._places)

    def advance(
        self, chosen: np.ndarray, members: Member, batches: Batch, way: OneByOne | Vmapped
    ) -> tuple[Member, tuple[Report, Array]]:
        """Members some steps later, and of each step its report and how many steps it offered."""
        arguments = (self.trainer, self._values, chosen, members, batches)
        self._prepare(_advance, way, *arguments)
        began = time.monotonic()
        result = jax.block_until_ready(self._run(_advance, way, *arguments))  # type: ignore[no-untyped-call]
        self.seconds += time.monotonic() - began
        return result

    def record(
        self,
        chosen: np.ndarray,
        members: Member,
        held_out: tuple[Stacked, ...],
        way: OneByOne | Vmapped,
    ) -> tuple[Member, Any, Any]:
        """Members with metrics that begin anew, what these were, and the evaluation."""
        return self._run(_record, way, self.trainer, self._values, chosen, members, held_out)

    def _run(self, function: Any, way: OneByOne | Vmapped, *arguments: Any) -> Any:
        return function(*arguments, self._places, way)

    def _prepare(self, function: Any, way: OneByOne | Vmapped, *arguments: Any) -> None:
        """Have the program for arguments of these shapes compiled before it is timed."""
        known = (way, shapes(arguments[-1]))
        if known not in self._compiled:
            function.lower(*arguments, self._places, way).compile()
            self._compiled.add(known)


@functools.partial(jax.jit, static_argnums=4)
def _start(trainer: Trainer, values: Any, seeds: Array, indices: Array, places: Any) -> Any:
    def one(trainer: Trainer, values: Any, seed: Array) -> Member:
        state = place_trainer(trainer, places, values).init(jax.random.key(seed))
        return Member(place_state(state, places, values), jnp.full((), -1, jnp.int32))

    # Not side by side: random numbers and orthogonal matrices would take twice as long to compile.
    each = over_members(one, (None, 0, 0), members=OneByOne())
    return each(trainer, _of(values, indices), jnp.asarray(seeds)[indices])


@functools.partial(jax.jit, static_argnums=(5, 6))
def _advance(
    trainer: Trainer,
    values: Any,
    indices: Array,
    members: Member,
    batches: Batch,
    places: Any,
    way: OneByOne | Vmapped,
) -> Any:
    def one(
        trainer: Trainer, batches: Batch, values: Any, member: Member
    ) -> tuple[Member, tuple[Report, Array]]:
        swept = place_trainer(trainer, places, values)

        def step(member: Member, batch: Batch) -> tuple[Member, tuple[Report, Array]]:
            state, report, signs = take_step(swept, member.state, batch)
            finite = jnp.isfinite(report.loss) & jnp.isfinite(report.gradient_norm)
            at = _first(member.diverged_at, finite, state.step)
            return Member(state, at), (report, signs.steps)

        return jax.lax.scan(step, member, batches)

    each = over_members(one, (None, None, 0, 0), members=way)
    return each(trainer, batches, _of(values, indices), members)


@functools.partial(jax.jit, static_argnums=(5, 6))
def _record(
    trainer: Trainer,
    values: Any,
    indices: Array,
    members: Member,
    held_out: tuple[Stacked, ...],
    places: Any,
    way: OneByOne | Vmapped,
) -> Any:
    def one(trainer: Trainer, held_out: tuple[Stacked, ...], values: Any, member: Member) -> Any:
        swept, state = place_trainer(trainer, places, values), member.state
        finite = jnp.array([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params)])
        at = _first(member.diverged_at, finite.all(), state.step)
        scores = None
        if swept.metrics is not None:
            scores = swept.metrics.compute(state.metrics)
            state = state._replace(metrics=swept.metrics.init())
        evaluation = _evaluate(swept, state.params, held_out) if held_out else None
        return Member(state, at), scores, evaluation

    each = over_members(one, (None, None, 0, 0), members=way)
    return each(trainer, held_out, _of(values, indices), members)


def _of(values: Any, indices: Array) -> Any:
    return jax.tree.map(lambda leaf: leaf[indices], values)


def _first(before: Array, finite: Array, step: Array) -> Array:
    return jnp.where((before < 0) & ~finite, step, before)


def _evaluate(trainer: Trainer, params: Params, held_out: tuple[Stacked, ...]) -> Any:
    scoring = scoring_of(trainer)
    totals: Totals | None = None
    for stack in held_out:
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
    return structure, tuple((np.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)


def _stack(run: list[Batch]) -> Batch:
    stack: Batch = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *run)
    return stack
