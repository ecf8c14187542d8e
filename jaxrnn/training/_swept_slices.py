"""The members of a sweep, some at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..data import Batch, Stacked
from ._bar import Bar
from ._batch import as_batch
from ._entry import Entered, outputs_of
from ._final_params import FinalParams
from ._members import OneByOne, Vmapped
from ._pass import Signs
from ._rows import columns, named
from ._state import Evaluation, Report
from ._swept import Sweep
from ._swept_program import Member, Program, pieces
from ._trainer import scoring_of

_REMEDY = "Fill in what is missing, or leave those steps out by the mask of a `data.Batch`."
_REMEMBERED = 256 * 2**20  # bytes of batches that are read once for all slices


class Feed:
    """The batches of a run, row by row, on the device."""

    def __init__(self, batch_of: Callable[[int], Any], ends: list[int]) -> None:
        self.batch_of, self.ends = batch_of, ends
        """The batch of a step, and the steps at which a row is taken."""
        self._known: list[list[Batch]] | None = []

    def rows(self) -> Iterator[list[Batch] | Iterator[Batch]]:
        """For each row the batches of its steps, in stacks."""
        bytes_known = 0
        for index, end in enumerate(self.ends):
            first = self.ends[index - 1] if index else 0
            if self._known is not None and index < len(self._known):
                yield self._known[index]
                bytes_known += _bytes(self._known[index])
                continue
            stacks = pieces(self.batch_of, first, end)
            if self._known is None:
                yield stacks
                continue
            kept: list[Batch] = []
            self._known.append(kept)
            yield self._keeping(stacks, kept)
            bytes_known += _bytes(kept)
            if bytes_known > _REMEMBERED:
                self._known = None

    def _keeping(self, stacks: Iterator[Batch], kept: list[Batch]) -> Iterator[Batch]:
        for stack in stacks:
            kept.append(stack)
            yield stack


class Slices:
    """What a sweep runs: a setting and a seed for each member.

    Args:
        program: of the trainer and the leaves.
        settings: of each member.
        seeds: of each member.
        feed: the batches.
        held_out: stacks of batches to evaluate for each row.
        keep: what is kept of a member besides its curves.
    """

    def __init__(
        self,
        program: Program,
        settings: Sequence[dict[str, Any]],
        seeds: Sequence[int],
        feed: Feed,
        held_out: tuple[Stacked, ...],
        keep: FinalParams | None,
    ) -> None:
        self.program, self.settings, self.seeds = program, settings, seeds
        self.feed, self.held_out, self.keep, self.total = feed, held_out, keep, len(seeds)

    def empty(self) -> dict[str, Any]:
        """The table before any member has run."""
        table = {"curves": self._curves(), "diverged_at": np.full(self.total, -1)}
        if self.keep is not None:
            table["params"] = self.keep.empty(self.program.trainer, self.total)
        return table

    def _curves(self) -> dict[str, np.ndarray]:
        row = columns(self.program.trainer, self.held_out or None)
        del row["step"]
        row["train/uncounted"] = 0.0
        if self.held_out:
            row["validation/uncounted"] = 0.0
        lead = (self.total, len(self.feed.ends))
        return {name: np.full((*lead, *np.shape(value)), np.nan) for name, value in row.items()}

    def slice(self, first: int, way: OneByOne | Vmapped) -> range:
        """The members from this one that run at once: `way.size` on every device."""
        return range(first, min(first + self.program.places(self.total, way), self.total))

    def run(self, indices: range, way: OneByOne | Vmapped, bar: Bar) -> dict[str, Any]:
        """Train the members of a slice: their part of the table."""
        # One program for all slices: the last one is filled up with its last member.
        places = np.arange(self.program.places(self.total, way))
        chosen = np.minimum(places + indices[0], indices[-1])
        members = self.program.start(chosen)
        rows: list[dict[str, np.ndarray]] = []
        step = 0
        for stacks in self.feed.rows():
            reports = []
            for stack in stacks:
                members, report = self.program.advance(chosen, members, stack, way)
                reports.append(jax.device_get(report))
                if indices[0] == 0:
                    self._check(members, reports[-1], step)
                    self._check_inputs(members, reports[-1], step, stack)
                count = reports[-1][0].loss.shape[1]
                step += count
                bar.advance(count * len(indices))
            members, scores, evaluation = self.program.record(chosen, members, self.held_out, way)
            if indices[0] == 0 and not rows and evaluation is not None:
                self._check_held_out(members, jax.device_get(evaluation))
            report, offered = jax.tree.map(lambda *parts: np.concatenate(parts, 1), *reports)
            rows.append(_row(report, offered, *jax.device_get((scores, evaluation))))
        kept, names = len(indices), self._curves()
        part = {
            "curves": {name: np.stack([row[name][:kept] for row in rows], 1) for name in names},
            "diverged_at": np.asarray(members.diverged_at)[:kept],
        }
        if self.keep is not None:
            part["params"] = self.keep.of(members.state.params, kept)
        return part

    def sweep(self, table: dict[str, Any], how: OneByOne | Vmapped | None) -> Sweep:
        """The result, once all members have run."""
        curves = {
            name: curve
            for name, curve in table["curves"].items()
            if not name.endswith("/uncounted") or np.any(curve)
        }
        return Sweep(
            settings=tuple(map(dict, self.settings)),
            seeds=np.array(self.seeds),
            steps=np.array(self.feed.ends),
            curves=curves,
            diverged_at=table["diverged_at"],
            params=table.get("params"),
            ran=how,
        )

    def _check(self, members: Member, reports: tuple[Report, Any], step: int) -> None:
        """Raise for labels out of range, and outputs that are probabilities by mistake.

        All members read the same batches, so the first one stands for all.
        """
        report, offered = reports
        suspicious = [*np.flatnonzero(report.uncounted[0])]
        suspicious = [0, *suspicious] if step == 0 and 0 not in suspicious else suspicious
        if not suspicious:
            return
        params = jax.tree.map(lambda leaf: leaf[0], jax.device_get(members.state.params))
        scoring = scoring_of(self.program.trainer)
        for index in suspicious:
            begins = step + index == 0
            batch = as_batch("sweep", self.feed.batch_of(step + int(index)))
            alike = begins and _like_probabilities(outputs_of(scoring.network, params, batch))
            uncounted = np.round(report.uncounted[0, index] * offered[0, index])
            signs = Signs(*map(jnp.asarray, (offered[0, index], uncounted, alike, False)))
            where = f"sweep: the batch of step {step + index}"
            Entered(where, scoring, params, batch, signs, begins).check()

    def _check_inputs(
        self, members: Member, reports: tuple[Report, Any], step: int, stack: Batch
    ) -> None:
        """Raise for data that are not finite, where no member has a finite loss."""
        lost = np.flatnonzero(~np.isfinite(reports[0].loss).any(0))
        read = jax.tree.leaves((stack.inputs, stack.targets))
        if not len(lost) or all(np.isfinite(leaf).all() for leaf in read):
            return
        for index in lost:
            batch = jax.tree.map(lambda leaf, at=index: leaf[at], stack)
            found = self._entered(f"the batch of step {step + index}", members, batch).not_finite()
            if found:
                raise FloatingPointError(
                    f"sweep: no member has a finite loss at step {step + index}. {found}{_REMEDY}"
                )

    def _check_held_out(self, members: Member, evaluation: Evaluation) -> None:
        """Raise for labels out of range in held-out data, and for data that are not finite."""
        lost = not np.isfinite(evaluation.loss).any()
        if not (lost or evaluation.uncounted[0] > 0):
            return
        place = 0
        for stacked in self.held_out:
            for at in range(len(jax.tree.leaves(stacked.batches)[0])):
                batch = jax.tree.map(lambda leaf, at=at: leaf[at], stacked.batches)
                entered = self._entered(f"batch {place} of validation", members, batch)
                entered.check()
                if lost and (found := entered.not_finite()):
                    raise FloatingPointError(
                        f"sweep: no member has a finite loss on batch {place} of validation. "
                        f"{found}{_REMEDY}"
                    )
                place += 1

    def _entered(self, what: str, members: Member, batch: Batch) -> Entered:
        """A batch of which something is wrong, as the first member reads it."""
        params = jax.tree.map(lambda leaf: leaf[0], jax.device_get(members.state.params))
        signs = Signs(*map(jnp.asarray, (2.0, 1.0, False, True)))  # some steps do not count
        scoring = scoring_of(self.program.trainer)
        return Entered(f"sweep: {what}", scoring, params, batch, signs, first=False)


def _like_probabilities(outputs: Any) -> bool:
    """Whether the first rows lie in [0, 1] and sum to 1, so that it is worth to look further."""
    leaves = jax.tree.leaves(outputs)
    rows = np.asarray(leaves[0], np.float32)
    rows = rows.reshape(-1, rows.shape[-1])[:16] if rows.ndim else rows.reshape(1, 1)
    inside = ((rows >= 0) & (rows <= 1)).all(-1)
    unit = np.abs(rows.sum(-1) - 1) <= 1e-2
    return len(leaves) == 1 and bool(np.any(inside & unit))


def _row(report: Report, offered: Any, scores: Any, evaluation: Any) -> dict[str, np.ndarray]:
    """A row of each member, of the reports `[members, steps]` since the row before it."""
    loss, weight, norm, share, penalty = (np.asarray(part, np.float64) for part in report)
    offered, total = np.asarray(offered, np.float64), weight.sum(-1)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        row = {
            "train/loss": np.where(weight > 0, loss * weight, 0.0).sum(-1) / total,
            "train/gradient_norm": norm.mean(-1),
            "train/penalty": penalty.mean(-1),
            "train/uncounted": (share * offered).sum(-1) / np.maximum(offered.sum(-1), 1.0),
        }
    if scores is not None:
        row |= named("train", scores)
    if evaluation is not None:
        row["validation/loss"] = np.asarray(evaluation.loss)
        row["validation/uncounted"] = np.asarray(evaluation.uncounted)
        row |= named("validation", evaluation.metrics)
    return row


def _bytes(stacks: list[Batch]) -> int:
    return sum(leaf.nbytes for stack in stacks for leaf in jax.tree.leaves(stack))
