"""Heads beside sums and integrals by numpy and scipy, in float64."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special, stats

from jaxrnn import heads, objectives

pytestmark = pytest.mark.usefixtures("x64")
RNG = np.random.default_rng(0)


def raw(x):
    return np.log(np.expm1(x))


def close(got, wanted, tolerance=1e-10):
    np.testing.assert_allclose(np.squeeze(got), wanted, rtol=tolerance, atol=tolerance)


def score(cdf, y, *breaks):
    """The integral that the CRPS is, between the places where the cdf has a bend or a step."""
    ends = [-np.inf, *sorted({y, *breaks}), np.inf]
    pieces = [
        integrate.quad(lambda x: (cdf(x) - (x >= y)) ** 2, a, b, epsabs=1e-13, epsrel=1e-12)[0]
        for a, b in itertools.pairwise(ends)
    ]
    return sum(pieces)


# --- CRPS -------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [0.3, 8.0])
def test_crps_of_a_gaussian(y):
    head = heads.Gaussian(floor=1e-15)
    theta = np.array([1.0, raw(2.0)])
    close(head.crps(theta, [y]), score(lambda x: special.ndtr((x - 1) / 2), y, 1.0))


def test_crps_of_student_t():
    """Down to half a degree of freedom, below which there is none; at 1 the formula has a pole."""
    df, y = np.array([0.7, 1.0, 1 + 3e-6, 2.5, 1e6]), np.array([1.0, -3.0, 1.0, 50.0, 2.0])
    head = heads.StudentT(floor=1e-15, df_floor=1e-15)
    theta = np.stack([np.ones(5), np.full(5, raw(2.0)), [*raw(df[:4]), df[4]]], -1)
    wanted = [
        score(lambda x, d=d: special.stdtr(d, (x - 1) / 2), y, 1.0)
        for d, y in zip(df, y, strict=True)
    ]
    close(head.crps(theta, y[:, None]), wanted)
    assert head.crps([[0.0, 0.0, -5.0]], [[0.0]]) == jnp.inf


def test_crps_of_counts():
    mu, r = np.array([3.0, 1000.0, 50.0, 20.0]), np.array([2.0, 3.0, 0.1, 1e6])
    y = np.array([0.0, 1200.0, 3.0, 7.0])
    head = heads.NegativeBinomial(floor=1e-15)
    theta = np.stack([np.where(mu < 30, raw(np.minimum(mu, 30)), mu)] * 2, -1)
    theta[:, 1] = np.where(r < 30, raw(np.minimum(r, 30)), r)
    k = np.arange(30_000)[:, None]
    wanted = np.sum((stats.nbinom.cdf(k, r, r / (r + mu)) - (k >= y)) ** 2, axis=0)
    close(head.crps(theta, y[:, None]), wanted)


# --- classes ----------------------------------------------------------------------------------


def test_classes():
    head = heads.Categorical(4)
    z = RNG.normal(size=(6, 4)) * 3
    z[0, 2] = -np.inf
    p, y = special.softmax(z, -1), np.array([2, 0, 1, 2, 3, 0])
    with np.errstate(divide="ignore"):
        close(head.log_prob(z, y), np.log(p[np.arange(6), y]))
    close(head.loss(z, y), objectives.CrossEntropy()(jnp.asarray(z), jnp.asarray(y)))
    close(head.probabilities(z), p)
    rows = [stats.rv_discrete(values=(np.arange(4), row)) for row in p]
    close(head.mean(z), [row.mean() for row in rows])
    close(head.variance(z), [row.var() for row in rows])
    close(head.entropy(z), stats.entropy(p, axis=-1))
    close(head.cdf(z, y), [row.cdf(label) for row, label in zip(rows, y, strict=True)])
    assert head.cdf(z, np.full(6, np.inf)).tolist() == [1] * 6
    assert np.isnan(head.cdf(z, np.full(6, np.nan))).all()
    levels = np.array([0.05, 0.5, 0.93])
    close(head.quantile(z, levels), [row.ppf(levels) for row in rows])
    cumulated = np.cumsum(p, -1)
    close(head.crps(z, y), np.sum((cumulated - (np.arange(4) >= y[:, None])) ** 2, -1))


def test_yes_or_no():
    head, z = heads.Bernoulli(2), RNG.normal(size=(5, 2)) * 5
    y = RNG.integers(0, 2, (5, 2)).astype(bool)
    loss = objectives.MultiLabelCrossEntropy()
    close(head.loss(z, y), loss(jnp.asarray(z), jnp.asarray(y)))
    close(head.crps(z, y), (special.expit(z) - y) ** 2)
    close(head.cdf(z, np.full((5, 2), 0.5)), special.expit(-z))


# --- quantiles --------------------------------------------------------------------------------

LEVELS = (0.1, 0.25, 0.5, 0.8)


def test_quantiles_and_what_lies_between():
    head, theta = heads.Quantile(LEVELS), np.array([0.1, -1.0, 0.4, 0.9])
    gaps = np.logaddexp(0, theta)
    q = np.array([0.4 - gaps[1] - gaps[0], 0.4 - gaps[1], 0.4, 0.4 + gaps[3]])
    close(head.quantiles(theta), q)
    close(head.quantile(theta, np.array(LEVELS)), q)

    def quantile(u):
        return np.interp(u, LEVELS, q)

    def over_levels(function):
        return integrate.quad(function, 0, 1, points=LEVELS, epsabs=1e-13)[0]

    mean = over_levels(quantile)
    close(head.mean(theta), mean)
    close(head.variance(theta), over_levels(lambda u: (quantile(u) - mean) ** 2))
    close(head.interval(theta, 0.4).low, quantile(0.3))
    inside = np.array([0.13, 0.6, 0.77])
    close(head.cdf(np.tile(theta, (3, 1)), quantile(inside)[:, None]), inside)
    y = [-3.0, 0.2, 0.41, 5.0]
    wanted = [score(lambda x: np.interp(x, q, LEVELS, 0, 1), y, *q) for y in y]
    close(head.crps(np.tile(theta, (4, 1)), np.array(y)[:, None]), wanted)
    t, u = np.array(LEVELS), 0.2 - q
    pinball = np.mean(np.maximum(t * u, (t - 1) * u))
    close(head.loss(jnp.asarray(theta)[None], jnp.array([[0.2]])), pinball)


def test_quantiles_never_cross():
    theta = np.random.default_rng(1).normal(size=(100, 4)) * 100
    assert (np.diff(heads.Quantile(LEVELS).quantiles(theta)) >= 0).all()
    assert heads.Quantile((0.5,)).quantile([2.0], 0.5) == 2


def test_the_least_loss_is_at_the_quantiles_of_the_targets():
    head, y = heads.Quantile((0.1, 0.5, 0.9)), jnp.asarray(RNG.exponential(size=(999, 1)))
    low, middle, high = np.quantile(y, [0.1, 0.5, 0.9])

    @jax.jit
    @jax.grad
    def slope(theta):
        return jnp.mean(head.loss(jnp.broadcast_to(theta, (999, 3)), y))

    best = np.array([raw(middle - low), middle, raw(high - middle)])
    assert np.abs(slope(best)).max() < 2 / 999
    assert slope(best + np.array([0.0, 0.1, 0.0]))[1] > 0.01


# --- mixtures ---------------------------------------------------------------------------------

W, MU, SIGMA = np.array([0.2, -1.0, 0.5]), np.array([-3.0, 0.0, 4.0]), np.array([0.5, 1.0, 2.0])
P = special.softmax(W)
MIXTURE = heads.Mixture(heads.Gaussian(floor=1e-15), 3)
THETA = np.concatenate([W, np.stack([MU, raw(SIGMA)], -1).ravel()])


def mixed(function):
    return np.sum(P * function, axis=-1)


def test_mixture_beside_a_sum():
    y = np.array([-30.0, -2.0, 0.3, 10.0])
    theta = np.tile(THETA, (4, 1))
    of_y = y[:, None]
    close(MIXTURE.log_prob(theta, of_y), np.log(mixed(stats.norm.pdf(of_y, MU, SIGMA))))
    close(MIXTURE.cdf(theta, of_y), mixed(stats.norm.cdf(of_y, MU, SIGMA)))
    mean = mixed(MU)
    close(MIXTURE.mean(THETA), mean)
    close(MIXTURE.variance(THETA), mixed(SIGMA**2 + (MU - mean) ** 2))
    scores = [score(lambda x: mixed(special.ndtr((x - MU) / SIGMA)), y, *MU) for y in (-2.0, 10.0)]
    close(MIXTURE.crps(theta[:2], [[-2.0], [10.0]]), scores)
    levels = np.array([1e-9, 0.1, 0.5, 0.9, 1 - 1e-6])
    q = np.asarray(MIXTURE.quantile(THETA, levels))[0]
    np.testing.assert_allclose(mixed(stats.norm.cdf(q[:, None], MU, SIGMA)), levels, rtol=1e-12)


@pytest.mark.slow
def test_mixtures_of_other_heads():
    """Of one component it is that; of counts and of mixtures it is the sum."""
    counts, theta = heads.NegativeBinomial(), np.array([2.0, 0.3])
    alone = heads.Mixture(counts, 1)
    one, y = np.array([5.0, *theta]), [4]
    close(alone.log_prob(one, y), counts.log_prob(theta, y))
    mu, r = 1e-6 + np.logaddexp(0, theta)
    close(alone.quantile(one, 0.7), stats.nbinom.ppf(0.7, r, r / (r + mu)))
    both = np.array([0.0, 1.0, 2.0, 0.3, -1.0, 0.5])
    each = [counts.cdf(both[2:4], y)[0], counts.cdf(both[4:], y)[0]]
    close(heads.Mixture(counts, 2).cdf(both, y), special.softmax([0.0, 1.0]) @ np.array(each))
    nested = heads.Mixture(heads.Mixture(heads.Gaussian(), 2), 2)
    inner = np.array([0.3, -0.2, 0.0, 1.0, 2.0, 0.5])
    flat = heads.Mixture(heads.Gaussian(), 2)
    close(nested.log_prob(np.array([0.0, 0.0, *inner, *inner]), [0.1]), flat.log_prob(inner, [0.1]))
    close(nested.crps(np.array([0.0, 0.0, *inner, *inner]), [0.1]), flat.crps(inner, [0.1])[0])
    ranks = heads.Mixture(heads.Categorical(3), 2)
    p = special.softmax(inner[2:5]) * 0.5 + special.softmax([0.5, 0.5, 0.1]) * 0.5
    theta = np.array([0.0, 0.0, *inner[2:5], 0.5, 0.5, 0.1])
    close(ranks.log_prob(theta, 2), np.log(p[2]))
    close(ranks.crps(theta, 2), np.sum((np.cumsum(p)[:2]) ** 2))
