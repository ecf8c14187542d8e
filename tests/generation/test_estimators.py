"""Estimates from samples: exact variances by enumeration, no bias, and which one is better."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import generation
from jaxrnn.generation._estimators import controlled
from tests.generation import models

KINDS = generation.MonteCarlo, generation.RaoBlackwell, generation.ControlVariate


def test_exact_variances(x64):
    """The reference figures: mean, variances of the three, best slope (`None`: any)."""
    golden_mean, three = models.golden_mean(), models.independent(0.7, 0.2, 0.1)
    cases = [
        ((golden_mean,), 2, 2, 1.0986122887, 0, 0.106767, 0, 1),
        ((golden_mean,), 2, 5, 2.4849066498, 0.160151, 0.186843, 0.145137, 0.625),
        ((golden_mean,), 2, 10, 4.7953972517, 0.331980, 0.367847, 0.320209, 0.66797),
        ((models.flip(0.1),), 2, 10, 3.6188939411, 3.910514633, 0, 0, None),
        ((three,), 3, 6, 4.8109113153, 2.966320857509, 0, 0, None),
        ((golden_mean, models.independent(0.5, 0.5)), 2, 2, 0.2876820725, 0, 0.1067673364, 0, 1),
    ]
    every = jax.jit(lambda: [models.sums(*case[:3]) for case in cases])()
    for sums, (*_, mean, mc, rb, cv, slope) in zip(every, cases, strict=True):
        exact = models.variances(sums)
        np.testing.assert_allclose(exact.mean, mean, atol=1e-10)
        np.testing.assert_allclose(exact[1:4], (mc, rb, cv), atol=1e-6)
        if slope is not None:
            np.testing.assert_allclose(exact.slope, slope, atol=1e-5)
    # In closed form: blocks, and the varentropy of independent symbols.
    np.testing.assert_allclose(models.variances(every[0]).rb, 2 / 9 * np.log(2) ** 2, rtol=1e-12)
    np.testing.assert_allclose(models.variances(every[4]).mc, 6 * 0.4943868095848, rtol=1e-12)


def test_a_control_variate_from_the_others_has_no_bias(x64):
    """The expectation over all triples of sequences, which no large number of samples hides."""
    skewed = models.markov([0.9, 0.1], [0.6, 0.4], start=[0.3, 0.7])
    triples = np.indices((8, 8, 8)).reshape(3, -1)

    def of(model):
        sums = models.sums((model,), 2, 3)
        p, drawn, expected = (x[triples] for x in sums)
        values = jax.vmap(controlled, 1, 1)(drawn, expected)
        mean = jnp.sum(jnp.prod(p, 0) * jnp.mean(values, 0))
        return mean, jnp.sum(sums.p * sums.drawn), jnp.std(values)

    for mean, wanted, spread in jax.jit(lambda: [of(models.golden_mean()), of(skewed)])():
        np.testing.assert_allclose(mean, wanted, rtol=1e-12)
        assert spread > 0.1


def test_a_control_variate_finds_the_slope(x64):
    noise = np.array([1.0, -2.0, 0.5, 3.0, -1.0])
    run = jax.jit(controlled)
    np.testing.assert_allclose(run(4 + 0 * noise, 4 - noise), 4)  # S has no variance: b is 1
    np.testing.assert_allclose(run(4 + noise, 4 + 0 * noise), 4)  # R has none: b is 0
    np.testing.assert_array_equal(run(noise, noise), noise)  # there is nothing to remove
    slope = np.cov(noise[1:], noise[1:] ** 2)[0, 1] / np.var(noise[1:], ddof=1)
    got = run(noise + noise**2, noise**2)[0]  # the others alone give the slope
    np.testing.assert_allclose(got, noise[0] ** 2 - slope * noise[0], rtol=1e-12)


@pytest.mark.slow
def test_forty_random_networks(x64):
    def of(weights, key):
        model = models.network(weights)
        estimates = [generation.sequence_entropy(model, 6, kind(400), key=key) for kind in KINDS]
        return models.sums((model,), 3, 6), estimates

    keys = jax.random.split(jax.random.key(0), (2, 40))
    run = jax.jit(
        lambda keys: jax.vmap(of)(
            jax.vmap(lambda key: models.random_weights(key, 3, 8))(keys[0]), keys[1]
        )
    )
    sums, estimates = run(keys)
    variances = models.variances(sums)
    best = np.minimum(variances.mc, variances.rb)
    assert (variances.cv <= best * (1 + 1e-12)).all()
    assert (variances.rb < variances.mc).all()
    assert 5 < np.median(variances.mc / variances.rb) < 50
    assert np.median(variances.rb / variances.cv) > 1.05
    for estimate, variance in zip(estimates, variances[1:4], strict=True):
        error = np.asarray(estimate.standard_error)
        assert (np.abs(estimate.value - variances.mean) < 5 * error).all()
        ratio = 400 * error**2 / variance
        assert ratio.min() > 0.3 and ratio.max() < 3
        np.testing.assert_allclose(ratio.mean(), 1, atol=0.1)


def test_estimates_vary_as_they_say(x64):
    """600 estimates from 30 samples each: their mean, their spread and their own errors."""
    p, q = models.golden_mean(), models.independent(0.5, 0.5)

    @jax.jit
    def run(keys):
        every = [
            jax.vmap(lambda key, kind=kind: generation.sequence_kl(p, q, 5, kind(30), key=key))(
                keys
            )
            for kind in KINDS
        ]
        return every, models.sums((p, q), 2, 5)

    estimates, sums = run(jax.random.split(jax.random.key(1), 600))
    exact = models.variances(sums)
    for (values, errors), variance in zip(estimates, exact[1:4], strict=True):
        spread = np.sqrt(variance / 30)
        assert abs(np.mean(values) - exact.mean) < 4 * spread / np.sqrt(600)
        np.testing.assert_allclose(np.std(values), spread, rtol=0.15)
        np.testing.assert_allclose(np.mean(errors**2), spread**2, rtol=0.15)


@pytest.mark.slow
def test_what_has_no_variance_has_no_error():
    """Locally uniform branches; S alone over blocks. A divergence may be infinite."""
    fair, blocks = models.independent(0.5, 0.5), models.golden_mean()

    @jax.jit
    def run(key):
        return [
            (
                generation.sequence_entropy(fair, 7, kind(20), key=key),
                generation.sequence_entropy(blocks, 2, kind(20), key=key),
                generation.sequence_kl(fair, blocks, 3, kind(50), key=key),
            )
            for kind in KINDS
        ]

    every = run(jax.random.key(0))
    for uniform, _, infinite in every:
        np.testing.assert_allclose(uniform, (7 * np.log(2), 0), rtol=1e-6, atol=1e-5)
        assert infinite == (jnp.inf, jnp.inf)
    of_mc, of_rb, of_cv = (each[1] for each in every)
    assert of_rb.standard_error > 0.05
    for estimate in (of_mc, of_cv):
        np.testing.assert_allclose(estimate, (np.log(3), 0), atol=1e-6)


def test_a_rate_from_samples():
    """A long course after its beginning, within four standard errors."""
    model = models.markov([0.9, 0.1], [0.2, 0.8], start=[0.0, 1.0])
    rate = partial(generation.entropy_rate, model, 300, burn_in=50)
    for value, error in jax.jit(lambda key: [rate(kind(30), key=key) for kind in KINDS])(
        jax.random.key(2)
    ):
        assert abs(value - 0.383522790107) < 4 * error < 0.05


def test_an_estimate_refuses_to_be_differentiated():
    def entropy(logits, kind, hide):
        model = generation.SequenceModel(partial(models._row, jax.nn.softmax(logits)), 0)
        model = jax.lax.stop_gradient(model) if hide else model
        return generation.sequence_entropy(model, 3, kind(4), key=jax.random.key(0)).value

    logits = jnp.array([[1.0, 0.0], [0.0, 2.0]])
    for derivative, kind in zip((jax.grad, jax.jacfwd), KINDS[1:], strict=True):
        with pytest.raises(TypeError, match=r"is biased.*entropy_surrogate.*stop_gradient"):
            derivative(entropy)(logits, kind, False)
    value, gradient = jax.jit(lambda z: jax.value_and_grad(entropy)(z, KINDS[2], True))(logits)
    assert np.isfinite(value)
    np.testing.assert_array_equal(gradient, 0)


def test_errors():
    model = models.flip(0.1)
    with pytest.raises(ValueError, match=r"RaoBlackwell: samples .*key=jax.random.key\(0\)"):
        generation.sequence_entropy(model, 3, generation.RaoBlackwell(5))
    for kind, least in zip(KINDS, (2, 2, 3), strict=True):
        with pytest.raises(ValueError, match=f"samples must be at least {least}, got {least - 1}"):
            kind(least - 1)
