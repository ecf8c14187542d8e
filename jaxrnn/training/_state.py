"""What training holds and reports: `TrainState`, `Report`, `Evaluation`."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np

from .._typing import Array, Carry, Key, Params


class TrainState(NamedTuple):
    """All that changes while a network is trained: a pytree of arrays.

    Shapes:
        params: of `network.init`.
        opt_state: of the optimizer.
        carry: what the next batch starts from; `()` where every batch starts afresh.
        metrics: the metrics' state, over every step since `init` (in `fit`, since the last row of
            the history); `()` without metrics.
        key: randomness of step `n` is drawn from `jax.random.fold_in(key, n)`.
        step: `Int[]`, how many steps were taken.
    """

    params: Params
    opt_state: Any
    carry: Carry
    metrics: Any
    key: Key
    step: Array

    def __repr__(self) -> str:
        """How far it is and how large: the arrays themselves would fill pages."""
        return f"<TrainState at step {self.step}: {_count(self.params):,} parameters>"


class Report(NamedTuple):
    """What one training step reports: scalars, so that `lax.scan` stacks them into curves.

    Shapes:
        loss: the mean over the valid steps, before the update; 0 where there is none.
        weight: how many steps were valid (their total weight, where objectives weigh).
        gradient_norm: the Euclidean norm of the whole gradient, before the optimizer clips it.
        uncounted: the share of the steps that are no padding, and yet have weight 0: their label is
            out of range, or the loss leaves them out, as `IgnoreIndex` does.
        penalty: what the trainer's penalty adds to the loss; 0 where there is none.
    """

    loss: Array
    weight: Array
    gradient_norm: Array
    uncounted: Array
    penalty: Array


class Evaluation(NamedTuple):
    """What an evaluation reports: means over all valid steps of all batches.

    Shapes:
        loss: the mean over the valid steps; NaN where there is none.
        weight: how many steps were valid.
        metrics: what the trainer's metrics compute; `None` without metrics.
        uncounted: the share of the steps that are no padding, and yet have weight 0, as in a
            `Report`.
    """

    loss: Array
    weight: Array
    metrics: Any
    uncounted: Array


def _count(tree: Any) -> int:
    return sum(math.prod(np.shape(leaf)) for leaf in jax.tree.leaves(tree))
