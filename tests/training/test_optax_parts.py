"""Accumulation, plateaus and mixed precision by optax's own parts, alone and under `fit`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import cells, data, networks, objectives, training

K = 3
NETWORK = networks.Recurrent(cells.Elman(2, 4))  # its states are the logits
RNG = np.random.default_rng(0)
INPUTS, LABELS = RNG.normal(size=(5, 2 * K, 2)), RNG.integers(0, 4, (5, 2 * K))
OPTIMIZER = optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(1e-2, momentum=0.9))


def micro(mask=None):
    """The batch as `K` smaller ones."""
    parts = (INPUTS, LABELS) if mask is None else (INPUTS, LABELS, mask)
    return [data.Batch(*(part[:, at : at + 2] for part in parts)) for at in range(0, 2 * K, 2)]


def accumulated(optimizer):
    """Sums are held in float32 unless told otherwise."""
    return optax.MultiSteps(optimizer, K, accumulator_dtype=jnp.float64)


def double(trainer, key=0):
    state = trainer.init(jax.random.key(key))
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), state.params)
    return state._replace(params=params, opt_state=trainer.optimizer.init(params))


def close(params, wanted):
    for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12, rtol=0)


def test_k_batches_of_equal_weight_equal_one_big_batch(x64):
    loss, penalty = objectives.CrossEntropy(), 1e-2 * objectives.L2()
    whole = training.Trainer(NETWORK, loss, OPTIMIZER, penalty=penalty)
    parts = training.Trainer(NETWORK, loss, accumulated(OPTIMIZER), penalty=penalty)
    step = jax.jit(training.Trainer.step)
    one, many = double(whole), double(parts)
    for _ in range(2):
        before = many.params
        one, _ = step(whole, one, data.Batch(INPUTS, LABELS))
        for batch in micro():
            close(many.params, before)  # nothing moves until the last of them
            many, _ = step(parts, many, batch)
        close(many.params, one.params)


def test_of_ragged_batches_each_counts_the_same(x64):
    """A mean of means: steps of a batch with few of them weigh more. So the page says."""
    network, loss = networks.Dense(2, 4), objectives.CrossEntropy()
    mask = np.ones((5, 2 * K), bool)
    mask[1:, 0] = mask[2:, 1] = False
    parts = training.Trainer(network, loss, accumulated(optax.sgd(1.0)))
    state = start = double(parts)
    for batch in micro(mask):
        state, _ = jax.jit(training.Trainer.step)(parts, state, batch)

    @jax.jit
    @jax.grad
    def gradient(params, batch):
        outputs = network.apply(params, batch.inputs)[1]
        return objectives.reduce(loss, outputs, batch.targets, where=batch.mask).mean()

    each = [gradient(start.params, batch) for batch in micro(mask)]
    moved = jax.tree.map(lambda a, b: a - b, start.params, state.params)
    close(moved, jax.tree.map(lambda *leaves: sum(leaves) / K, *each))
    whole = gradient(start.params, data.Batch(INPUTS, LABELS, mask))
    assert float(abs(moved.kernel - whole.kernel).max()) > 1e-3


def test_fit_accumulates_with_narrow_compute_and_float32_weights():
    network = networks.stack(
        networks.Precision(networks.Recurrent(cells.GRU(2, 3))), networks.Dense(3, 4)
    )
    trainer = training.Trainer(
        network, objectives.CrossEntropy(), optax.MultiSteps(optax.sgd(0.1), K)
    )
    batches = [data.Batch(np.float32(batch.inputs), batch.targets) for batch in micro()]
    result = training.fit(
        trainer, batches, steps=2 * K, every=K, key=jax.random.key(0), progress=None
    )
    assert [row["step"] for row in result.history] == [K, 2 * K]
    assert int(result.state.opt_state.gradient_step) == 2
    leaves = jax.tree.leaves((result.state.params, result.state.opt_state.acc_grads))
    assert {leaf.dtype.name for leaf in leaves} == {"float32"}


def test_the_learning_rate_falls_where_the_training_loss_stays(tmp_path):
    """And does so over checkpoints: what it has waited for is in the optimizer's state."""
    plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=2, accumulation_size=2)
    trainer = training.Trainer(
        networks.Dense(2, 4), objectives.CrossEntropy(), optax.chain(optax.sgd(0.0), plateau)
    )
    batch = data.Batch(np.float32(INPUTS), LABELS)
    given = {"every": 5, "key": jax.random.key(0), "progress": None}
    scales = {}

    def remember(event):
        scales[event.step] = float(event.state.opt_state[1].scale)

    training.fit(trainer, [batch], steps=20, callbacks=[remember], **given)
    assert scales[5] == 1.0 and scales[20] < 0.3
    for steps in (10, 20):
        kept = training.Checkpoints(tmp_path / "run", every=10)
        training.fit(trainer, [batch], steps=steps, checkpoints=kept, **given)
    like = {"state": trainer.init(jax.random.key(0))}
    assert float(kept.restore(like).trees["state"].opt_state[1].scale) == scales[20]


def test_best_and_last_are_both_kept(tmp_path):
    trainer = training.Trainer(
        networks.Dense(2, 4), objectives.CrossEntropy(), optax.sgd(-0.5)
    )  # it climbs
    batch = data.Batch(np.float32(INPUTS), LABELS)
    kept = training.Checkpoints(tmp_path / "run", every=1)
    result = training.fit(
        trainer,
        [batch],
        steps=9,
        every=1,
        key=jax.random.key(0),
        validation=batch,
        early_stopping=training.EarlyStopping(patience=3),
        checkpoints=kept,
        progress=None,
    )
    assert result.step == 1 and int(result.last.step) == 4
    like = {"state": trainer.init(jax.random.key(0)), "best": result.state.params}
    trees = kept.restore(like).trees
    close(trees["state"].params, result.last.params)
    close(trees["best"], result.state.params)
    assert float(abs(result.last.params.kernel - result.state.params.kernel).max()) > 0.1


def test_a_run_that_diverges_says_what_and_where():
    batch = data.Batch(np.float32(INPUTS).copy(), LABELS)
    batch.inputs[3, 2, 1] = np.nan
    good = data.Batch(np.float32(INPUTS), LABELS)
    trainer = training.Trainer(networks.Dense(2, 4), objectives.CrossEntropy(), optax.sgd(0.1))
    given = {"key": jax.random.key(0), "progress": None}
    said = r"the loss is nan at step 2, .* Its inputs have nan at sequence 2, step 3, feature 1\. L"
    with pytest.raises(FloatingPointError, match=said):
        training.fit(trainer, [good, batch], steps=4, **given)
    blown = training.Trainer(networks.Dense(2, 4), objectives.CrossEntropy(), optax.sgd(np.inf))
    said = r"after step 1: params.kernel \(8 of 8 numbers\), params.bias \(4 of 4"
    with pytest.raises(FloatingPointError, match=said):
        training.fit(blown, [good], steps=1, **given)


def _sqrt_loss(outputs, targets):
    return jnp.sqrt(jnp.abs(outputs - jax.lax.stop_gradient(outputs)).sum(-1))


def test_a_gradient_that_is_not_finite():
    """It is an error where it reaches the parameters, and not where the optimizer leaves it out."""
    batch = data.Batch(np.float32(INPUTS), LABELS)
    given = {"steps": 2, "every": 1, "key": jax.random.key(0), "progress": None}
    network = networks.Dense(2, 4)
    said = "not finite after step 1: params.kernel .* The gradient of that step has norm nan"
    with pytest.raises(FloatingPointError, match=said):
        training.fit(training.Trainer(network, _sqrt_loss, optax.sgd(0.1)), [batch], **given)
    careful = optax.apply_if_finite(optax.sgd(0.1), max_consecutive_errors=5)
    result = training.fit(training.Trainer(network, _sqrt_loss, careful), [batch], **given)
    assert np.isnan(result.history[-1]["train/gradient_norm"])
