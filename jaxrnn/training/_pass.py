"""A batch that goes through the network: what comes out, what it costs, and what may be amiss."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import objectives
from .._typing import Array, Carry, Key, Params
from ..data import Batch
from ..metrics import Metric
from ..networks import Layer
from ._batch import lead
from ._carry import CarryPolicy


class Scoring(NamedTuple):
    """What a batch is run through and scored by: a trainer, less its optimizer."""

    network: Layer
    loss: objectives.Objective
    metrics: Metric | None
    carry: CarryPolicy


class Signs(NamedTuple):
    """What a batch is checked by, once its numbers are there.

    Shapes:
        steps: how many steps are no padding.
        uncounted: how many of those have weight 0.
        probabilities: `Bool[]`, whether the first rows of the outputs look like probabilities.
        lost: `Bool[]`, whether the loss is not finite.
    """

    steps: Array
    uncounted: Array
    probabilities: Array
    lost: Array

    @classmethod
    def none(cls) -> "Signs":
        """Of no batch."""
        zero, no = jnp.zeros((), jnp.float32), jnp.zeros((), bool)
        return cls(zero, zero, no, no)

    def plus(self, later: "Signs") -> "Signs":
        """Of several batches."""
        return Signs(
            self.steps + later.steps,
            self.uncounted + later.uncounted,
            self.probabilities | later.probabilities,
            self.lost | later.lost,
        )

    @property
    def share(self) -> Array:
        """The share of the steps that do not count."""
        return self.uncounted / jnp.maximum(self.steps, 1)


class Pass(NamedTuple):
    """The network run over one batch."""

    carry: Carry
    outputs: Any
    where: Array | None
    total: objectives.Weighted
    signs: Signs


def through(
    scoring: Scoring, params: Params, held: Carry, batch: Batch, key: Key | None = None
) -> Pass:
    """Run the network over a batch and score it; `held` is of the batch before."""
    axes = lead(scoring.network, batch)
    mask, resets = (None if mark is None else jnp.asarray(mark) for mark in batch[2:])
    carry = scoring.carry.start(scoring.network, params, held, axes[1:])
    carry, outputs = scoring.network.apply(
        params, batch.inputs, carry, key=key, mask=mask, resets=resets
    )
    where = counted(scoring.network, batch)
    values, weight = objectives.score(scoring.loss, outputs, batch.targets, where=where)
    offered = jnp.ones(values.shape, bool) if where is None else where
    total = objectives.Weighted(jnp.sum(values * weight), jnp.sum(weight))
    signs = Signs(
        steps=jnp.sum(offered, dtype=jnp.float32),
        uncounted=jnp.sum(offered & (weight == 0), dtype=jnp.float32),
        probabilities=_like_probabilities(outputs, offered),
        lost=~jnp.isfinite(total.sum),
    )
    return Pass(scoring.carry.keep(carry), outputs, where, total, signs)


def counted(network: Layer, batch: Batch) -> Array | None:
    """What counts: the steps of the mask or, of whole sequences, those that have a step."""
    if batch.mask is None:
        return None
    mask = jnp.asarray(batch.mask)
    return mask.any(axis=0) if network.pools else mask


def _like_probabilities(outputs: Any, offered: Array) -> Array:
    """Whether a few rows lie in [0, 1] and sum to 1: so few that it costs nothing."""
    if not isinstance(outputs, jax.Array) or outputs.shape[:-1] != offered.shape:
        return jnp.zeros((), bool)
    if not jnp.issubdtype(outputs.dtype, jnp.floating) or outputs.shape[-1] < 2:
        return jnp.zeros((), bool)
    few = (slice(4),) * offered.ndim
    rows, slack = outputs[few].astype(jnp.float32), 1e-4 if outputs.dtype.itemsize > 2 else 1e-2
    inside = jnp.all((rows >= 0) & (rows <= 1), axis=-1)
    unit = inside & (jnp.abs(jnp.sum(rows, axis=-1) - 1) <= slack)
    return jnp.all(unit | ~offered[few]) & jnp.any(offered[few])
