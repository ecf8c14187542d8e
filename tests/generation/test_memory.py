"""How far back predictions depend on the past."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import generation
from tests.generation import models


def expected(model, length, lags):
    """The profile's expectation over the model's own sequences, by enumeration."""
    strings = jnp.asarray(models.all_strings(2, length))

    @jax.jit
    def run():
        p = models.sums((model,), 2, length).p
        profile = jax.vmap(lambda row: generation.memory_profile(model, row, lags), 1)(strings)
        return p @ jnp.where(p[:, None] > 0, profile, 0)

    return run() / np.log(2)


def test_a_chain_remembers_one_symbol(x64):
    """Begun in its stationary distribution, without a past it lacks the mutual information."""
    profile = expected(models.golden_mean(), 6, [0, 1, 2, 4])
    np.testing.assert_allclose(profile[0], 0.251629167388, atol=1e-11)
    np.testing.assert_allclose(profile[1:], 0, atol=1e-15)
    np.testing.assert_allclose(expected(models.flip(0.1), 3, [0, 1])[0], 0.531004406411, atol=1e-11)


def test_a_hidden_machine_remembers_on(x64):
    """The loss at a lag is the difference of two block entropies: here of the even process."""
    even = models.hidden([[[0.5, 0], [0, 0]], [[0, 0.5], [1, 0]]], [2 / 3, 1 / 3])
    h = {0: 0.918295834, 1: 0.874185416, 3: 0.770426041, 7: 0.692606510}
    profile = expected(even, 8, [*h])
    np.testing.assert_allclose(profile, [value - h[7] for value in h.values()], atol=2e-9)


def test_against_a_plain_loop(x64):
    """Every window read by itself, over a batch with padding of any content."""
    rng = np.random.default_rng(0)
    w = models.Weights(*(rng.normal(size=shape) for shape in ((4, 4), (4, 4), (4, 3))))
    model, symbols = models.network(w), rng.integers(0, 3, (7, 2))
    lengths, lags = (7, 5), [1, 3]

    def predict(read):
        h = np.zeros(4)
        for symbol in (3, *read):
            h = np.tanh(w.recurrent @ h + w.embedding[symbol])
        p = np.exp(h @ w.output)
        return p / p.sum()

    def loss(t, b, lag):
        p, q = predict(symbols[:t, b]), predict(symbols[t - lag : t, b])
        return (p * np.log(p / q)).sum()

    wanted = [
        np.mean([loss(t, b, lag) for b in (0, 1) for t in range(3, lengths[b])]) for lag in lags
    ]
    mask = np.arange(7)[:, None] < np.array([lengths])
    for bad in (0, -1, 10**6):
        padded = np.where(mask, symbols, bad)
        np.testing.assert_allclose(
            generation.memory_profile(model, padded, lags, mask=mask), wanted, rtol=1e-12
        )
    assert np.isnan(
        generation.memory_profile(model, symbols, lags, mask=mask & (mask.sum(0) > 9))
    ).all()


@pytest.mark.parametrize(
    ("symbols", "lags", "error", "says"),
    [
        (np.zeros(4), [1], TypeError, r"symbols must be integers .*float32.4."),
        (np.zeros(4, int), [4], ValueError, r"whole numbers in \[0, T=4\), got \[4\]"),
        (np.zeros(4, int), [0.5], ValueError, "whole numbers"),
        (np.zeros(4, int), [], ValueError, "whole numbers"),
        (np.full(4, 2), [1], ValueError, r"symbols must lie in \[0, 2\), got 2 to 2"),
    ],
)
def test_errors(symbols, lags, error, says, as_users_run_it):
    with pytest.raises(error, match=says):
        generation.memory_profile(models.flip(0.1), symbols, lags)
