"""`Trainer`: training as three pure functions."""

import typing
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import _check, objectives
from .._config import Config
from .._typing import Array, Carry, Key, Optimizer, Params
from ..data import Batch, Stacked
from ..metrics import Mean, MeanState, Metric
from ..networks import Layer
from ._carry import CarryPolicy, Fresh


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


class Report(NamedTuple):
    """What one training step reports: scalars, so that `lax.scan` stacks them into curves.

    Shapes:
        loss: the mean over the valid steps, before the update; 0 where there is none.
        weight: how many steps were valid (their total weight, where objectives weigh).
        gradient_norm: the Euclidean norm of the whole gradient, before the optimizer clips it.
    """

    loss: Array
    weight: Array
    gradient_norm: Array


class Evaluation(NamedTuple):
    """What an evaluation reports: means over all valid steps of all batches.

    Shapes:
        loss: the mean over the valid steps; NaN where there is none.
        weight: how many steps were valid.
        metrics: what the trainer's metrics compute; `None` without metrics.
    """

    loss: Array
    weight: Array
    metrics: Any


@typing.final
class Trainer(Config):
    """A network, what it minimises, how, and what is reported: three pure functions.

    `init(key) -> state`, `step(state, batch) -> (state, report)` and
    `evaluate(state, batches) -> evaluation` hold no state of their own, so that the loop is
    `jax.lax.scan`, an ensemble is `jax.vmap` over keys, and a sweep is `jax.vmap` over a leaf of
    the network or of the loss:

        loss[t]   = objective(network(inputs)[t], targets[t])
        minimised = sum(loss where mask) / sum(mask)

    A batch is a `data.Batch` or a tuple `(inputs, targets[, mask[, resets]])`, with axes
    `[T, *batch, ...]`. Whole numbers in the inputs are tokens, `[T, *batch]`; floating inputs end
    in a feature axis, `[T, *batch, features]`. A network that pools has targets of
    `[*batch, ...]`, one a sequence.

    Args:
        network: any `Layer`.
        loss: an objective, or a plain function `(outputs, targets) -> values per step`.
        optimizer: any optax transformation. Clipping and schedules are optax's:
            `optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule))`. It is compared
            by identity: build it once, or each new one compiles anew. A learning rate that is
            swept by `vmap` lives in the state, by `optax.inject_hyperparams`.
        metrics: a metric, as `metrics.collect(...)`, updated on every step; `None` for none.
        carry: `Fresh()`, every batch starts from the network's initial carry, or
            `Carried(batch=(32,))`, the carry goes on over a long stream.

    Raises:
        TypeError: a network, loss, metric, optimizer or batch of another kind.
        ValueError: a batch without steps, or inputs, mask and resets that disagree in shape.

    Example:
        >>> import jax, optax
        >>> from jaxrnn import networks, objectives, training
        >>> trainer = training.Trainer(
        ...     networks.Dense(2, 1), objectives.SquaredError(), optax.sgd(0.1)
        ... )
        >>> inputs = jax.random.normal(jax.random.key(0), (50, 8, 2))  # 50 batches of 8 steps
        >>> batches = (inputs, inputs.sum(-1, keepdims=True))
        >>> state, reports = jax.lax.scan(trainer.step, trainer.init(jax.random.key(1)), batches)
        >>> bool(reports.loss[-1] < 1e-3 < reports.loss[0])
        True
    """

    network: Layer
    loss: objectives.ObjectiveLike
    optimizer: Optimizer = jax.tree.static()
    metrics: Metric | None = None
    carry: CarryPolicy = Fresh()

    def __post_init__(self) -> None:
        """Make a plain function an objective: functions are no leaves."""
        object.__setattr__(self, "loss", objectives.as_objective(self.loss))

    def init(self, key: Key) -> TrainState:
        """Draw the parameters; everything else starts at zero."""
        for_params, for_steps = jax.random.split(key)
        params = self.network.init(for_params)
        state = TrainState(
            params=params,
            opt_state=self.optimizer.init(params),
            carry=self.carry.first(self.network, params),
            metrics=() if self.metrics is None else self.metrics.init(),
            key=for_steps,
            step=jnp.zeros((), jnp.int32),
        )
        # A weakly typed leaf, as of `jnp.full(3, 0.1)`, would make the second step trace again.
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, leaf.dtype), state)

    def step(self, state: TrainState, batch: Batch | tuple[Any, ...]) -> tuple[TrainState, Report]:
        """Take one step of the optimizer on one batch.

        Under `jax.jit` write `jax.jit(Trainer.step)(trainer, state, batch)`: the trainer is then an
        argument, and one with another leak or weight runs the same program.
        """
        import optax

        batch = _batch(batch)
        key = jax.random.fold_in(state.key, state.step)
        (loss, run), gradient = jax.value_and_grad(_loss, argnums=1, has_aux=True)(
            self, state.params, state.carry, batch, key
        )
        optimizer = optax.with_extra_args_support(self.optimizer)
        # optax multiplies integers with floats, whatever promotion is allowed outside. `value` is
        # for the few transformations that read the loss (reduce_on_plateau).
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(
                gradient, state.opt_state, state.params, value=loss
            )
            params = optax.apply_updates(state.params, updates)
            gradient_norm = optax.tree.norm(gradient)
        state = TrainState(
            params=params,
            opt_state=opt_state,
            carry=run.carry,
            metrics=_update(self, state.metrics, run, batch),
            key=state.key,
            step=state.step + 1,
        )
        return state, Report(loss, run.total.weight, gradient_norm)

    def evaluate(self, state: TrainState, batches: Iterable[Any]) -> Evaluation:
        """Score the parameters, deterministically; a carried state starts afresh.

        Args:
            state: of which only the parameters are read.
            batches: one batch, as for `step`; a `data.Stacked`, which `jax.lax.scan` runs through;
                or anything that gives batches when it is iterated over: a list, a dataset.

        Raises:
            ValueError: there are no batches.
        """
        if isinstance(batches, Stacked):
            stack = Batch(*batches.batches)
            totals = _start(self, state.params, jax.tree.map(lambda leaf: leaf[0], stack))
            totals = _score_stack(self, state.params, totals, stack)
        else:
            totals = None
            for item in (batches,) if isinstance(batches, tuple) else batches:
                batch = _batch(item)
                totals = totals or _start(self, state.params, batch)
                totals = _score(self, state.params, totals, batch)
            if totals is None:
                raise ValueError(
                    "Trainer.evaluate: there are no batches. An iterator gives its batches once; "
                    "pass a list or a dataset to go through it again."
                )
        return Evaluation(
            loss=Mean(self.loss).compute(totals.loss),
            weight=totals.loss.weight.value(),
            metrics=None if self.metrics is None else self.metrics.compute(totals.metrics),
        )


class _Run(NamedTuple):
    """The network run over one batch."""

    carry: Carry
    outputs: Any
    where: Array | None
    total: objectives.Weighted


def _run(trainer: Trainer, params: Params, held: Carry, batch: Batch, key: Key | None) -> _Run:
    lead = _lead(trainer.network, batch)
    mask, resets = (None if mark is None else jnp.asarray(mark) for mark in batch[2:])
    carry = trainer.carry.start(trainer.network, params, held, lead[1:])
    carry, outputs = trainer.network.apply(
        params, batch.inputs, carry, key=key, mask=mask, resets=resets
    )
    # What counts: the steps of the mask or, of whole sequences, those that have a step.
    where = mask.any(axis=0) if mask is not None and trainer.network.pools else mask
    total = objectives.reduce(trainer.loss, outputs, batch.targets, where=where)
    return _Run(trainer.carry.keep(carry), outputs, where, total)


def _loss(
    trainer: Trainer, params: Params, held: Carry, batch: Batch, key: Key
) -> tuple[Array, _Run]:
    run = _run(trainer, params, held, batch, key)
    return run.total.mean(), run


def _update(trainer: Trainer, scores: Any, run: _Run, batch: Batch) -> Any:
    if trainer.metrics is None:
        return ()
    return trainer.metrics.update(scores, run.outputs, batch.targets, where=run.where)


class _Totals(NamedTuple):
    """What an evaluation carries from batch to batch."""

    carry: Carry
    loss: MeanState
    metrics: Any


@jax.jit
def _start(trainer: Trainer, params: Params, batch: Batch) -> _Totals:
    return _Totals(
        carry=trainer.carry.first(trainer.network, params, _lead(trainer.network, batch)[1:]),
        loss=Mean(trainer.loss).init(),
        metrics=() if trainer.metrics is None else trainer.metrics.init(),
    )


@jax.jit
def _score(trainer: Trainer, params: Params, totals: _Totals, batch: Batch) -> _Totals:
    run = _run(trainer, params, totals.carry, batch, None)
    return _Totals(
        carry=run.carry,
        loss=Mean(trainer.loss).update(totals.loss, run.outputs, batch.targets, where=run.where),
        metrics=_update(trainer, totals.metrics, run, batch),
    )


@jax.jit
def _score_stack(trainer: Trainer, params: Params, totals: _Totals, stack: Batch) -> _Totals:
    def score(totals: _Totals, batch: Batch) -> tuple[_Totals, None]:
        return _score(trainer, params, totals, batch), None

    return jax.lax.scan(score, totals, stack)[0]


def _batch(batch: Any) -> Batch:
    if not isinstance(batch, tuple):
        raise TypeError(
            "Trainer: a batch is a `data.Batch(inputs, targets, mask, resets)` or a tuple of these "
            f"in this order, got {type(batch).__name__}"
        )
    return Batch(*batch)


def _lead(network: Layer, batch: Batch) -> tuple[int, ...]:
    """`(T, *batch)` of the inputs, by what the network says that it reads."""
    leaves = jax.tree.leaves(batch.inputs)
    lead = network.leading(batch.inputs)
    if 0 in lead:
        raise ValueError(
            "Trainer: inputs must be [T, *batch] tokens or [T, *batch, features] with at least "
            f"one step and one sequence, got {', '.join(map(_check.describe, leaves))}"
        )
    marks = {"mask": batch.mask, "resets": batch.resets}
    shapes = {name: jnp.shape(mark) for name, mark in marks.items() if mark is not None}
    if any(shape != lead for shape in shapes.values()):
        raise ValueError(
            "Trainer: mask and resets must be [T, *batch], as the inputs are, got inputs "
            + ", ".join(map(_check.describe, leaves))
            + "".join(f", {name} {shape}" for name, shape in shapes.items())
        )
    return lead
