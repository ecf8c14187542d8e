"""`Mean` and its compensated sums."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import metrics
from jaxrnn.metrics import Compensated, two_sum
from jaxrnn.objectives import CrossEntropy, SquaredError


def first(outputs, targets):
    return outputs[..., 0]


def total(pair):
    return np.asarray(pair.hi, np.float64) + np.asarray(pair.lo, np.float64)


@pytest.mark.parametrize("run", [lambda f: f, jax.jit, jax.vmap], ids=["eager", "jit", "vmap"])
def test_two_sum_is_exact(run):
    """Under `jit` too: a compiler that reassociated it would make the error 0."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(2, 500)) * 10.0 ** rng.integers(-6, 7, (2, 500))).astype(np.float32)
    hi, lo = run(two_sum)(jnp.array(a), jnp.array(b))
    np.testing.assert_array_equal(hi, a + b)
    np.testing.assert_array_equal(total(Compensated(hi, lo)), a.astype(float) + b.astype(float))
    assert np.any(lo != 0)


@pytest.mark.parametrize(("batch", "updates"), [(1, 10**7), (100, 10**5)], ids=["updates", "steps"])
def test_a_tenth_stays_a_tenth(batch, updates):
    """A plain float32 sum gives 0.10096 after 1e6 updates."""
    metric, outputs = metrics.Mean(first), jnp.full((batch, 1), 0.1)

    @jax.jit
    def fold(state):
        def body(state, _):
            return metric.update(state, outputs, None), None

        return jax.lax.scan(body, state, length=updates)[0]

    state = fold(metric.init())
    assert total(state.weight) == batch * updates
    np.testing.assert_allclose(metric.compute(state), 0.1, rtol=1e-7)


def test_counts_go_on_beyond_float32():
    count = Compensated.of(jnp.float32(2.0**27))
    for _ in range(3):
        count = count.plus(Compensated.of(jnp.float32(1)))
    assert total(count) == 2**27 + 3


def test_float64_batches_keep_their_digits(x64):
    metric, outputs = metrics.Mean(first), jnp.full((1, 1), 1 / 3)
    state = metric.update(metric.init(), outputs, None)
    assert state.total.hi.dtype == jnp.float32
    np.testing.assert_allclose(metric.compute(state), 1 / 3, rtol=1e-14)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_so(value):
    metric = metrics.Mean(first)
    state = metric.init()
    for x in (1.0, value, 1.0):
        state = metric.update(state, jnp.full((2, 1), x), None)
    np.testing.assert_array_equal(metric.compute(state), value)


def test_steps_weigh_not_batches():
    """One token at ln 100 and 99 at 0: perplexity 1.0471, where a mean over rows gives 10."""
    metric = metrics.perplexity()
    vague, sure = jnp.zeros((99, 1, 100)), jnp.zeros((99, 1, 100)).at[..., 0].set(200.0)
    labels, one = jnp.zeros((99, 1), int), jnp.arange(99)[:, None] == 0
    state = metric.update(metric.init(), vague, labels, where=one)
    state = metric.update(state, sure, labels)
    np.testing.assert_allclose(metric.compute(state), 100 ** (1 / 100), rtol=1e-6)


def test_confident_mistakes_stay_finite():
    """A margin of 110 nats overflows `log(softmax)`; the mean margin does not."""
    outputs, labels = jnp.array([[110.0, 0.0], [0.0, 0.0]], jnp.bfloat16), jnp.array([1, 1])
    metric = metrics.nll()
    state = metric.update(metric.init(), outputs, labels)
    np.testing.assert_allclose(metric.compute(state), (110 + np.log(2)) / 2, rtol=1e-6)


def test_the_perplexity_of_float16_logits():
    """One token of 20 nats among four: torchmetrics 1.9 gives inf."""
    outputs = np.array([[20, 0], [0, 20], [0, 20], [0, 20]], np.float16)
    labels = jnp.array([0, 1, 1, 0])
    metric = metrics.perplexity()
    state = metric.update(metric.init(), outputs, labels)
    np.testing.assert_allclose(metric.compute(state), np.exp(20 / 4), rtol=1e-6)


def test_mean_of_what_is_not_an_objective():
    with pytest.raises(TypeError, match="a kind of `Objective` or a function, got 3"):
        metrics.Mean(3)


def test_a_changed_weight_does_not_change_the_structure():
    a, b = metrics.Mean(CrossEntropy(0.1)), metrics.Mean(CrossEntropy(0.2))
    assert jax.tree.structure(a) == jax.tree.structure(b)
    assert jax.tree.leaves(a) == [0.1]
    assert pickle.loads(pickle.dumps(a)) == a
    assert repr(metrics.Mean(SquaredError())) == "Mean(objective=SquaredError())"
