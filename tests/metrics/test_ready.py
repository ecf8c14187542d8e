"""Bits per character, varentropy, the profile, the uncertainty of an ensemble."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information, metrics

T, B, V = 4, 3, 5
KEYS = jax.random.split(jax.random.key(0), 2)
Z, Y = 2 * jax.random.normal(KEYS[0], (T, B, V)), jax.random.randint(KEYS[1], (T, B), 0, V)
LENGTHS = np.array([1, 2, 0, 3, 5])


@jax.jit
def value(metric, outputs=Z, targets=Y, where=None):
    return metric.compute(metric.update(metric.init(), outputs, targets, where=where))


def test_bits_per_character_are_all_bits_over_all_characters():
    where = Y != 1
    got = value(metrics.bits_per_character(LENGTHS), where=where)
    bits = np.sum(np.asarray(information.surprisal(Z, Y))[where]) / np.log(2)
    np.testing.assert_allclose(got, bits / np.sum(LENGTHS[np.asarray(Y)[where]]), rtol=1e-6)
    assert np.isnan(value(metrics.bits_per_character(np.zeros(V))))


def test_equal_texts_cost_the_same_however_they_are_cut():
    """One token of two characters at 1/4, or two tokens of one at 1/2 each."""
    pairs, single = metrics.bits_per_character([2] * 4), metrics.bits_per_character([1, 1])
    got = value(pairs, jnp.zeros((3, 4)), jnp.array([0, 1, 3]))
    np.testing.assert_allclose(got, 1.0, rtol=1e-6)
    np.testing.assert_allclose(value(single, jnp.zeros((6, 2)), jnp.zeros(6, int)), got)


def test_a_label_outside_of_the_table_counts_for_neither():
    """Inside `jit`, where it cannot be read."""
    got = value(metrics.bits_per_character(LENGTHS), targets=Y.at[0, 0].set(V))
    wanted = value(
        metrics.bits_per_character(LENGTHS), where=jnp.ones((T, B), bool).at[0, 0].set(False)
    )
    np.testing.assert_array_equal(got, wanted)


def test_varentropy_and_the_profile():
    np.testing.assert_allclose(
        value(metrics.varentropy(), targets=None), np.mean(information.varentropy(Z)), rtol=1e-6
    )
    assert metrics.surprisal_profile(T) == metrics.per_step(metrics.nll(), T)


def test_the_uncertainty_of_an_ensemble():
    """Members (.9, .1) and (.1, .9): ln 2 in all, of which 0.3681 is disagreement."""
    members = jnp.log(jnp.array([[0.9, 0.1], [0.1, 0.9]]))
    got = value(metrics.ensemble_uncertainty(), jnp.broadcast_to(members, (T, B, 2, 2)), None)
    wanted = [np.log(2), 0.3250829733915, 0.3680642071685]
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    outputs = jax.random.normal(KEYS[1], (3, T, B, V))
    where = Y > 0
    got = value(metrics.ensemble_uncertainty(), jnp.moveaxis(outputs, 0, -2), None, where)
    each = information.ensemble_uncertainty(outputs)
    np.testing.assert_allclose(got, [np.mean(part[where]) for part in each], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: value(metrics.bits_per_character([1, 2])), ValueError, "2 entries, and the"),
        (lambda: per_character(np.ones((2, 2))), ValueError, "one number a token"),
        (lambda: per_character([1, -1]), ValueError, "at least 0"),
        (lambda: per_character([True, False]), TypeError, "real numbers, got bool"),
        (
            lambda: value(metrics.bits_per_character(LENGTHS), targets=jax.nn.softmax(Z)),
            ValueError,
            "integer labels",
        ),
        (lambda: value(metrics.ensemble_uncertainty(), Z[0]), ValueError, "out_axes=-2"),
        (lambda: value(metrics.ensemble_uncertainty()), ValueError, "members"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call()


per_character = inspect.unwrap(metrics.bits_per_character)
