"""`Trainer`: training as three pure functions."""

import typing
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding

from .. import _check, objectives
from .._config import Config
from .._typing import Array, Carry, Key, Optimizer, Params
from ..data import Batch
from ..metrics import Metric
from ..networks import Layer
from ._batch import as_batch
from ._carry import CarryPolicy, Fresh
from ._evaluation import evaluate, update
from ._pass import Pass, Scoring, Signs, through
from ._placement import placement
from ._state import Evaluation, Report, TrainState


@typing.final
class Trainer(Config):
    """A network, what it minimises, how, and what is reported: three pure functions.

    `init(key) -> state`, `step(state, batch) -> (state, report)` and
    `evaluate(state, batches) -> evaluation` hold no state of their own, so that the loop is
    `jax.lax.scan`, an ensemble is `jax.vmap` over keys, and a sweep is `jax.vmap` over a leaf of
    the network or of the loss:

        loss[t]   = objective(network(inputs)[t], targets[t])
        minimised = sum(loss where mask) / sum(mask) + penalty(params)

    A batch is a `data.Batch` or a tuple `(inputs, targets[, mask[, resets]])`, with axes
    `[T, *batch, ...]`: symbols `[T, *batch]` or features `[T, *batch, features]`, by what the
    network reads. A network that pools has targets of `[*batch, ...]`, one a sequence. Lists of
    numbers, and what numpy can read, as tensors of torch on the host, are made arrays.

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
        penalty: of the parameters, added to the mean loss: `1e-4 * objectives.L2()`; `None` for
            none. Losses that are reported leave it out, so that those of training and of held-out
            batches compare.

    Raises:
        TypeError: a network, loss, metric, optimizer or batch of another kind; a carry that goes on
            from batch to batch, beside a network that reads what comes later.
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
    penalty: objectives.Penalty | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", objectives.as_objective(self.loss))
        self.carry.check(self.network)

    def init(self, key: Key) -> TrainState:
        """Draw the parameters; everything else starts at zero.

        Every leaf is an array of its own, so that the whole state can be donated:
        `jax.jit(Trainer.step, donate_argnums=1)`.

        Raises:
            TypeError: `key` is no key, or a parameter is no floating number.
        """
        for_params, for_steps = jax.random.split(key)
        params = _trainable(self.network.init(for_params))
        state = TrainState(
            params=params,
            opt_state=self.optimizer.init(params),
            carry=self.carry.first(self.network, params),
            metrics=() if self.metrics is None else self.metrics.init(),
            key=for_steps,
            step=jnp.zeros((), jnp.int32),
        )
        return jax.tree.map(_own, state)

    def step(self, state: TrainState, batch: Batch | tuple[Any, ...]) -> tuple[TrainState, Report]:
        """Take one step of the optimizer on one batch.

        Under `jax.jit` write `jax.jit(Trainer.step)(trainer, state, batch)`: the trainer is then an
        argument, and one with another leak or weight runs the same program.
        """
        state, report, _ = take_step(self, state, as_batch("Trainer.step", batch))
        return state, report

    def evaluate(
        self,
        state: TrainState,
        batches: Iterable[Any],
        *,
        sharding: NamedSharding | None = None,
    ) -> Evaluation:
        """Score the parameters, deterministically; a carried state starts afresh.

        Outside of `jit` the batches are checked as the loss checks them there: labels out of range
        are an error. So are outputs of the first batch that are probabilities where the loss takes
        logits. Inputs or targets that are not finite, and make the loss so, are an error too: leave
        those steps out by the mask of a `data.Batch`.

        Args:
            state: of which only the parameters are read.
            batches: one batch, as for `step`; a `data.Stacked`, which `jax.lax.scan` runs through;
                or anything that gives batches when it is iterated over: a list, a dataset.
            sharding: how the batches are divided among devices, as for `fit`.

        Raises:
            FloatingPointError: the loss is not finite because inputs or targets are not; it says
                where.
            TypeError: `state` is no `TrainState`, or there are no batches of arrays.
            ValueError: there are no batches, or one cannot be divided evenly among the devices, or,
                as far as it can be read, a label is out of range or no step counts.
        """
        _check_state("Trainer.evaluate", state)
        placed = placement("Trainer.evaluate", sharding)
        return evaluate(scoring_of(self), state.params, batches, placed)


def scoring_of(trainer: Trainer) -> Scoring:
    """All of a trainer but its optimizer."""
    loss = objectives.as_objective(trainer.loss)
    return Scoring(trainer.network, loss, trainer.metrics, trainer.carry)


def take_step(
    trainer: Trainer, state: TrainState, batch: Batch
) -> tuple[TrainState, Report, Signs]:
    """What `Trainer.step` does, and what the batch is checked by."""
    import optax

    _check_state("Trainer.step", state)
    key, scoring = jax.random.fold_in(state.key, state.step), scoring_of(trainer)
    (minimised, (penalty, seen)), gradient = jax.value_and_grad(_minimised, has_aux=True)(
        state.params, trainer.penalty, scoring, state.carry, batch, key
    )
    optimizer = optax.with_extra_args_support(trainer.optimizer)
    # optax multiplies integers with floats, whatever promotion is allowed outside. `value` is
    # for the few transformations that read the loss (reduce_on_plateau).
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = optimizer.update(
            gradient, state.opt_state, state.params, value=minimised
        )
        params = optax.apply_updates(state.params, updates)
        gradient_norm = optax.tree.norm(gradient)
    state = TrainState(
        params=params,
        opt_state=opt_state,
        carry=seen.carry,
        metrics=update(scoring, state.metrics, seen, batch),
        key=state.key,
        step=state.step + 1,
    )
    report = Report(
        loss=seen.total.mean(),
        weight=seen.total.weight,
        gradient_norm=gradient_norm,
        uncounted=seen.signs.share,
        penalty=penalty,
    )
    return state, report, seen.signs


def _minimised(
    params: Params,
    penalty: objectives.Penalty | None,
    scoring: Scoring,
    held: Carry,
    batch: Batch,
    key: Key,
) -> tuple[Array, tuple[Array, Pass]]:
    """The mean loss and the penalty, added, and what they are made of."""
    seen = through(scoring, params, held, batch, key)
    loss = seen.total.mean()
    if penalty is None:
        return loss, (jnp.zeros_like(loss), seen)
    added = penalty(params)
    return loss + added.astype(loss.dtype), (added, seen)


def _trainable(params: Params) -> Params:
    """Parameters as arrays, or raise."""
    for path, leaf in jax.tree.leaves_with_path(params):
        number = _check.is_array(leaf) or isinstance(leaf, int | float | complex)
        if not number or not jnp.issubdtype(jnp.result_type(leaf), jnp.inexact):
            came = _check.describe(leaf) if number else f"a `{type(leaf).__name__}`"
            raise TypeError(
                "Trainer.init: parameters are floating numbers, and network.init gave "
                f"params{jax.tree_util.keystr(path)}, {came}. Keep what is not trained in a field "
                "of the layer."
            )
    return jax.tree.map(_own, params)


def _own(leaf: Any) -> Array:
    """A new array of one leaf: no other may share its memory, not even one held by a noun.

    A weakly typed leaf, as of `jnp.full(3, 0.1)`, would make the second step trace again.
    """
    return jnp.array(leaf, getattr(leaf, "dtype", None) or jnp.result_type(leaf), copy=True)


def _check_state(who: str, state: Any) -> None:
    remedy = "Make one: `trainer.init(key)`, and `._replace(params=params)` for parameters."
    _check.kind(who, "state", state, TrainState, remedy)
