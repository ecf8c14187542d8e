"""`StudentT`: a location, a scale and the weight of the tails."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._typing import Array, Key, Leaf
from ._gamma import digamma_difference, log_gamma_ratio
from ._head import Head
from ._invert import invert
from ._positive import check_floor, positive
from ._tails import t_tail


class StudentT(Head):
    r"""Student's t distribution of every coordinate: a Gaussian with heavy tails.

        theta    = (m, s, d)
        mu       = m,  sigma = floor + softplus(s),  nu = df_floor + softplus(d)
        log p(y) = log Gamma((nu + 1) / 2) - log Gamma(nu / 2) - log(pi nu) / 2 - log sigma
                   - (nu + 1) / 2 log(1 + z^2 / nu),  z = (y - mu) / sigma

    A large residual costs about `(nu + 1) log |z|`, where a `Gaussian` pays `z^2 / 2`: outliers do
    not carry the mean away. As `nu` grows the limit is the `Gaussian`, to full accuracy. There is a
    mean for `nu > 1`, a finite variance for `nu > 2`, and a finite CRPS for `nu > 1/2`.

    `floor` is in the unit of the targets. Targets, `mu` and `sigma` times `c` add `log c` to the
    loss and multiply the CRPS by `c`; `nu` has no unit.

    Shapes: outputs `[T, *batch, dim * 3]`, targets `[T, *batch, dim]`.

    Attributes:
        dim: how many coordinates a target has.
        floor: the least scale, above 0.
        df_floor: the least number of degrees of freedom, above 0; with 2 the variance is finite.

    Raises:
        TypeError: for outputs or targets that are not real floating numbers.
        ValueError: for shapes that do not fit, and floors that are not above 0.

    Reference: A. Jordan, F. Krueger & S. Lerch (2019), Evaluating probabilistic forecasts with
        scoringRules, https://doi.org/10.18637/jss.v090.i12 (CRPS)

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> head, outputs = heads.StudentT(df_floor=2.0), jnp.zeros((1, 3))
        >>> targets = jnp.array([[0.0]])
        >>> print(head.log_prob(outputs, targets).round(3), head.cdf(outputs, targets).round(3))
        [-0.643] [[0.5]]
        >>> low, high = head.interval(outputs, 0.8)
        >>> print(f"{low[0, 0]:.3f} {high[0, 0]:.3f}")
        -1.171 1.171
    """

    dim: int = jax.tree.static(default=1)
    floor: Leaf = 1e-6
    df_floor: Leaf = 0.5

    def __post_init__(self) -> None:
        _check.sizes("StudentT", dim=self.dim)
        check_floor("StudentT", floor=self.floor, df_floor=self.df_floor)

    @property
    def parameters(self) -> int:
        return 3

    def log_prob_at(self, theta: Array, y: Array) -> Array:
        mu, sigma, df = self._numbers(theta)
        constant = log_gamma_ratio(df / 2) - 0.5 * math.log(2 * math.pi) - jnp.log(sigma)
        return constant - 0.5 * (df + 1) * _log1p_square((y - mu) / sigma / jnp.sqrt(df))

    def mean_at(self, theta: Array) -> Array:
        mu, _, df = self._numbers(theta)
        return jnp.where(df > 1, mu, jnp.nan)

    def variance_at(self, theta: Array) -> Array:
        _, sigma, df = self._numbers(theta)
        finite = df > 2
        safe = jnp.where(finite, df, 3)
        without = jnp.where(df > 1, jnp.inf, jnp.nan)
        return jnp.where(finite, sigma**2 * safe / (safe - 2), without)

    def entropy_at(self, theta: Array) -> Array:
        _, sigma, df = self._numbers(theta)
        spread = 0.5 * (df + 1) * digamma_difference(df / 2) - log_gamma_ratio(df / 2)
        return jnp.log(sigma) + 0.5 * math.log(2 * math.pi) + spread

    def sample_at(self, key: Key, theta: Array) -> Array:
        mu, sigma, df = self._numbers(theta)
        keys = jax.random.split(key)
        z = jax.random.normal(keys[0], mu.shape, mu.dtype)
        # By its logarithm: the gamma variable of a small shape may be less than any number.
        log_share = jax.random.loggamma(keys[1], df / 2, dtype=mu.dtype) - jnp.log(df / 2)
        return mu + sigma * z * jnp.exp(-0.5 * log_share)

    def cdf_at(self, theta: Array, y: Array) -> Array:
        mu, sigma, df = self._numbers(theta)
        z = (y - mu) / sigma
        tail = t_tail(df, jnp.where(z < 0, -z, z))
        return jnp.where(z < 0, tail, 1 - tail)

    def quantile_at(self, theta: Array, levels: Array) -> Array:
        # By symmetry from the lower tail, which a level near 1 is more digits away from.
        upper = levels > 0.5
        lower = invert(self, theta, jnp.where(upper, 1 - levels, levels))
        return jnp.where(upper, 2 * theta[..., 0] - lower, lower)

    def crps_at(self, theta: Array, y: Array) -> Array:
        mu, sigma, df = self._numbers(theta)
        z = (y - mu) / sigma
        tail = t_tail(df, jnp.where(z < 0, -z, z))
        finite = df > 0.5
        safe = jnp.where(finite, df, 1.5)
        # There is no pole at 1, though the formula has one.
        near = float(np.finfo(df.dtype).eps) ** (1 / 3)
        close = jnp.abs(safe - 1) < near
        away = jnp.where(close, 1 + near, safe)
        value = _crps(away, z, tail)
        below = _crps(jnp.full_like(safe, 1 - near), z, tail)
        share = (safe - (1 - near)) / (2 * near)
        value = jnp.where(close, below + jnp.where(close, share, 0) * (value - below), value)
        return jnp.where(finite, sigma * value, jnp.inf)

    def _numbers(self, theta: Array) -> tuple[Array, Array, Array]:
        sigma, df = positive(theta[..., 1], self.floor), positive(theta[..., 2], self.df_floor)
        return theta[..., 0], sigma, df


def _log1p_square(t: Array) -> Array:
    """`log(1 + t^2)`, also where the square is too large for its type."""
    large = jnp.abs(t) > 1
    small, big = jnp.where(large, 0, t), jnp.where(large, t, 1)
    far = 2 * jnp.log(jnp.abs(big)) + jnp.log1p((1 / big) ** 2)
    return jnp.where(large, far, jnp.log1p(small**2))


def _crps(df: Array, z: Array, tail: Array) -> Array:
    """The score of the standard distribution, for any number of degrees of freedom but 1."""
    ratio = log_gamma_ratio(df / 2)
    # The density times (nu + z^2) / nu, whose factors may be too large and too small.
    decay = -0.5 * (df - 1) * _log1p_square(z / jnp.sqrt(df))
    density = jnp.exp(ratio - 0.5 * math.log(2 * math.pi) + decay)
    # sqrt(nu) B(1/2, nu - 1/2) / B(1/2, nu / 2)^2
    x = df - 0.5
    difference = 2 * ratio - log_gamma_ratio(x) + 0.5 * jnp.log(df / x)
    spread = jnp.exp(difference - 0.5 * math.log(math.pi)) * df / 2
    return jnp.abs(z) * (1 - 2 * tail) + 2 * (df * density - spread) / (df - 1)
