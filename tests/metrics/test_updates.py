"""Metrics that know which update came when: windows, fading, replicates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import metrics


def first(outputs, targets):
    return outputs[..., 0]


MEAN = metrics.Mean(first)


@jax.jit
def states_of(metric, values):
    """The state of each update alone, and of all of them in a scan."""

    def body(state, x):
        outputs = jnp.broadcast_to(x, (1, 1))
        alone = metric.update(metric.init(), outputs, None)
        return metric.update(state, outputs, None), alone

    return jax.lax.scan(body, metric.init(), values)


def rows(states):
    leaves, structure = jax.tree.flatten(states)
    return [jax.tree.unflatten(structure, row) for row in zip(*leaves, strict=True)]


def every_bracketing(metric, states):
    """All the ways to merge neighbours."""
    if len(states) == 1:
        return states
    return [
        metric.merge(a, b)
        for cut in range(1, len(states))
        for a in every_bracketing(metric, states[:cut])
        for b in every_bracketing(metric, states[cut:])
    ]


@pytest.mark.parametrize("length", [1, 3, 5])
def test_a_window_holds_the_last_updates(length):
    values = jnp.array([4.0, 1.0, 2.0, 5.0])
    metric = metrics.windowed(MEAN, length)
    whole, alone = states_of(metric, values)
    wanted = np.mean(values[-length:])
    np.testing.assert_allclose(metric.compute(whole), wanted, rtol=1e-6)
    for state in every_bracketing(metric, rows(alone)):
        np.testing.assert_allclose(metric.compute(state), wanted, rtol=1e-6)
        jax.tree.map(np.testing.assert_array_equal, state, whole)


def test_an_update_without_data_takes_a_place_in_the_window():
    metric, one = metrics.windowed(MEAN, 2), jnp.ones((1, 1))
    state = metric.update(metric.update(metric.init(), 5 * one, None), one, None)
    state = metric.update(state, one, None, where=jnp.array([False]))
    np.testing.assert_array_equal(metric.compute(state), 1)


def test_ema_is_the_corrected_recursion():
    values, decay = [1.0, 2.0, 5.0, -3.0], 0.9
    metric = metrics.ema(MEAN, decay)
    whole, alone = states_of(metric, jnp.array(values))
    m = 0.0
    for v in values:
        m = decay * m + (1 - decay) * v
    wanted = m / (1 - decay ** len(values))
    np.testing.assert_allclose(metric.compute(whole), wanted, rtol=1e-5)
    for state in every_bracketing(metric, rows(alone)):
        np.testing.assert_allclose(metric.compute(state), wanted, rtol=1e-5)
    backwards = metric.merge(rows(alone)[1], rows(alone)[0])
    assert not np.allclose(metric.compute(backwards), (0.9 * 1 + 2) / 1.9)


def test_ema_weighs_updates_by_their_steps():
    """Three steps of 1, then one of 5, in a perplexity: fading acts on the sums."""
    metric = metrics.ema(metrics.map_value(MEAN, jnp.exp), 0.5)
    state = metric.update(metric.init(), jnp.ones((3, 1)), None)
    state = metric.update(state, jnp.full((1, 1), 5.0), None)
    np.testing.assert_allclose(metric.compute(state), np.exp((1.5 + 5) / 2.5), rtol=1e-6)


def test_no_decay_is_the_last_value_whatever_came_before():
    metric = metrics.ema(MEAN, 0.0)
    state = metric.update(metric.init(), jnp.full((1, 1), jnp.inf), None)
    np.testing.assert_array_equal(metric.compute(metric.update(state, jnp.ones((1, 1)), None)), 1)


def test_the_bootstrap_finds_the_error_of_independent_sequences():
    """Steps of a sequence are equal, so its error is that of 200 numbers, not of 600."""
    values = jax.random.normal(jax.random.key(0), (200,))
    outputs = jnp.broadcast_to(values[None, :, None], (3, 200, 1))

    @jax.jit
    def bootstrap(metric):
        state = metric.init()
        for half in (outputs[:, :100], outputs[:, 100:]):
            state = metric.update(state, half, None)
        return metric.compute(state)

    got = bootstrap(metrics.bootstrapped(MEAN, jax.random.key(1), replicates=2000))
    np.testing.assert_allclose(got.value, np.mean(values), rtol=1e-5)
    np.testing.assert_allclose(got.error, np.std(values) / np.sqrt(200), rtol=0.06)
    steps = metrics.bootstrapped(MEAN, jax.random.key(1), replicates=2000, shared_axes=0)
    np.testing.assert_allclose(bootstrap(steps).error, np.std(values) / np.sqrt(600), rtol=0.06)


def test_every_update_and_every_key_draws_anew():
    metric = metrics.bootstrapped(MEAN, jax.random.key(0), replicates=4)
    other = metrics.bootstrapped(MEAN, jax.random.key(1), replicates=4)
    outputs = jnp.arange(8.0).reshape(1, 8, 1)
    once = metric.update(metric.init(), outputs, None)
    twice = metric.update(once, outputs, None)
    drawn = once.replicates.total.hi
    assert not np.allclose(twice.replicates.total.hi - drawn, drawn)
    elsewhere = other.update(other.init(), outputs, None)
    assert not np.allclose(elsewhere.replicates.total.hi, drawn)
    merged = metric.merge(once, elsewhere)
    assert merged.updates == 2
    np.testing.assert_allclose(merged.replicates.total.hi, drawn + elsewhere.replicates.total.hi)


def second(outputs, targets):
    return outputs["b"][..., 0]


def ahead(outputs, targets):
    return outputs["b"], targets


def members(outputs, targets):
    return jnp.stack([outputs["b"], -outputs["b"]], -2), targets


@pytest.mark.slow
@pytest.mark.parametrize(
    "metric",
    [
        metrics.Mean(second),
        metrics.map_inputs(metrics.entropy(), ahead),
        metrics.map_inputs(metrics.ensemble_uncertainty(), members),
        metrics.per_step(metrics.map_inputs(metrics.entropy(), ahead), 2),
        metrics.windowed(metrics.ema(metrics.collect(a=metrics.Mean(second)), 0.5), 2),
    ],
    ids=repr,
)
def test_the_bootstrap_asks_the_metric_inside_what_the_steps_are(metric):
    """Of outputs that are a tree, or have an axis of members, `where` says nothing new."""
    outputs = {"a": jnp.zeros((2, 4)), "b": jnp.arange(16.0).reshape(2, 4, 2) % 5}
    strapped = metrics.bootstrapped(metric, jax.random.key(0), replicates=20)

    got = strapped.compute(strapped.update(strapped.init(), outputs, None))
    state = strapped.update(strapped.init(), outputs, None, where=jnp.ones((2, 4), bool))
    jax.tree.map(np.testing.assert_allclose, got, strapped.compute(state))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(got))


def test_the_bootstrap_of_an_ensemble():
    strapped = metrics.bootstrapped(metrics.ensemble_uncertainty(), jax.random.key(0))
    outputs = jax.random.normal(jax.random.key(1), (3, 4, 2, 5))
    value, error = strapped.compute(strapped.update(strapped.init(), outputs, None))
    metric = metrics.ensemble_uncertainty()
    wanted = metric.compute(metric.update(metric.init(), outputs, None))
    jax.tree.map(np.testing.assert_array_equal, value, wanted)
    assert all(0 < leaf < 1 for leaf in error)


def nested():
    return metrics.ema(metrics.windowed(MEAN, 2), 0.5).init()


def tree():
    metric = metrics.bootstrapped(metrics.reliability(), jax.random.key(0))
    return metric.update(metric.init(), {"a": jnp.ones((1, 1))}, None)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: metrics.windowed(MEAN, 0), ValueError, "length must be at least 1"),
        (lambda: metrics.ema(MEAN, 1.0), ValueError, r"decay must lie in \[0, 1\)"),
        (nested, TypeError, "must be made of sums"),
        (
            lambda: metrics.bootstrapped(MEAN, jax.random.key(0), replicates=1),
            ValueError,
            "at least 2, got 1",
        ),
        (
            lambda: metrics.bootstrapped(MEAN, jax.random.key(0), shared_axes=-1),
            ValueError,
            "shared_axes must be at least 0",
        ),
        (tree, ValueError, "Pass `where`"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call()
