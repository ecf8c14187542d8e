"""Calibration: tables, errors, the Brier score and its parts, the test without bins."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information, metrics, objectives

N, V = 400, 3
KEYS = jax.random.split(jax.random.key(0), 3)
Z = 2 * jax.random.normal(KEYS[0], (N, V))
Y = jax.random.categorical(KEYS[1], 0.7 * Z)
WEIGHT = jax.random.uniform(KEYS[2], (N,))
P = np.asarray(jax.nn.softmax(Z), np.float64)
C, O, W = P.max(-1), P.argmax(-1) == np.asarray(Y), np.asarray(WEIGHT, np.float64)  # noqa: E741


@jax.jit
def value(metric, outputs=Z, targets=Y, weight=None):
    return metric.compute(metric.update(metric.init(), outputs, targets, weight=weight))


def logits(*probabilities):
    """Rows of two classes, the first of these probabilities."""
    p = jnp.array(probabilities)
    return jnp.log(jnp.stack([p, 1 - p], -1))


def expected_error(groups, weight):
    """By the definition, for predictions put into groups by hand."""
    total = 0.0
    for g in set(groups):
        mine = groups == g
        total += abs(np.sum((weight * (O - C))[mine]))
    return total / weight.sum()


def test_a_table_of_equal_width():
    got = value(metrics.reliability(metrics.EqualWidth(6)), weight=WEIGHT)
    groups = np.digitize(C, np.arange(1, 6) / 6)
    for k in range(6):
        mine = groups == k
        np.testing.assert_allclose(got.count[k], W[mine].sum(), rtol=1e-5)
        if mine.any():
            for part, values in zip(got[1:], (C, O, (C - O) ** 2), strict=True):
                wanted = np.average(values[mine], weights=W[mine])
                np.testing.assert_allclose(part[k], wanted, rtol=1e-5)
        else:
            assert np.isnan([part[k] for part in got[1:]]).all()


def test_expected_calibration_error_of_equal_width():
    got = value(metrics.calibration_error(), weight=WEIGHT)
    np.testing.assert_allclose(
        got, expected_error(np.digitize(C, np.arange(1, 15) / 15), W), rtol=1e-4
    )


def test_adaptive_calibration_error():
    """As of the sorted predictions, 40 in each bin, once they are all told apart."""
    got = value(metrics.calibration_error(metrics.EqualMass(10, resolution=10**5)))
    groups = np.argsort(np.argsort(C)) // (N // 10)
    np.testing.assert_allclose(got, expected_error(groups, np.ones(N)), rtol=1e-4)
    table = value(metrics.reliability(metrics.EqualMass(10)), weight=WEIGHT)
    np.testing.assert_allclose(table.count, np.full(10, W.sum() / 10), rtol=1e-4)
    np.testing.assert_allclose(np.mean(table.confidence), np.average(C, weights=W), rtol=1e-5)
    np.testing.assert_allclose(np.mean(table.accuracy), np.average(O, weights=W), rtol=1e-4)


def test_certain_predictions_are_in_the_last_bin():
    """Also where all of them are, whose bins of equal mass are then alike."""
    sure = jnp.array([[200.0, 0.0]] * 4)
    table = value(metrics.reliability(metrics.EqualWidth(5)), sure, jnp.array([0, 0, 0, 1]))
    np.testing.assert_array_equal(table.count, [0, 0, 0, 0, 4])
    assert table.confidence[-1] == 1 and table.accuracy[-1] == 0.75
    same = value(metrics.reliability(metrics.EqualMass(3)), sure, jnp.array([0, 0, 0, 1]))
    np.testing.assert_allclose(same.count, [4 / 3] * 3, rtol=1e-6)
    np.testing.assert_allclose(same.accuracy, [0.75] * 3, rtol=1e-6)


def test_what_is_not_a_number_is_not_hidden():
    broken = jnp.array([[jnp.nan, 0.0], [1.0, 0.0]])
    assert np.isnan(value(metrics.calibration_error(), broken, jnp.array([0, 0])))


def test_brier_is_the_squared_distance():
    wanted = np.average(((P - np.eye(V)[np.asarray(Y)]) ** 2).sum(-1), weights=W)
    np.testing.assert_allclose(value(metrics.brier(), weight=WEIGHT), wanted, rtol=1e-5)
    soft = jax.nn.softmax(Z[::-1])
    wanted = ((P - np.asarray(soft, np.float64)) ** 2).sum(-1).mean()
    np.testing.assert_allclose(value(metrics.brier(), targets=soft), wanted, rtol=1e-5)
    tail = value(metrics.brier(), jnp.array([[20.0, 0.0]]), jnp.array([0]))
    np.testing.assert_allclose(tail, 2 * np.exp(-40.0) / (1 + np.exp(-20.0)) ** 2, rtol=1e-6)


def test_the_parts_of_the_brier_score_add_up():
    """Exactly where a bin's predictions are equal; else what is missing is known."""
    p = np.array([0.6, 0.6, 0.6, 0.75, 0.75, 0.9, 0.9, 0.9, 0.9])
    labels = jnp.array([0, 1, 0, 0, 0, 0, 0, 1, 0])
    got = value(metrics.brier_decomposition(metrics.EqualWidth(20)), logits(*p), labels)
    o = np.asarray(labels) == 0
    np.testing.assert_allclose(got.score, np.mean((p - o) ** 2), rtol=1e-5)
    gaps = np.array([0.6 - 2 / 3, 0.75 - 1, 0.9 - 0.75])
    np.testing.assert_allclose(got.reliability, np.average(gaps**2, weights=[3, 2, 4]), rtol=1e-5)
    spread = np.array([2 / 3, 1, 0.75]) - 7 / 9
    np.testing.assert_allclose(got.resolution, np.average(spread**2, weights=[3, 2, 4]), rtol=1e-5)
    np.testing.assert_allclose(got.uncertainty, 7 / 9 * 2 / 9, rtol=1e-5)
    parts = got.reliability - got.resolution + got.uncertainty
    np.testing.assert_allclose(parts, got.score, rtol=1e-6)

    coarse = value(metrics.brier_decomposition(metrics.EqualWidth(5)))
    groups = np.digitize(C, np.arange(1, 5) / 5)
    within = 0.0
    for g in set(groups):
        c, o = C[groups == g], O[groups == g]
        within += (np.var(c) - 2 * np.mean((c - c.mean()) * (o - o.mean()))) * len(c) / N
    missing = coarse.score - (coarse.reliability - coarse.resolution + coarse.uncertainty)
    np.testing.assert_allclose(missing, within, atol=1e-6)
    assert abs(within) > 1e-4


def test_the_z_score_is_standard_normal_under_the_model():
    """Of 1000 sequences of 100 steps, weighted or not, and off to the side of each mistake."""
    keys = jax.random.split(jax.random.key(1), 3)
    outputs = 1.5 * jax.random.normal(keys[0], (1000, 100, 5))
    labels = jax.random.categorical(keys[1], outputs)
    weight = jax.random.uniform(keys[2], (1000, 100))

    @jax.jit
    def scores(outputs, weight):
        metric = metrics.calibration_z_score()

        def score(outputs, labels, weight):
            state = metric.update(metric.init(), outputs, labels, weight=weight)
            return metric.compute(state)

        return jax.vmap(score)(outputs, labels, weight)

    for w in (jnp.ones_like(weight), weight):
        z = np.asarray(scores(outputs, w))
        assert abs(z.mean()) < 0.1 and abs(z.std() - 1) < 0.07
        assert 0.03 < np.mean(np.abs(z) > 1.96) < 0.07
    assert scores(1.5 * outputs, weight).mean() > 2
    assert scores(outputs / 1.5, weight).mean() < -2


def test_the_z_score_by_its_definition():
    s, h = information.surprisal(Z, Y), information.entropy(Z)
    wanted = np.sum(s - h) / np.sqrt(np.sum(information.varentropy(Z)))
    np.testing.assert_allclose(value(metrics.calibration_z_score()), wanted, rtol=1e-4)
    sure = jnp.array([[200.0, 0.0], [0.0, 0.0]])
    z = metrics.calibration_z_score()
    assert np.isnan(value(z, sure[:1], jnp.array([0])))
    assert value(z, sure[:1], jnp.array([1])) == np.inf
    assert value(z, sure, jnp.array([1, 0])) == np.inf


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: metrics.EqualWidth(0), ValueError, "EqualWidth: bins must be at least 1"),
        (lambda: metrics.EqualMass(3, 0), ValueError, "EqualMass: resolution must be at least 1"),
        (
            lambda: unchecked(metrics.reliability)("mass"),
            TypeError,
            r"a kind of `Binning`, got 'mass'.*EqualWidth\(15\)",
        ),
        (lambda: unchecked(metrics.calibration_error)(10), TypeError, r"got 10.*EqualWidth\(15\)"),
        (lambda: unchecked(metrics.calibration_error)(objectives.Entropy()), TypeError, "Binning"),
        (lambda: unchecked(metrics.brier_decomposition)("mass"), TypeError, "Binning"),
        (
            lambda: value(metrics.calibration_z_score(), targets=jax.nn.softmax(Z)),
            ValueError,
            "integer labels",
        ),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(
    "metric", [metrics.calibration_error(), metrics.brier(), metrics.brier_decomposition()]
)
def test_numbers_that_look_like_probabilities_are_logits_outside_of_jit_too(metric):
    """What they are is asked once, where data enter, and not of values deep inside."""
    logits = jax.nn.softmax(Z)
    eager = metric.compute(metric.update(metric.init(), logits, Y))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), eager, value(metric, logits))


def unchecked(function):
    """As users have it: without the type checks of the tests, which would speak first."""
    return inspect.unwrap(function)
