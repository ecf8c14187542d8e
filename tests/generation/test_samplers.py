"""Samplers: exactly which symbols can be drawn, and with which probabilities."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.generation import Greedy, Nucleus, Temperature, TopK

INF = np.inf
LOGITS = np.array(
    [
        *itertools.product([-INF, 0.0, 0.5, 3.0], repeat=3),
        (20.0, 0.0, -5.0),
        (1e30, -1e30, 0.0),
        (-1e4, -1e4 - 1, -1e4 - 2),
    ],
    np.float32,
)
LOGITS = LOGITS[(LOGITS > -INF).any(-1)]  # a distribution has something to draw


@jax.jit
def probabilities(sampler, logits=LOGITS):
    return jax.nn.softmax(sampler.adjust(jnp.asarray(logits)), axis=-1)


def restricted(kept, temperature=1.0):
    """The model's probabilities, renormalised on the symbols kept."""
    wide = np.where(kept, LOGITS.astype(float), -INF) / temperature
    p = np.exp(wide - wide.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=1e-12)
    np.testing.assert_array_equal(got[wanted == 0], 0)  # never drawn


def test_greedy_takes_the_first_maximum():
    wanted = np.eye(3)[LOGITS.argmax(-1)]
    np.testing.assert_array_equal(probabilities(Greedy()), wanted)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature(temperature):
    close(probabilities(Temperature(temperature)), restricted(LOGITS > -INF, temperature))


@pytest.mark.parametrize("temperature", [1e-8, 1e-39, 1e-300])
def test_towards_zero_it_shares_among_the_maxima(temperature):
    top = LOGITS.max(-1, keepdims=True) == LOGITS
    close(probabilities(Temperature(temperature)), top / top.sum(-1, keepdims=True))


@pytest.mark.parametrize("temperature", [1e37, 1e38])
def test_towards_infinity_it_is_uniform_over_what_is_possible(temperature):
    possible = LOGITS > -INF
    close(probabilities(Temperature(temperature)), possible / possible.sum(-1, keepdims=True))


@pytest.mark.parametrize("k", [1, 2, 3, 9])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_top_k_keeps_the_k_largest_and_ties(k, temperature):
    kept = (LOGITS[:, None, :] > LOGITS[:, :, None]).sum(-1) < k
    close(probabilities(TopK(k, temperature)), restricted(kept, temperature))


@pytest.mark.parametrize("mass", [1e-6, 0.3, 0.55, 0.9, 0.999])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_nucleus_is_the_smallest_set_that_reaches_the_mass(mass, temperature):
    p = restricted(LOGITS > -INF, temperature)
    kept = np.zeros_like(p, bool)
    for row, row_kept in zip(p, kept, strict=True):
        order = np.argsort(-row, kind="stable")
        size = int(np.searchsorted(np.cumsum(row[order]), mass)) + 1
        row_kept[order[:size]] = True
    close(probabilities(Nucleus(mass, temperature)), restricted(kept, temperature))


def test_nucleus_of_everything_is_temperature():
    """Also where the rounded sum reaches 1 before the last symbol."""
    for temperature in (0.3, 1.0):
        np.testing.assert_array_equal(
            probabilities(Nucleus(1.0, temperature)), probabilities(Temperature(temperature))
        )


@pytest.mark.parametrize("sampler", [Greedy(), Temperature(2.0), TopK(2), Nucleus(0.6)])
def test_draws_cover_exactly_the_set(sampler):
    logits = jnp.array([[0.0, 0.5, -INF, 0.3], [2.0, 1.9, 1.8, 1.7]])
    many = jnp.broadcast_to(logits, (400, *logits.shape))
    draws = jax.jit(lambda sampler: sampler(jax.random.key(0), many))(sampler)
    assert draws.dtype == jnp.int32
    for row, possible in zip(np.asarray(draws).T, probabilities(sampler, logits) > 0, strict=True):
        assert set(row) == set(np.flatnonzero(possible))


def test_hyperparameters_are_leaves():
    masses = jnp.array([0.1, 1.0])
    kept = jax.vmap(lambda mass: probabilities(Nucleus(mass), jnp.arange(3.0)) > 0)(masses)
    assert kept.sum(-1).tolist() == [1, 3]


def test_narrow_logits_are_widened():
    logits = jnp.array([1.0, 2.0, 2.5], jnp.bfloat16)
    for sampler in (Temperature(0.7), TopK(2, 0.7), Nucleus(0.9, 0.7)):
        assert jax.eval_shape(sampler.adjust, logits).dtype == jnp.float32
