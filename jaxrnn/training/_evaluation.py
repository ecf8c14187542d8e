"""The scoring of batches: what an evaluation adds up."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from .._typing import Carry, Params
from ..data import Batch
from ..metrics import Mean, MeanState
from ._batch import lead
from ._pass import Pass, Signs, through
from ._state import Evaluation

if TYPE_CHECKING:
    from ._trainer import Trainer
else:  # which imports this file
    Trainer = Any


class Totals(NamedTuple):
    """What an evaluation carries from batch to batch."""

    carry: Carry
    loss: MeanState
    metrics: Any
    signs: Signs

    def evaluation(self, trainer: Trainer) -> Evaluation:
        """The means; raises where there are steps and none counts, as far as that can be read."""
        weight = self.loss.weight.value()
        if not isinstance(weight, jax.core.Tracer) and weight == 0 and self.signs.steps > 0:
            raise ValueError(
                f"Trainer.evaluate: none of {float(self.signs.steps):.0f} steps counts, for every "
                f"label is out of range or left out by the loss, {trainer.loss!r}"
            )
        return Evaluation(
            loss=Mean(trainer.loss).compute(self.loss),
            weight=weight,
            metrics=None if trainer.metrics is None else trainer.metrics.compute(self.metrics),
            uncounted=self.signs.share,
        )


@jax.jit
def begin(trainer: Trainer, params: Params, batch: Batch) -> Totals:
    """Nothing yet; `batch` says how large the carry is."""
    return Totals(
        carry=trainer.carry.first(trainer.network, params, lead(trainer.network, batch)[1:]),
        loss=Mean(trainer.loss).init(),
        metrics=() if trainer.metrics is None else trainer.metrics.init(),
        signs=Signs.none(),
    )


@jax.jit
def score(trainer: Trainer, params: Params, totals: Totals, batch: Batch) -> tuple[Totals, Signs]:
    """The totals after one more batch, and the batch's own signs."""
    seen = through(trainer, params, totals.carry, batch)
    loss = Mean(trainer.loss).update(totals.loss, seen.outputs, batch.targets, where=seen.where)
    scores = update(trainer, totals.metrics, seen, batch)
    return Totals(seen.carry, loss, scores, totals.signs.plus(seen.signs)), seen.signs


@jax.jit
def score_stack(
    trainer: Trainer, params: Params, totals: Totals, stack: Batch
) -> tuple[Totals, Signs]:
    """The same for the batches of a stack, one after another."""
    return jax.lax.scan(lambda totals, batch: score(trainer, params, totals, batch), totals, stack)


def update(trainer: Trainer, scores: Any, seen: Pass, batch: Batch) -> Any:
    """The state of the metrics after one more batch."""
    if trainer.metrics is None:
        return ()
    return trainer.metrics.update(scores, seen.outputs, batch.targets, where=seen.where)
