"""Steps that count more, and values by group."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information, metrics

T, B, V = 5, 4, 3
KEYS = jax.random.split(jax.random.key(0), 3)
Z, Y = 2 * jax.random.normal(KEYS[0], (T, B, V)), jax.random.randint(KEYS[1], (T, B), 0, V)
WHERE = jax.random.bernoulli(KEYS[2], 0.7, (T, B))
numbers = np.asarray(Y)
S = np.asarray(information.surprisal(Z, Y), np.float64)


@jax.jit
def value(metric, outputs=Z, targets=Y, where=WHERE, weight=None):
    state = metric.update(metric.init(), outputs, targets, where=where, weight=weight)
    return metric.compute(state)


def by_label(outputs, targets):
    return targets + 1


def label(outputs, targets):
    return targets


def parity(outputs, targets):
    return (targets % 2).astype(jnp.int8)


def shifted(outputs, targets):
    return targets - 1


def test_weights_are_those_of_numpy():
    weights = np.asarray(WHERE) * (numbers + 1.0)
    got = value(metrics.weighted(metrics.nll(), by_label))
    np.testing.assert_allclose(got, np.average(S, weights=weights), rtol=1e-6)


def test_weights_multiply():
    """Around a profile as well, and with the weights of the call."""
    twice = metrics.weighted(metrics.weighted(metrics.nll(), by_label), by_label)
    weights = np.asarray(WHERE) * (numbers + 1.0) ** 2
    np.testing.assert_allclose(value(twice), np.average(S, weights=weights), rtol=1e-6)
    profile = metrics.weighted(metrics.per_step(metrics.nll(), T), by_label)
    got = value(profile, where=None, weight=Y + 1)
    wanted = np.average(S, weights=(numbers + 1.0) ** 2, axis=1)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_a_step_of_weight_zero_adds_nothing():
    """Though its value be infinite: a product alone would make it NaN."""
    outputs = jnp.array([[0.0, -jnp.inf], [0.0, 0.0]])
    targets, weight = jnp.array([1, 1]), jnp.array([0.0, 3.0])
    metric = metrics.nll()
    state = metric.update(metric.init(), outputs, targets, weight=weight)
    np.testing.assert_allclose(metric.compute(state), np.log(2), rtol=1e-6)


def test_groups_are_separate_means():
    got = value(metrics.grouped(metrics.nll(), V, label))
    mask = np.asarray(WHERE)
    wanted = [np.mean(S[mask & (numbers == g)]) for g in range(V)]
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_groups_of_a_narrow_type_do_not_wrap():
    """Group 256 is not group 0 of int8 ids; steps of weight 2 weigh 2 in their group."""
    metric = metrics.grouped(metrics.weighted(metrics.nll(), by_label), 257, parity)
    got = np.asarray(value(metric, where=None))
    odd = numbers % 2 == 1
    for g in (0, 1):
        wanted = np.average(S, weights=(numbers + 1.0) * (odd == g))
        np.testing.assert_allclose(got[g], wanted, rtol=1e-6)
    assert np.isnan(got[2:]).all()


def test_ids_out_of_range_score_nothing_under_jit_and_raise_outside():
    metric = metrics.grouped(metrics.nll(), V - 1, shifted)
    mask = np.asarray(WHERE)
    wanted = [np.mean(S[mask & (numbers == g + 1)]) for g in range(V - 1)]
    np.testing.assert_allclose(value(metric), wanted, rtol=1e-6)
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 2\), got -1"):
        metric.update(metric.init(), Z, Y, where=WHERE)
    metric.update(metric.init(), Z, Y, where=Y > 0)


def of_shape(outputs, targets):
    return outputs


def flags(outputs, targets):
    return targets > 0


def negative(outputs, targets):
    return targets.astype(jnp.float32) - 1


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: metrics.weighted(metrics.nll(), of_shape), ValueError, "one number a step"),
        (lambda: metrics.weighted(metrics.nll(), flags), TypeError, "real numbers, got bool"),
        (lambda: metrics.weighted(metrics.nll(), negative), ValueError, "at least 0, got -1"),
        (lambda: metrics.grouped(metrics.nll(), 0, label), ValueError, "groups must be at least"),
        (lambda: metrics.grouped(metrics.nll(), 2, flags), TypeError, "must be integers"),
    ],
)
def test_errors(make, error, says):
    with pytest.raises(error, match=says):
        metric = make()
        metric.update(metric.init(), Z, Y)


def every(outputs, targets):
    return targets >= 0


def of_sequences(outputs, targets):
    return targets[0] + 1


AROUND = [
    metrics.masked(metrics.nll(), every),
    metrics.grouped(metrics.nll(), V, label),
    metrics.weighted(metrics.nll(), by_label),
]


@pytest.mark.parametrize("metric", AROUND)
@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        # clu casts masks of numbers to flags; flax.nnx stretches one of another shape.
        ({"where": np.ones((T, B), np.float32)}, TypeError, "where must be [Bb]ool"),
        ({"where": np.ones(B, bool)}, ValueError, r"where .*\(4,\)"),
        ({"where": np.ones((T, 1), bool)}, ValueError, r"where .*\(5, 1\)"),
        ({"weight": np.ones((T, B), bool)}, TypeError, "real numbers, got bool"),
        ({"weight": np.ones((1, B))}, ValueError, r"one number a step.*\(1, 4\)"),
        ({"weight": np.full((T, B), -1.0)}, ValueError, "finite and at least 0"),
    ],
)
def test_nothing_is_stretched_or_cast_on_the_way_in(metric, call, error, says):
    with pytest.raises(error, match=says):
        metric.update(metric.init(), Z, Y, **call)


@pytest.mark.parametrize(
    ("function", "error", "says"),
    [(flags, TypeError, "got bool"), (of_sequences, ValueError, "one number a step")],
)
def test_weights_inside_a_group_are_checked(function, error, says):
    metric = metrics.grouped(metrics.weighted(metrics.nll(), function), V, label)
    with pytest.raises(error, match=says):
        metric.update(metric.init(), Z, Y)
