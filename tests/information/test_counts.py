"""Entropies of counts: closed forms, exact expectations, and what is no count."""

import itertools
import math

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from scipy import special

from jaxrnn import information as info
from jaxrnn.information import ChaoShen, Grassberger, MillerMadow, plugin_entropy

P = np.array([0.7, 0.2, 0.1])
CORRECTIONS = None, MillerMadow(), Grassberger(), ChaoShen()


@jax.jit
def estimates(counts):
    return [plugin_entropy(counts, correction=correction) for correction in CORRECTIONS]


def test_the_exact_mean_over_all_draws(x64):
    """The reference values of the mean over 10 draws; what corrects is nearer to the truth."""
    draws = 10
    tables = [c for c in itertools.product(range(draws + 1), repeat=3) if sum(c) == draws]
    weight = [math.factorial(draws) * np.prod(P**c / special.factorial(c)) for c in tables]
    means = [np.sum(weight * np.asarray(values)) for values in estimates(np.array(tables))]
    np.testing.assert_allclose(means[:2], [0.6860168384, 0.7632139121], atol=5e-11)
    errors = np.abs(np.array(means) + np.sum(P * np.log(P)))
    assert (errors[1:] < [0.04, 0.005, 0.02]).all() and errors[0] > 0.1


def test_estimators_equal_their_formulas(x64):
    counts = np.random.default_rng(0).integers(0, 6, (50, 8)) + np.eye(8, dtype=int)[0]
    n, total = counts, counts.sum(1, keepdims=True)
    plugin = special.entr(n / total).sum(1)
    miller = plugin + ((n > 0).sum(1) - 1) / (2 * total[:, 0])
    # By its recurrence: G(1) = -gamma - log 2, G(2) = 2 + G(1), G(2k+1) = G(2k), ...
    g = [0.0, -np.euler_gamma - math.log(2)]
    for k in range(2, 8):
        g.append(g[-1] + (2 / (k - 1) if k % 2 == 0 else 0))
    grassberger = special.digamma(total[:, 0]) - (n * np.array(g)[n]).sum(1) / total[:, 0]
    singletons = (n == 1).sum(1, keepdims=True)
    p = (1 - np.where(singletons == total, total - 1, singletons) / total) * n / total
    seen = 1 - (1 - np.where(n > 0, p, 0.5)) ** total
    chao_shen = (special.entr(p) / seen).sum(1)
    got = estimates(counts)
    np.testing.assert_allclose(got, [plugin, miller, grassberger, chao_shen], rtol=1e-12)
    with jax.enable_x64(False):
        single = estimates(counts.astype(np.int32))
    np.testing.assert_allclose(single, got, rtol=1e-6)


def test_one_symbol_and_all_different():
    same, once, different = np.array(estimates(np.array([[5, 0, 0], [0, 1, 0], [1, 1, 1]]))).T
    np.testing.assert_array_equal(same[[0, 1, 3]], 0)
    np.testing.assert_array_equal(once[[0, 1, 3]], 0)
    np.testing.assert_allclose(different[0], np.log(3), rtol=1e-6)
    assert (different[1:] > different[0]).all()


def test_one_draw_in_a_billion_keeps_its_digits(x64):
    counts = np.array([10**15, 1])
    wanted = 1e-15 * (1 + np.log(1e15))
    np.testing.assert_allclose(plugin_entropy(counts), wanted, rtol=1e-12)


def test_nothing_counted_is_not_a_number_where_it_cannot_be_read():
    assert np.isnan(estimates(np.zeros((1, 3), np.int32))).all()


@pytest.mark.parametrize(
    ("counts", "error", "says"),
    [
        (np.array([0.5, 0.5]), TypeError, r"must be integers, got float.*entropy\(jnp.log\(p\)\)"),
        (np.array([True]), TypeError, "must be integers, got bool"),
        (np.array(3), ValueError, r"\[..., V\]"),
        (np.zeros((2, 0), int), ValueError, r"\[..., V\]"),
        (np.array([3, -1]), ValueError, "not be negative.*got -1 as the least"),
        (np.array([[1, 2], [0, 0]]), ValueError, "nor those of a row all 0.*0 as the least sum"),
    ],
)
def test_errors(counts, error, says):
    with pytest.raises(error, match=says):
        plugin_entropy(counts)


@pytest.fixture
def as_users_run_it():
    """Without the tests' checks of annotations, which would speak first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def test_a_correction_is_a_noun(as_users_run_it):
    for correction in ("miller_madow", MillerMadow):
        with pytest.raises(TypeError, match="must be a `BiasCorrection`"):
            plugin_entropy(jnp.array([1, 2]), correction=correction)


def test_gaussian_entropy(x64):
    std = np.array([1e-3, 1.0, 10.0])
    x = np.linspace(-12, 12, 4001)
    for s in std:
        density = np.exp(-(x**2) / 2) / (s * np.sqrt(2 * np.pi))
        wanted = np.sum(special.entr(density)) * (x[1] - x[0]) * s
        np.testing.assert_allclose(info.gaussian_entropy(s), wanted, rtol=1e-9)
    np.testing.assert_allclose(jax.grad(info.gaussian_entropy)(2.0), 0.5)
    assert info.gaussian_entropy(jnp.ones(2, jnp.bfloat16)).dtype == jnp.float32
    for bad in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="std must be positive and finite, got"):
            info.gaussian_entropy(bad)
    with pytest.raises(TypeError, match="std must be floating"):
        info.gaussian_entropy(np.array([1, 2]))
