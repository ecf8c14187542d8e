"""The scoring of batches: what an evaluation adds up, one batch after another."""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Carry, Params
from ..data import Batch, Stacked
from ..metrics import Mean, MeanState
from ._batch import as_batch, lead
from ._entry import Entered
from ._pass import Pass, Scoring, Signs, through
from ._placement import UNPLACED, Placement
from ._state import Evaluation

_WHO = "Trainer.evaluate"


def evaluate(
    scoring: Scoring, params: Params, batches: Iterable[Any], placement: Placement
) -> Evaluation:
    """What `Trainer.evaluate` does, given the parameters."""
    params = placement.state(params)
    if isinstance(batches, Stacked):
        totals = _evaluate_stack(scoring, params, batches, placement)
    else:
        totals = _evaluate_each(scoring, params, batches, placement)
    return totals.evaluation(scoring)


class Totals(NamedTuple):
    """What an evaluation carries from batch to batch."""

    carry: Carry
    loss: MeanState
    metrics: Any
    signs: Signs

    def evaluation(self, scoring: Scoring) -> Evaluation:
        """The means; raises where there are steps and none counts, as far as that can be read."""
        weight = self.loss.weight.value()
        if not isinstance(weight, jax.core.Tracer) and weight == 0 and self.signs.steps > 0:
            raise ValueError(
                f"{_WHO}: none of {float(self.signs.steps):.0f} steps counts, for every "
                f"label is out of range or left out by the loss, {scoring.loss!r}"
            )
        return Evaluation(
            loss=Mean(scoring.loss).compute(self.loss),
            weight=weight,
            metrics=None if scoring.metrics is None else scoring.metrics.compute(self.metrics),
            uncounted=self.signs.share,
        )


@functools.partial(jax.jit, static_argnums=3)
def begin(
    scoring: Scoring, params: Params, batch: Batch, placement: Placement = UNPLACED
) -> Totals:
    """Nothing yet; `batch` says how large the carry is."""
    totals = Totals(
        carry=scoring.carry.first(scoring.network, params, lead(scoring.network, batch)[1:]),
        loss=Mean(scoring.loss).init(),
        metrics=() if scoring.metrics is None else scoring.metrics.init(),
        signs=Signs.none(),
    )
    return _placed(totals, placement)


@functools.partial(jax.jit, static_argnums=4)
def _score(
    scoring: Scoring,
    params: Params,
    totals: Totals,
    batch: Batch,
    placement: Placement = UNPLACED,
) -> tuple[Totals, Signs]:
    """The totals after one more batch, and the batch's own signs."""
    seen = through(scoring, params, totals.carry, batch)
    loss = Mean(scoring.loss).update(totals.loss, seen.outputs, batch.targets, where=seen.where)
    scores = update(scoring, totals.metrics, seen, batch)
    totals = Totals(seen.carry, loss, scores, totals.signs.plus(seen.signs))
    return _placed(totals, placement), seen.signs


@functools.partial(jax.jit, static_argnums=4)
def score_stack(
    scoring: Scoring,
    params: Params,
    totals: Totals,
    stack: Batch,
    placement: Placement = UNPLACED,
) -> tuple[Totals, Signs]:
    """The same for the batches of a stack, one after another."""
    return jax.lax.scan(
        lambda totals, batch: _score(scoring, params, totals, batch, placement), totals, stack
    )


def _placed(totals: Totals, placement: Placement) -> Totals:
    """Laid out as they were before the batch, so that one program serves every batch."""
    return totals._replace(
        carry=placement.divided(totals.carry), metrics=placement.whole(totals.metrics)
    )


def update(scoring: Scoring, scores: Any, seen: Pass, batch: Batch) -> Any:
    """The state of the metrics after one more batch."""
    if scoring.metrics is None:
        return ()
    return scoring.metrics.update(scores, seen.outputs, batch.targets, where=seen.where)


def _evaluate_stack(
    scoring: Scoring, params: Params, batches: Stacked, placement: Placement
) -> Totals:
    stack = as_batch(_WHO, batches.batches)
    totals = begin(scoring, params, _at(stack, 0), placement)
    placed = placement.stack(_WHO, scoring.network, stack)
    totals, signs = score_stack(scoring, params, totals, placed, placement)
    if not isinstance(signs.steps, jax.core.Tracer):
        suspicious = (signs.uncounted > 0) | signs.probabilities | signs.lost
        for index in jnp.flatnonzero(suspicious).tolist():
            _check(_entered(scoring, params, index, _at(stack, index), _at(signs, index)))
    return totals


def _evaluate_each(
    scoring: Scoring, params: Params, batches: Iterable[Any], placement: Placement
) -> Totals:
    totals = before = None
    for index, item in enumerate((batches,) if isinstance(batches, tuple) else batches):
        batch = as_batch(_WHO, item)
        placed = placement.batch(f"{_WHO}: batch {index}", scoring.network, batch)
        totals = totals or begin(scoring, params, placed, placement)
        totals, signs = _score(scoring, params, totals, placed, placement)
        if before is not None:  # read while the device works on the next one
            _check(before)
        before = _entered(scoring, params, index, batch, signs)
    if totals is None or before is None:
        raise ValueError(
            f"{_WHO}: there are no batches. An iterator gives its batches once; "
            "pass a list or a dataset to go through it again."
        )
    _check(before)
    return totals


def _entered(scoring: Scoring, params: Params, index: int, batch: Batch, signs: Signs) -> Entered:
    return Entered(f"{_WHO}: batch {index}", scoring, params, batch, signs, first=index == 0)


def _check(entered: Entered) -> None:
    entered.check()
    entered.check_finite()


def _at(tree: Any, index: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[index], tree)
