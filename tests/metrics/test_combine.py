"""Metrics made of metrics, and the ready ones."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information, metrics
from jaxrnn.objectives import Accuracy, CrossEntropy, Entropy

T, B, V = 5, 4, 3
KEYS = jax.random.split(jax.random.key(0), 3)
Z, Y = 2 * jax.random.normal(KEYS[0], (T, B, V)), jax.random.randint(KEYS[1], (T, B), 0, V)
WHERE = jax.random.bernoulli(KEYS[2], 0.7, (T, B))


# As users have it: without the type checks of the tests, which would speak first.
def unchecked(name):
    return inspect.unwrap(getattr(metrics, name))


collect = unchecked("collect")


def value(metric, outputs=Z, targets=Y, where=WHERE):
    return metric.compute(metric.update(metric.init(), outputs, targets, where=where))


def is_zero(outputs, targets):
    return targets == 0


def swapped(outputs, targets):
    return outputs[..., ::-1], V - 1 - targets


def as_numbers(outputs, targets):
    return (targets == 0).astype(jnp.float32)


def test_ready_metrics():
    nll = np.mean(information.surprisal(Z, Y)[WHERE])
    got = value(
        metrics.collect(
            nll=metrics.nll(),
            perplexity=metrics.perplexity(),
            bits=metrics.bits_per_token(),
            entropy=metrics.entropy(),
            accuracy=metrics.accuracy(),
            top=metrics.accuracy(top=V),
        )
    )
    wanted = {
        "nll": nll,
        "perplexity": np.exp(nll),
        "bits": nll / np.log(2),
        "entropy": np.mean(information.entropy(Z)[WHERE]),
        "accuracy": np.mean((jnp.argmax(Z, -1) == Y)[WHERE]),
        "top": 1.0,
    }
    assert got.keys() == wanted.keys()
    for name, number in wanted.items():
        np.testing.assert_allclose(got[name], number, rtol=1e-6)


def test_masked_narrows_where():
    got = value(metrics.masked(metrics.nll(), is_zero))
    np.testing.assert_allclose(
        got, np.mean(information.surprisal(Z, Y)[WHERE & (Y == 0)]), rtol=1e-6
    )
    np.testing.assert_array_equal(got, value(metrics.nll(), where=WHERE & (Y == 0)))
    np.testing.assert_array_equal(
        value(metrics.masked(metrics.nll(), is_zero), where=None),
        value(metrics.nll(), where=Y == 0),
    )


def test_map_inputs():
    np.testing.assert_allclose(
        value(metrics.map_inputs(metrics.nll(), swapped)), value(metrics.nll()), rtol=1e-6
    )


def test_map_value_of_several():
    scores = metrics.map_value(
        metrics.collect(nll=metrics.nll(), h=metrics.entropy()), lambda v: v["nll"] - v["h"]
    )
    np.testing.assert_allclose(value(scores), value(metrics.nll()) - value(metrics.entropy()))


def test_the_profile_is_the_mean_of_every_step():
    got = value(metrics.per_step(metrics.bits_per_token(), T))
    wanted = [value(metrics.bits_per_token(), Z[t], Y[t], WHERE[t]) for t in range(T)]
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    profile = value(metrics.per_step(metrics.Mean(Entropy()), T), targets=None, where=None)
    np.testing.assert_allclose(profile, information.entropy(Z).mean(1), rtol=1e-6)


def test_a_step_without_data_is_nan():
    got = value(metrics.per_step(metrics.nll(), T), where=WHERE.at[3].set(False))
    np.testing.assert_array_equal(np.isnan(got), np.arange(T) == 3)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: collect(nll=CrossEntropy()),
            TypeError,
            r"nll must be .* got CrossEntropy.*`metrics.Mean\(objective",
        ),
        (
            lambda: collect(a=metrics.nll(), b=3),
            TypeError,
            "collect: b must be a kind of `Metric`, got 3",
        ),
        (lambda: unchecked("map_value")(metrics.nll(), 3), TypeError, "must be a function"),
        (lambda: unchecked("map_inputs")(metrics.nll(), 3), TypeError, "must be a function"),
        (lambda: unchecked("masked")(metrics.nll(), WHERE), TypeError, "keep must be a function"),
        (lambda: metrics.per_step(metrics.nll(), 0), ValueError, "length must be at least 1"),
        (lambda: metrics.per_step(metrics.nll(), 2.0), TypeError, "length"),
        (lambda: value(metrics.per_step(metrics.nll(), T + 1)), ValueError, "must have 6 steps"),
        (lambda: value(metrics.masked(metrics.nll(), as_numbers)), TypeError, "must give bool"),
        (lambda: value(metrics.Mean(Accuracy()), targets=Y + V), ValueError, "labels must lie in"),
        (lambda: value(metrics.nll(), where=WHERE.T), ValueError, "leading axes"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("map_value", (jnp.exp,)),
        ("map_inputs", (swapped,)),
        ("masked", (is_zero,)),
        ("weighted", (as_numbers,)),
        ("grouped", (2, is_zero)),
        ("per_step", (T,)),
        ("windowed", (2,)),
        ("ema", (0.5,)),
        ("bootstrapped", (KEYS[0],)),
    ],
)
def test_an_objective_is_no_metric_yet(name, rest):
    with pytest.raises(TypeError, match=f"{name}: metric .*CrossEntropy.* `metrics.Mean"):
        unchecked(name)(CrossEntropy(), *rest)
