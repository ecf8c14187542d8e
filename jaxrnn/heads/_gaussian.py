"""`Gaussian`: a mean and a scale."""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri

from .. import _check
from .._typing import Array, Key, Leaf
from ._head import Head
from ._positive import check_floor, positive


class Gaussian(Head):
    r"""A normal distribution of every coordinate.

        theta    = (m, s)
        mu       = m,  sigma = floor + softplus(s)
        log p(y) = -z^2 / 2 - log sigma - log(2 pi) / 2,  z = (y - mu) / sigma
        CRPS     = sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi))

    `floor` is in the unit of the targets, and a new network's scale is about 1: standardise them.
    Targets, `mu` and `sigma` times `c` add `log c` to the loss and multiply the CRPS by `c`.

    Shapes: outputs `[T, *batch, dim * 2]`, targets `[T, *batch, dim]`.

    Attributes:
        dim: how many coordinates a target has.
        floor: the least standard deviation, above 0.

    Raises:
        TypeError: for outputs or targets that are not real floating numbers.
        ValueError: for shapes that do not fit, and a floor that is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> head, outputs = heads.Gaussian(), jnp.array([[1.0, 0.5413249]])
        >>> print(head.mean(outputs), head.variance(outputs).round(3))
        [[1.]] [[1.]]
        >>> low, high = head.interval(outputs, 0.8)
        >>> print(f"{low[0, 0]:.3f} {high[0, 0]:.3f}")
        -0.282 2.282
    """

    dim: int = jax.tree.static(default=1)
    floor: Leaf = 1e-6

    def __post_init__(self) -> None:
        _check.sizes("Gaussian", dim=self.dim)
        check_floor("Gaussian", floor=self.floor)

    @property
    def parameters(self) -> int:
        return 2

    def log_prob_at(self, theta: Array, y: Array) -> Array:
        mu, sigma = self._moments(theta)
        return -0.5 * ((y - mu) / sigma) ** 2 - jnp.log(sigma) - 0.5 * math.log(2 * math.pi)

    def mean_at(self, theta: Array) -> Array:
        return theta[..., 0]

    def variance_at(self, theta: Array) -> Array:
        return self._moments(theta)[1] ** 2

    def entropy_at(self, theta: Array) -> Array:
        return jnp.log(self._moments(theta)[1]) + 0.5 * math.log(2 * math.pi * math.e)

    def sample_at(self, key: Key, theta: Array) -> Array:
        mu, sigma = self._moments(theta)
        return mu + sigma * jax.random.normal(key, mu.shape, mu.dtype)

    def cdf_at(self, theta: Array, y: Array) -> Array:
        mu, sigma = self._moments(theta)
        return ndtr((y - mu) / sigma)

    def quantile_at(self, theta: Array, levels: Array) -> Array:
        mu, sigma = self._moments(theta)
        return mu + sigma * ndtri(levels)

    def crps_at(self, theta: Array, y: Array) -> Array:
        mu, sigma = self._moments(theta)
        return _absolute(y - mu, sigma) - sigma / math.sqrt(math.pi)

    def absolute_error_at(self, theta: Array, y: Array) -> Array:
        mu, sigma = self._moments(theta)
        return _absolute(y - mu, sigma)

    def absolute_difference_at(self, theta: Array, other: Array) -> Array:
        (mu, sigma), (nu, tau) = self._moments(theta), self._moments(other)
        return _absolute(mu - nu, jnp.sqrt(sigma**2 + tau**2))

    def _moments(self, theta: Array) -> tuple[Array, Array]:
        return theta[..., 0], positive(theta[..., 1], self.floor)


def _absolute(mu: Array, sigma: Array) -> Array:
    """The mean absolute value of a Gaussian."""
    z = mu / sigma
    density = jnp.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return mu * (2 * ndtr(z) - 1) + 2 * sigma * density
