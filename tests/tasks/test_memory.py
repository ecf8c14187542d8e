"""The tests of memory, and the loss of those who have none."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import networks, objectives, training
from jaxrnn.tasks import Adding, CopyMemory, Drawn


@pytest.mark.parametrize(
    ("delay", "loss"),
    [(10, 0.693147), (50, 0.297063), (100, 0.173287), (200, 0.09452), (500, 0.039989)],
)
def test_the_published_baselines(delay, loss):
    assert CopyMemory(delay).baseline() == pytest.approx(loss, abs=5e-7)


@pytest.mark.parametrize("task", [CopyMemory(7, 3, 4), CopyMemory(1, 2, 5)])
def test_copying(task, key):
    inputs, targets, mask, resets = jax.jit(lambda key: task.batch(200, key=key))(key)
    length, blank = task.length, task.symbols
    steps = task.delay + 2 * length
    assert inputs.shape == targets.shape == (steps, 200) and mask is resets is None
    assert inputs.dtype == targets.dtype == jnp.int32
    np.testing.assert_array_equal(inputs[:length], targets[-length:])
    assert set(np.unique(inputs[:length])) == set(range(task.symbols))
    assert (np.asarray(targets[:-length]) == blank).all()
    rest = np.full(steps - length, blank)
    rest[-length - 1] = blank + 1
    np.testing.assert_array_equal(inputs[length:], np.broadcast_to(rest[:, None], (len(rest), 200)))
    assert task.vocab == blank + 2 and task.targets == blank + 1


def test_a_model_without_memory_has_the_baseline_of_copying(key):
    task = CopyMemory(7, 3, 4)
    targets = jax.jit(lambda key: task.batch(5, key=key).targets)(key)
    logits = np.full((13, 5, task.targets), -np.inf, np.float32)
    logits[:-3, :, -1] = logits[-3:, :, :-1] = 0  # blank; then any symbol
    loss = jax.jit(lambda *both: objectives.CrossEntropy()(*both).mean())(logits, targets)
    np.testing.assert_allclose(loss, task.baseline(), rtol=1e-6)


@pytest.fixture(scope="module")
def summed():
    draw = jax.jit(lambda key: Adding(7).batch(40_000, key=key))
    return jax.tree.map(np.asarray, draw(jax.random.key(0)))


def test_adding(summed):
    inputs, targets, mask, resets = summed
    assert (
        inputs.shape == (7, 40_000, 2) and targets.shape == (40_000, 1) and mask is resets is None
    )
    numbers, marks = inputs[..., 0], inputs[..., 1]
    np.testing.assert_allclose((numbers * marks).sum(0), targets[:, 0], rtol=1e-6)
    assert set(np.unique(marks)) == {0, 1}
    np.testing.assert_array_equal(marks[:3].sum(0), 1)
    np.testing.assert_array_equal(marks[3:].sum(0), 1)
    np.testing.assert_allclose(marks.mean(1), [1 / 3] * 3 + [1 / 4] * 4, atol=0.01)
    assert numbers.min() >= 0 and numbers.max() < 1 and abs(numbers.mean() - 0.5) < 0.003


def test_a_model_without_memory_has_the_baseline_of_adding(summed):
    errors = np.asarray(objectives.SquaredError()(np.ones((40_000, 1)), summed.targets))
    assert abs(errors.mean() - Adding(7).baseline()) < 4 * errors.std() / math.sqrt(40_000)


def test_every_step_draws_another_batch_and_always_the_same(key):
    task = CopyMemory(3)
    first, again, other = (Drawn(lambda key: task.batch(2, key=key), seed) for seed in (0, 0, 1))
    assert first[5].inputs.tolist() == again[np.int64(5)].inputs.tolist()
    assert first[5].inputs.tolist() != first[6].inputs.tolist()
    assert first[5].inputs.tolist() != other[5].inputs.tolist()
    with pytest.raises(TypeError):
        iter(first)


def test_a_network_trains_on_what_is_drawn():
    network = networks.stack(networks.LastPool(), networks.Dense(2, 1))
    trainer = training.Trainer(network, objectives.SquaredError(), optax.sgd(0.1))
    batches = Drawn(lambda key: Adding(2).batch(8, key=key), seed=0)
    result = training.fit(trainer, batches, steps=4, key=jax.random.key(0), every=4, progress=None)
    assert math.isfinite(result.history[-1]["train/loss"])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: CopyMemory(0), ValueError, "CopyMemory: delay must be at least 1, got 0"),
        (lambda: CopyMemory(5, symbols=2.5), TypeError, "symbols must be an integer"),
        (
            lambda: CopyMemory(5).batch(0, key=jax.random.key(0)),
            ValueError,
            "size must be at least 1",
        ),
        (lambda: Adding(1), ValueError, "length must be at least 2"),
        (lambda: Adding(5).batch(2.0, key=jax.random.key(0)), TypeError, "size must be an integer"),
        (lambda: Drawn(None, 0), TypeError, "draw must be a function"),
        (lambda: Drawn(print, -1), ValueError, "Drawn: seed must be at least 0, got -1"),
        (lambda: Drawn(print, 0.5), TypeError, "Drawn: seed must be an integer, got 0.5"),
        (
            lambda: Drawn(print, 2**32),
            ValueError,
            r"Drawn: seed must be below 2\*\*32, got 4294967296",
        ),
        (lambda: Drawn(print, 0)[-1], ValueError, r"Drawn\[step\] .* got -1"),
        (lambda: Drawn(print, 0)["x"], TypeError, r"Drawn\[step\] takes an integer .* got 'x'"),
        (lambda: Drawn(print, 0)[2**32], ValueError, r"step must be below 2\*\*32, got 42949672"),
    ],
)
def test_bad_input(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
