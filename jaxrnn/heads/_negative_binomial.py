"""`NegativeBinomial`: counts that vary more than those of a Poisson process."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Array, Key, Leaf
from ._gamma import deviance, stirling_error
from ._head import Head
from ._invert import invert
from ._positive import check_floor, positive
from ._tails import beta_cdf, half_line


class NegativeBinomial(Head):
    r"""Counts in every coordinate, by their mean and a shape.

        theta    = (m, s)
        mu       = floor + softplus(m),  r = floor + softplus(s),  p = r / (r + mu)
        log p(y) = log Gamma(y + r) - log Gamma(r) - log y! + r log p + y log(1 - p)
        CRPS     = E|X - y| - mu / p 2F1(r + 1, 1/2; 2; -4 (1 - p) / p^2)

    A Poisson variable whose rate is gamma distributed with mean `mu` and shape `r`. The variance is
    $\mu + \mu^2 / r$; as `r` grows the limit is the Poisson distribution. Computed without the
    differences of large log-gammas, so counts of 100 000 keep their digits.

    Counts have no unit, and the scale of the network has: for large counts divide the inputs, and
    start the bias of `m` at about the mean count.

    Shapes: outputs `[T, *batch, dim * 2]`, targets `[T, *batch, dim]`: integers at least 0, in any
    type.

    Attributes:
        dim: how many coordinates a target has.
        floor: the least mean and the least shape, above 0.

    Raises:
        TypeError: for outputs that are not real floating numbers.
        ValueError: for shapes that do not fit, a floor that is not above 0, and targets that are
            negative or not whole where they can be read.

    Reference: C. Loader (2000), Fast and accurate computation of binomial probabilities (the form
        of the log-probability); A. Jordan, F. Krueger & S. Lerch (2019), scoringRules,
        https://doi.org/10.18637/jss.v090.i12 (CRPS); D. Salinas et al. (2020), DeepAR, https://arxiv.org/abs/1704.04110

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> head, outputs = heads.NegativeBinomial(), jnp.array([[4.0, 1.0]])
        >>> print(head.mean(outputs).round(2), head.variance(outputs).round(2))
        [[4.02]] [[16.31]]
        >>> print(head.quantile(outputs, jnp.array([0.1, 0.5, 0.9])))
        [[[0. 3. 9.]]]
    """

    discrete = True
    support = "counts 0, 1, 2, ..."
    dim: int = jax.tree.static(default=1)
    floor: Leaf = 1e-6

    def __post_init__(self) -> None:
        _check.sizes("NegativeBinomial", dim=self.dim)
        check_floor("NegativeBinomial", floor=self.floor)

    @property
    def parameters(self) -> int:
        return 2

    def supports(self, y: Any) -> Any:
        return (y >= 0) & (y < math.inf) & (y % 1 == 0)

    def log_prob_at(self, theta: Array, y: Array) -> Array:
        mu, r = self._numbers(theta)
        some = y > 0
        x = jnp.where(some, y, 1)
        # Saddle point and remainder: how far r and x are from what they are expected to be.
        total = r + x
        of_r = total * (r / (r + mu)) * deviance((r + mu) / total, (mu - x) / total)
        share = mu / (r + mu)
        of_x = total * share * deviance(x / total / share, (x - mu) / total * (r / mu))
        rest = stirling_error(total) - stirling_error(r) - stirling_error(x)
        constant = 0.5 * (jnp.log(r) - jnp.log(x) - jnp.log(total) - math.log(2 * math.pi))
        return jnp.where(some, constant + rest - of_r - of_x, -r * jnp.log1p(mu / r))

    def mean_at(self, theta: Array) -> Array:
        return self._numbers(theta)[0]

    def variance_at(self, theta: Array) -> Array:
        mu, r = self._numbers(theta)
        return mu + mu * (mu / r)

    def sample_at(self, key: Key, theta: Array) -> Array:
        mu, r = self._numbers(theta)
        keys = jax.random.split(key, 3)
        rate = mu * jnp.exp(jax.random.loggamma(keys[0], r, dtype=r.dtype) - jnp.log(r))
        # Counts above the range of integers: there the Poisson distribution is normal.
        large = rate > 1e9
        count = jax.random.poisson(keys[1], jnp.where(large, 0, rate)).astype(r.dtype)
        normal = jax.random.normal(keys[2], r.shape, r.dtype)
        return jnp.where(large, jnp.round(rate + jnp.sqrt(rate) * normal), count)

    def cdf_at(self, theta: Array, y: Array) -> Array:
        mu, r = self._numbers(theta)
        return _cdf(r, jnp.log(r) - jnp.log(mu), jnp.floor(y))

    def quantile_at(self, theta: Array, levels: Array) -> Array:
        return invert(self, theta, levels)

    def absolute_error_at(self, theta: Array, y: Array) -> Array:
        mu, r = self._numbers(theta)
        logit = jnp.log(r) - jnp.log(mu)
        of_one_more = _cdf(r + 1, logit, y - 1)
        return y * (2 * _cdf(r, logit, y) - 1) - mu * (2 * of_one_more - 1)

    def crps_at(self, theta: Array, y: Array) -> Array:
        mu, r = self._numbers(theta)
        odds = mu / r
        # Euler's integral of 2F1(r + 1, 1/2; 2; -z), in the tangent of half the angle.
        z = 4 * odds * (1 + odds)

        def log_density(t: Array) -> Array:
            square = t * t
            rise = jnp.log1p(z[..., None] * (square / (1 + square)))
            return -2 * jnp.log1p(square) - (r[..., None] + 1) * rise

        length = 1 / jnp.sqrt((r + 1) * z + 1)
        integral = half_line(log_density, length, last=38.0, step=0.12)
        half_difference = 4 / math.pi * mu * (1 + odds) * integral
        return self.absolute_error_at(theta, y) - half_difference

    def _numbers(self, theta: Array) -> tuple[Array, Array]:
        return positive(theta[..., 0], self.floor), positive(theta[..., 1], self.floor)


def _cdf(r: Array, logit: Array, k: Array) -> Array:
    """The probability of at most k counts, for a whole k, by the logit of `r / (r + mu)`."""
    odds = jnp.exp(-logit)
    # Beyond this the tail, which falls as e^(-k / (1 + mu / r)), is less than any number.
    end = 1e3 * (1 + odds) * (1 + r)
    inside = (k >= 0) & (k < end)
    value = beta_cdf(r, jnp.where(inside, k, 0) + 1, logit)
    return jnp.where(inside, value, jnp.where(k < 0, 0, jnp.where(k >= end, 1, jnp.nan)))
