"""Samples: moments and distribution, with fixed keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxrnn import heads

SIZE = 4000
CASES = {
    "gaussian": (heads.Gaussian(), [1.0, 0.5]),
    "student_t": (heads.StudentT(df_floor=5.0), [1.0, 0.5, 0.3]),
    "counts": (heads.NegativeBinomial(), [3.0, 0.5]),
    "yes_or_no": (heads.Bernoulli(), [0.7]),
    "classes": (heads.Categorical(4), [0.1, 1.0, -0.5, 0.3]),
    "quantile": (heads.Quantile((0.1, 0.5, 0.9)), [0.1, 0.4, -0.3]),
    "mixture": (heads.Mixture(heads.Gaussian(), 2), [0.3, -0.5, -2.0, 0.1, 2.0, -1.0]),
}


@pytest.mark.parametrize("name", CASES)
def test_samples_follow_the_distribution(name):
    head, theta = CASES[name]
    theta = jnp.array(theta)
    draws = head.sample(jax.random.key(1), theta, (SIZE,))
    assert draws.shape == (SIZE, *head.target_shape)
    x = np.asarray(draws, np.float64).ravel()
    mean, variance = float(np.squeeze(head.mean(theta))), float(np.squeeze(head.variance(theta)))
    assert abs(x.mean() - mean) < 4 * np.sqrt(variance / SIZE)
    assert abs(x.var() / variance - 1) < 0.15

    def cdf(y):
        of_y = jnp.asarray(y, jnp.float32).reshape(-1, *head.target_shape)
        return np.asarray(head.cdf(jnp.broadcast_to(theta, (len(y), head.size)), of_y)).ravel()

    values = np.unique(x)
    shares = np.searchsorted(np.sort(x), values, side="right") / SIZE
    distance = np.abs(shares - cdf(values))
    if name == "quantile":  # points of probability at the outer quantiles, which rounding moves
        distance = distance[1:-1]
    assert distance.max() < stats.kstwo.isf(1e-3, SIZE)


def test_samples_are_targets():
    head = heads.Categorical(3)
    draws = head.sample(jax.random.key(0), jnp.zeros((5, 2, 3)), (4,))
    assert draws.dtype == jnp.int32 and draws.shape == (4, 5, 2)
    assert head.loss(jnp.zeros((5, 2, 3)), draws[0]).shape == (5, 2)
    counts = heads.NegativeBinomial().sample(jax.random.key(0), jnp.array([1e12, 1e12]), (SIZE,))
    assert (counts > 1e11).all() and (counts % 1 == 0).all()
