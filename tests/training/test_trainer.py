"""The three pure functions: what they compute, and every transform around them."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxrnn import cells, data, metrics, networks, objectives, training
from jaxrnn.networks import Layer
from tests.training.small import (
    ADAM,
    CARRIED,
    SCORES,
    TRAINER,
    XENT,
    B,
    H,
    Small,
    T,
    V,
    echo,
    unstack,
)

step = jax.jit(training.Trainer.step)
init = jax.jit(training.Trainer.init)


def fit(trainer, key, batches):
    return jax.lax.scan(trainer.step, init(trainer, key), batches)


def test_scan_learns(key):
    state, reports = jax.jit(fit)(TRAINER, key, echo(key, 200, batch=8))
    assert reports.loss[0] > 1.0
    assert reports.loss[-1] < 0.05
    assert state.step == 200
    assert jnp.all(reports.weight == 8 * T)
    accuracy = SCORES.compute(state.metrics)["accuracy"]
    assert 0.5 < accuracy < 1


def loss_of(params, carry, batch):
    """The loss of a batch that starts from a carry, by another road."""
    _, logits = Small().apply(params, batch[0], carry)
    return optax.softmax_cross_entropy_with_integer_labels(logits, batch[1]).mean()


loss_and_gradient = jax.jit(jax.value_and_grad(loss_of))


def test_step_is_one_step_of_optax(key):
    state = init(TRAINER, key)
    batch = unstack(echo(key, 1))[0]
    value, gradient = loss_and_gradient(state.params, jnp.full((B, H), 0.1), batch)
    after, report = step(TRAINER, state, batch)
    np.testing.assert_allclose(report.loss, value, rtol=1e-6)
    # The initial carry is learned, and here a constant.
    expected = dict(gradient, h=optax.tree.zeros_like(gradient["h"]))
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = ADAM.update(expected, ADAM.init(state.params), state.params)
    after.params["h"] = state.params["h"]
    chex.assert_trees_all_close(after.params, optax.apply_updates(state.params, updates), atol=1e-6)


@pytest.mark.slow
def test_seeds_in_one_program_equal_one_by_one(key):
    keys, batches = jax.random.split(key, 3), echo(key, 5)
    together = jax.jit(jax.vmap(fit, in_axes=(None, 0, None)))(TRAINER, keys, batches)
    for i, one in enumerate(keys):
        alone = jax.jit(fit)(TRAINER, one, batches)
        mine = jax.tree.map(lambda leaf, i=i: leaf[i], together)
        chex.assert_trees_all_close(mine[1], alone[1], rtol=1e-5)
        chex.assert_trees_all_close(mine[0].params, alone[0].params, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_sweep_of_a_weight_of_the_loss_equals_one_by_one(key):
    weights, batches = jnp.array([0.0, 0.3, 1.0]), echo(key, 5)

    def final(weight):
        loss = XENT - weight * objectives.Entropy()
        return fit(training.Trainer(Small(), loss, ADAM), key, batches)[1].loss

    together = jax.jit(jax.vmap(final))(weights)
    alone = jnp.stack([jax.jit(final)(weight) for weight in weights])
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert len(set(np.asarray(together[:, -1]).tolist())) == 3


def test_sweep_of_the_learning_rate(key):
    trainer = training.Trainer(Small(), XENT, optax.inject_hyperparams(optax.sgd)(0.1))

    def final(rate):
        state = init(trainer, key)
        state.opt_state.hyperparams["learning_rate"] = rate
        return jax.lax.scan(trainer.step, state, echo(key, 5))[1].loss[-1]

    still, moved = jax.jit(jax.vmap(final))(jnp.array([0.0, 0.5]))
    assert still > moved


def test_another_leak_or_weight_runs_the_same_program(key):
    traced = jax.jit(chex.assert_max_traces(training.Trainer.step, n=1))
    batch = unstack(echo(key, 1))[0]
    losses = []
    for leak, weight in [(1.0, 0.0), (0.5, 0.0), (0.5, 0.1)]:
        loss = XENT - weight * objectives.Entropy()
        trainer = training.Trainer(Small(leak=leak), loss, ADAM)
        losses.append(float(traced(trainer, init(trainer, key), batch)[1].loss))
    assert len(set(losses)) == 3


def test_sharded_over_devices_equals_whole(key):
    batch = unstack(echo(key, 1, batch=8))[0]
    state = init(TRAINER, key)
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("batch",))
    shards = jax.device_put(batch, NamedSharding(mesh, PartitionSpec(None, "batch")))
    everywhere = jax.device_put(state, NamedSharding(mesh, PartitionSpec()))
    chex.assert_trees_all_close(
        jax.device_get(step(TRAINER, everywhere, shards)[0].params),
        jax.device_get(step(TRAINER, state, batch)[0].params),
        atol=1e-5,
    )


def test_carried_goes_on_without_gradient(key):
    first, second = unstack(echo(key, 2))
    state = init(CARRIED, key)
    middle, _ = step(CARRIED, state, first)
    end, report = step(CARRIED, middle, second)
    apply = jax.jit(Small.apply)
    carry, _ = apply(Small(), state.params, first[0], jnp.full((B, H), 0.1))
    chex.assert_trees_all_close(middle.carry, carry, rtol=1e-6)
    value, gradient = loss_and_gradient(middle.params, carry, second)
    np.testing.assert_allclose(report.loss, value, rtol=1e-6)
    np.testing.assert_allclose(report.gradient_norm, optax.tree.norm(gradient), rtol=1e-5)
    carry, _ = apply(Small(), middle.params, second[0], carry)
    chex.assert_trees_all_close(end.carry, carry, rtol=1e-6)


def test_reset_at_the_first_step_starts_afresh(key):
    inputs, targets = unstack(echo(key, 1))[0]
    state = init(CARRIED, key)
    used = state._replace(carry=jnp.full((B, H), jnp.nan))
    never = jnp.zeros((T, B), bool)
    afresh = step(CARRIED, used, data.Batch(inputs, targets, resets=never.at[0].set(True)))
    expected = step(CARRIED, state, data.Batch(inputs, targets, resets=never))
    np.testing.assert_allclose(afresh[1].loss, expected[1].loss, rtol=1e-6)
    chex.assert_trees_all_close(afresh[0].carry, expected[0].carry, rtol=1e-6)


def test_fresh_learns_the_initial_carry_and_carried_holds_it(key):
    batch = unstack(echo(key, 1))[0]
    for trainer, learns in [(TRAINER, True), (CARRIED, False)]:
        state = init(trainer, key)
        after, _ = step(trainer, state, batch)
        assert bool(jnp.any(after.params["h"] != state.params["h"])) == learns


def test_padding_counts_for_nothing(key):
    inputs, targets = unstack(echo(key, 1))[0]
    mask = jnp.arange(T)[:, None] < jnp.array([[T, 1]])
    state = init(TRAINER, key)
    after, report = step(TRAINER, state, data.Batch(inputs, targets, mask))
    other = data.Batch(jnp.where(mask, inputs, V - 1), jnp.where(mask, targets, 0), mask)
    again, same = step(TRAINER, state, other)
    assert report.weight == T + 1
    chex.assert_trees_all_equal((after.params, report), (again.params, same))


class Last(Layer):
    """One output a sequence: the last state of `Small`."""

    small: Small = Small()

    def init(self, key):
        return self.small.init(key)

    def carry(self, params, batch=()):
        return self.small.carry(params, batch)

    def run(self, params, xs, carry, *, key, mask, resets):
        carry, _ = self.small.run(params, xs, carry, key=key, mask=mask, resets=resets)
        return carry, carry @ params["o"]

    @property
    def input_shape(self):
        return ()

    @property
    def pools(self):
        return True


def test_one_target_a_sequence(key):
    trainer = training.Trainer(Last(), XENT, ADAM, SCORES)
    inputs, targets = unstack(echo(key, 1, batch=3))[0]
    mask = jnp.arange(T)[:, None] < jnp.array([[T, 2, 0]])
    _, report = step(trainer, init(trainer, key), data.Batch(inputs, targets[-1], mask))
    assert report.weight == 2  # the third sequence has no step: it is a filler


def test_randomness_is_of_the_key_and_the_step(key):
    batch = unstack(echo(key, 1))[0]
    trainer = training.Trainer(Small(noise=1.0), XENT, ADAM, SCORES)
    state = init(trainer, key)
    _, first = step(trainer, state, batch)
    _, second = step(trainer, state._replace(step=state.step + 1), batch)
    _, again = step(trainer, state, batch)
    assert first.loss == again.loss
    assert first.loss != second.loss


@pytest.mark.slow
def test_evaluate_takes_a_stack_or_a_list_and_is_deterministic(key):
    for trainer in (TRAINER, CARRIED):
        state = init(trainer, key)
        stack = echo(key, 3)
        stacked = data.Stacked(data.Batch(*stack))
        whole = trainer.evaluate(state, stacked)
        chex.assert_trees_all_close(whole, trainer.evaluate(state, unstack(stack)), rtol=1e-6)
        chex.assert_trees_all_close(
            whole, jax.jit(training.Trainer.evaluate)(trainer, state, stacked)
        )
        np.testing.assert_allclose(whole.loss, whole.metrics["nll"], rtol=1e-6)
        assert whole.weight == 3 * T * B


def test_evaluate_carries_on_only_where_training_does(key):
    inputs, targets = echo(key, 2, batch=3)  # other batch axes than training's
    joined = jnp.concatenate(inputs), jnp.concatenate(targets)
    state = init(CARRIED, key)
    whole = CARRIED.evaluate(state, joined).loss  # a tuple is one batch
    stacked = data.Stacked(data.Batch(inputs, targets))
    np.testing.assert_allclose(CARRIED.evaluate(state, stacked).loss, whole, rtol=1e-6)
    assert abs(TRAINER.evaluate(state, stacked).loss - whole) > 1e-5


def test_evaluate_weighs_batches_by_their_valid_steps(key):
    inputs, targets = echo(key, 2)
    mask = jnp.ones(inputs.shape, bool).at[1, 1:].set(False)
    state = init(TRAINER, key)
    both = TRAINER.evaluate(state, data.Stacked(data.Batch(inputs, targets, mask)))
    one, two = (
        TRAINER.evaluate(state, [data.Batch(inputs[i], targets[i], mask[i])]) for i in range(2)
    )
    assert (one.weight, two.weight) == (T * B, B)
    mean = (one.loss * one.weight + two.loss * two.weight) / (one.weight + two.weight)
    np.testing.assert_allclose(both.loss, mean, rtol=1e-6)


def test_functions_are_losses(key):
    def absolute(outputs, targets):
        return jnp.abs(outputs - jax.nn.one_hot(targets, V)).mean(-1)

    trainer = training.Trainer(Small(), absolute, ADAM, metrics.Mean(absolute))
    state, report = step(trainer, init(trainer, key), unstack(echo(key, 1))[0])
    np.testing.assert_allclose(trainer.metrics.compute(state.metrics), report.loss, rtol=1e-6)


def test_optimizers_that_read_the_loss(key):
    plateau = optax.contrib.reduce_on_plateau(patience=1, factor=0.5)
    trainer = training.Trainer(Small(), XENT, optax.chain(optax.sgd(0.0), plateau))
    batch = unstack(echo(key, 1))[0]
    state, _ = jax.jit(fit)(trainer, key, jax.tree.map(lambda leaf: jnp.stack([leaf] * 5), batch))
    assert state.opt_state[1].scale < 1


class Own(Layer):
    """Parameters as an author may give them: a number of Python's, and one array twice."""

    weights: object = 0.5

    def init(self, key):
        return {"a": 0.5, "b": self.weights, "c": self.weights}

    def run(self, params, xs, carry, *, key, mask, resets):
        return carry, xs * params["a"] + params["b"] * params["c"]


LSTMS = networks.stack(
    networks.Embedding(V, 4), networks.Recurrent(cells.LSTM(4, 4)), networks.Dense(4, V)
)
SHARED = jnp.float32(0.1)
ZOO = {
    "small": (CARRIED, (T, B)),
    "lstm": (training.Trainer(LSTMS, XENT, ADAM, SCORES, training.Carried((B,))), (T, B)),
    "both directions": (
        training.Trainer(
            networks.Bidirectional(cells.GRU(V, 2), cells.LRU(V, V - 2)),
            objectives.SquaredError(),
            optax.adamw(1e-3),
            metrics.collect(mean=metrics.Mean(objectives.SquaredError())),
        ),
        (T, B, V),
    ),
    "a learning rate in the state": (
        training.Trainer(LSTMS, XENT, optax.inject_hyperparams(optax.adam)(SHARED)),
        (T, B),
    ),
    "averages": (
        training.Trainer(
            LSTMS,
            XENT,
            optax.chain(optax.adam(1e-3), optax.ema(0.9)),
            metrics.collect(
                ema=metrics.ema(metrics.nll(), 0.9), last=metrics.windowed(metrics.nll(), 2)
            ),
        ),
        (T, B),
    ),
    "arrays in a noun": (
        training.Trainer(
            Own(jnp.float32(0.5)), objectives.SquaredError(), optax.sgd(0.1, momentum=0.9)
        ),
        (T, B, V),
    ),
}


@pytest.mark.parametrize("name", ZOO)
def test_a_state_can_be_donated_whole(name, key):
    """No array stands in two leaves, and none is held by the trainer, which would lose it."""
    trainer, shape = ZOO[name]
    xs = jnp.zeros(shape, jnp.int32 if len(shape) == 2 else jnp.float32)
    donating = jax.jit(training.Trainer.step, donate_argnums=1)
    losses = []
    for _ in range(2):
        state = trainer.init(key)
        leaves = jax.tree.leaves(state)
        assert len({id(leaf) for leaf in leaves}) == len(leaves)
        for _ in range(2):
            state, report = donating(trainer, state, (xs, xs))
        losses.append(float(report.loss))
        assert all(leaf.is_deleted() for leaf in leaves if leaf.size and leaf is not state.key)
    assert losses[0] == losses[1]


def test_reprs_fit_a_line(key):
    state = init(TRAINER, key)
    assert repr(state) == "<TrainState at step 0: 120 parameters>"
    result = training.Result(state, [{"step": 1, "train/loss": 0.5}], 1, state)
    assert repr(result) == f"<Result of step 1: 1 rows, {state!r}>"
    event = training.Event(1, {"step": 1}, state, TRAINER)
    assert repr(event) == "<Event {'step': 1}, <TrainState at step 0: 120 parameters>>"
    jax.eval_shape(lambda state: print(state) or state.params, state)


ERRORS = {
    "no steps": (data.Batch(jnp.zeros((0, B), int), jnp.zeros((0, B), int)), "at least one step"),
    "no sequences": (data.Batch(jnp.zeros((T, 0), int), jnp.zeros((T, 0), int)), "one sequence"),
    "no time": (data.Batch(jnp.zeros((), int), jnp.zeros((), int)), r"\[T, \*batch\]"),
    "mask": (
        data.Batch(jnp.zeros((T, B), int), jnp.zeros((T, B), int), jnp.ones((B, T), bool)),
        "mask and resets must be",
    ),
    "resets": (
        data.Batch(jnp.zeros((T, B), int), jnp.zeros((T, B), int), resets=jnp.ones(T, bool)),
        "mask and resets must be",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_batches_that_do_not_fit(name, key):
    batch, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        TRAINER.step(init(TRAINER, key), batch)


def test_a_stream_of_another_size(key):
    with pytest.raises(
        ValueError, match=r"does not fit a batch of \(3,\).*Carried\(batch=\(2,\)\)"
    ):
        step(CARRIED, init(CARRIED, key), unstack(echo(key, 1, batch=3))[0])
    with pytest.raises(ValueError, match="at least 1"):
        training.Carried(batch=(0,))
    with pytest.raises(TypeError, match="tuple"):
        training.Carried(batch=8)


def test_no_batches(key):
    with pytest.raises(ValueError, match="there are no batches"):
        TRAINER.evaluate(init(TRAINER, key), iter(()))
