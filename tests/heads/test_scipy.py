"""Every head beside scipy's distribution of the same parameters, in float64."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from jaxrnn import heads

pytestmark = pytest.mark.usefixtures("x64")

SIZE = 200
LEVELS = np.array([1e-6, 0.01, 0.3, 0.5, 0.77, 0.99, 1 - 1e-6])
FLOOR = 1e-12


def raw(x):
    """The output that makes the positive parameter x."""
    return np.where(x > 30, x, np.log(np.expm1(np.minimum(x, 30))))


def positive(z):
    return FLOOR + np.logaddexp(0, z)


def spread(seed, low, high):
    """Numbers of all magnitudes between two."""
    uniform = np.random.default_rng(seed).uniform(size=SIZE)
    return 10 ** (np.log10(low) + uniform * np.log10(high / low))


def places(seed):
    return np.random.default_rng(seed).normal(size=SIZE) * 10


def gaussian():
    theta = np.stack([places(1), raw(spread(2, 1e-6, 1e6))], -1)
    return heads.Gaussian(floor=FLOOR), theta, (theta[:, 0], positive(theta[:, 1]))


def student_t():
    theta = np.stack([places(1), raw(spread(2, 1e-6, 1e6)), raw(spread(3, 0.5, 1e6))], -1)
    theta[0] = theta[1] = 0, 0, raw(1.0)  # Cauchy's
    head = heads.StudentT(floor=FLOOR, df_floor=FLOOR)
    return head, theta, (positive(theta[:, 2]), theta[:, 0], positive(theta[:, 1]))


def negative_binomial():
    theta = np.stack([raw(spread(1, 1e-5, 1e5)), raw(spread(2, 1e-5, 1e6))], -1)
    mu, r = positive(theta[:, 0]), positive(theta[:, 1])
    return heads.NegativeBinomial(floor=FLOOR), theta, (r, r / (r + mu))


def bernoulli():
    # A probability nearer to 1 has no digits left in what it lacks.
    theta = np.random.default_rng(1).uniform(-40, 8, (SIZE, 1))
    return heads.Bernoulli(), theta, (special.expit(theta[:, 0]),)


MAKE = {
    "gaussian": (gaussian, stats.norm),
    "student_t": (student_t, stats.t),
    "bernoulli": (bernoulli, stats.bernoulli),
    "negative_binomial": (negative_binomial, stats.nbinom),
}
EVERY = pytest.mark.parametrize("name", MAKE)


def close(got, wanted, tolerance=1e-10):
    np.testing.assert_allclose(np.squeeze(got), wanted, rtol=tolerance, atol=tolerance)


def frozen(name, rows=slice(None)):
    make, family = MAKE[name]
    head, theta, arguments = make()
    return head, jnp.asarray(theta[rows]), family, [a[rows] for a in arguments]


@EVERY
def test_probabilities_and_moments(name):
    head, theta, family, arguments = frozen(name)
    y = family.ppf(np.random.default_rng(5).uniform(0.001, 0.999, SIZE), *arguments)
    if name == "student_t":
        y[0] = arguments[1][0]  # the target is the mean exactly
    if name != "negative_binomial":  # scipy's loses digits; see below
        log_prob = family.logpmf if head.discrete else family.logpdf
        close(head.log_prob(theta, y[:, None]), log_prob(y, *arguments))
    close(head.cdf(theta, y[:, None]), family.cdf(y, *arguments))
    mean = family.mean(*arguments)
    if name == "student_t":
        mean[arguments[0] <= 1] = np.nan  # scipy says inf
    if name != "negative_binomial":
        close(head.mean(theta), mean)
        close(head.variance(theta), family.var(*arguments))
        close(head.entropy(theta), family.entropy(*arguments))


def test_negative_binomial_far_out():
    """Beside a sum of logarithms, because scipy takes the difference of large ones."""
    head, theta, (r, _) = negative_binomial()
    mu = positive(theta[:, 0])
    y = np.floor(spread(7, 0.5, 1e5))

    def log_prob(y, mu, r):
        i = np.arange(y)
        chances = [-r * np.log1p(mu / r), -y * np.log1p(r / mu)]
        return math.fsum([*np.log1p((r - 1) / (i + 1)), *chances])

    close(head.log_prob(theta, y[:, None]), [*map(log_prob, y, mu, r)])
    close(head.variance(theta), mu + mu**2 / r)
    close(head.mean(theta), mu)


@EVERY
def test_quantiles(name):
    head, theta, family, arguments = frozen(name, slice(40))
    got = np.asarray(head.quantile(theta, LEVELS))[:, 0]
    wanted = family.ppf(LEVELS, *(a[:, None] for a in arguments))
    close(got, wanted)
