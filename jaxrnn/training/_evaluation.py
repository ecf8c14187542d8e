"""The scoring of batches: what an evaluation adds up, one batch after another."""

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
from ._state import Evaluation


def evaluate(scoring: Scoring, params: Params, batches: Iterable[Any]) -> Evaluation:
    """What `Trainer.evaluate` does, given the parameters."""
    if isinstance(batches, Stacked):
        totals = _evaluate_stack(scoring, params, batches)
    else:
        totals = _evaluate_each(scoring, params, batches)
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
                f"Trainer.evaluate: none of {float(self.signs.steps):.0f} steps counts, for every "
                f"label is out of range or left out by the loss, {scoring.loss!r}"
            )
        return Evaluation(
            loss=Mean(scoring.loss).compute(self.loss),
            weight=weight,
            metrics=None if scoring.metrics is None else scoring.metrics.compute(self.metrics),
            uncounted=self.signs.share,
        )


@jax.jit
def begin(scoring: Scoring, params: Params, batch: Batch) -> Totals:
    """Nothing yet; `batch` says how large the carry is."""
    return Totals(
        carry=scoring.carry.first(scoring.network, params, lead(scoring.network, batch)[1:]),
        loss=Mean(scoring.loss).init(),
        metrics=() if scoring.metrics is None else scoring.metrics.init(),
        signs=Signs.none(),
    )


@jax.jit
def _score(scoring: Scoring, params: Params, totals: Totals, batch: Batch) -> tuple[Totals, Signs]:
    """The totals after one more batch, and the batch's own signs."""
    seen = through(scoring, params, totals.carry, batch)
    loss = Mean(scoring.loss).update(totals.loss, seen.outputs, batch.targets, where=seen.where)
    scores = update(scoring, totals.metrics, seen, batch)
    return Totals(seen.carry, loss, scores, totals.signs.plus(seen.signs)), seen.signs


@jax.jit
def score_stack(
    scoring: Scoring, params: Params, totals: Totals, stack: Batch
) -> tuple[Totals, Signs]:
    """The same for the batches of a stack, one after another."""
    return jax.lax.scan(lambda totals, batch: _score(scoring, params, totals, batch), totals, stack)


def update(scoring: Scoring, scores: Any, seen: Pass, batch: Batch) -> Any:
    """The state of the metrics after one more batch."""
    if scoring.metrics is None:
        return ()
    return scoring.metrics.update(scores, seen.outputs, batch.targets, where=seen.where)


def _evaluate_stack(scoring: Scoring, params: Params, batches: Stacked) -> Totals:
    stack = as_batch("Trainer.evaluate", batches.batches)
    totals = begin(scoring, params, _at(stack, 0))
    totals, signs = score_stack(scoring, params, totals, stack)
    if not isinstance(signs.steps, jax.core.Tracer):
        suspicious = (signs.uncounted > 0) | signs.probabilities
        for index in jnp.flatnonzero(suspicious).tolist():
            _entered(scoring, params, index, _at(stack, index), _at(signs, index)).check()
    return totals


def _evaluate_each(scoring: Scoring, params: Params, batches: Iterable[Any]) -> Totals:
    totals = before = None
    for index, item in enumerate((batches,) if isinstance(batches, tuple) else batches):
        batch = as_batch("Trainer.evaluate", item)
        totals = totals or begin(scoring, params, batch)
        totals, signs = _score(scoring, params, totals, batch)
        if before is not None:  # read while the device works on the next one
            before.check()
        before = _entered(scoring, params, index, batch, signs)
    if totals is None or before is None:
        raise ValueError(
            "Trainer.evaluate: there are no batches. An iterator gives its batches once; "
            "pass a list or a dataset to go through it again."
        )
    before.check()
    return totals


def _entered(scoring: Scoring, params: Params, index: int, batch: Batch, signs: Signs) -> Entered:
    where = f"Trainer.evaluate: batch {index}"
    return Entered(where, scoring, params, batch, signs, first=index == 0)


def _at(tree: Any, index: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[index], tree)
