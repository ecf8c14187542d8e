"""Intervals by resampling sequences: against scipy's on per-sequence means, and by their law."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxrnn import evaluation, metrics

T, B = 5, 12
KEY = jax.random.key(3)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(T, B, 1)) + RNG.normal(size=(1, B, 1))  # steps of a sequence are alike
ZERO = np.zeros_like(X)
MAE = evaluation.mae()


def test_equals_scipy_on_the_means_of_sequences(x64):
    """Of equal lengths the merged value is the mean of the sequences' means."""
    means = np.abs(X).mean((0, 2))
    states = evaluation.sequence_states(MAE, X, ZERO)
    for ends in (evaluation.BCa(), evaluation.Percentile()):
        got = evaluation.bootstrap_interval(MAE, states, KEY, resamples=200, ends=ends)
        seed = np.random.default_rng(np.asarray(jax.random.key_data(KEY)))
        wanted = scipy.stats.bootstrap(
            (means,), np.mean, n_resamples=200, batch=100, method=ends.name, random_state=seed
        )
        np.testing.assert_allclose(got.value, means.mean(), rtol=1e-12)
        np.testing.assert_allclose(got[1:3], wanted.confidence_interval, rtol=1e-12)
        np.testing.assert_allclose(got.error, wanted.standard_error, rtol=1e-12)


@pytest.mark.slow
def test_values_that_are_trees_and_sequences_of_padding():
    where = np.arange(T)[:, None] < np.array([5, 3, 0, 1] * 3)
    scores = metrics.collect(mae=MAE, each=metrics.per_step(MAE, T))
    states = evaluation.sequence_states(scores, X, ZERO, where=where)
    got = evaluation.bootstrap_interval(scores, states, KEY, resamples=50)
    wanted = scores.compute(scores.update(scores.init(), X, ZERO, where=where))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got.value, wanted)
    filled = evaluation.sequence_states(
        scores, X[:, where[0]], ZERO[:, where[0]], where=where[:, where[0]]
    )
    again = evaluation.bootstrap_interval(scores, filled, KEY, resamples=50)
    jax.tree.map(np.testing.assert_array_equal, got, again)


def test_a_difference_is_paired():
    harder = evaluation.sequence_states(MAE, X + 0.1 * np.sign(X), ZERO)
    states = evaluation.sequence_states(MAE, X, ZERO)
    got = evaluation.bootstrap_difference(MAE, harder, states, KEY, resamples=50)
    np.testing.assert_allclose(got, [0.1, 0.1, 0.1, 0], atol=1e-6)
    same = evaluation.bootstrap_difference(MAE, states, states, KEY, resamples=50)
    np.testing.assert_array_equal(same, 0)


def test_an_undefined_resample_gives_no_interval():
    median = np.median(np.abs(X).mean((0, 2)))
    metric = metrics.map_value(MAE, lambda mae: jnp.sqrt(mae - (median - 0.05)))
    states = evaluation.sequence_states(metric, X, ZERO)
    got = evaluation.bootstrap_interval(metric, states, KEY, resamples=50)
    assert np.isfinite(got.value) and np.isnan([got.low, got.high]).all()


STATES = evaluation.sequence_states(MAE, X[:, :2], ZERO[:, :2])


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda s: evaluation.bootstrap_interval(MAE, one(s), KEY), ValueError, "one series"),
        (
            lambda s: evaluation.bootstrap_interval(MAE, MAE.init(), KEY),
            TypeError,
            "leading axis of sequences",
        ),
        (lambda s: evaluation.bootstrap_interval(MAE, s, KEY, level=1.0), ValueError, "level"),
        (
            lambda s: evaluation.bootstrap_interval(MAE, s, KEY, resamples=1),
            ValueError,
            "resamples",
        ),
        (
            lambda s: evaluation.bootstrap_difference(MAE, s, one(s), KEY),
            ValueError,
            "same sequences",
        ),
        (lambda s: evaluation.sequence_states(MAE, X[:, 0, 0], ZERO[:, 0, 0]), ValueError, "batch"),
        (lambda s: evaluation.sequence_states(MAE, X, ZERO[:, :3]), ValueError, "one number"),
    ],
)
def test_what_cannot_be_resampled_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(STATES)


def one(states):
    return jax.tree.map(lambda leaf: leaf[:1], states)
