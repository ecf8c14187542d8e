"""`Bernoulli`: yes or no."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Array, Key
from ..information import binary_entropy
from ._head import Head


class Bernoulli(Head):
    r"""Yes or no, 1 or 0, in every coordinate, from its logit.

        theta    = (z)
        p        = sigmoid(z)
        log p(1) = -softplus(-z),  log p(0) = -softplus(z)

    The loss is that of `objectives.MultiLabelCrossEntropy()`, and the CRPS is the Brier score
    $(y - p)^2$. A logit of `-inf` makes a 1 impossible.

    Shapes: outputs and targets `[T, *batch, dim]`; targets are bool, or the numbers 0 and 1.

    Attributes:
        dim: how many coordinates a target has.

    Raises:
        TypeError: for logits that are not real floating numbers.
        ValueError: for shapes that do not fit, and targets other than 0 and 1 where they can be
            read.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> head, outputs = heads.Bernoulli(), jnp.array([[0.0], [20.0]])
        >>> print(head.log_prob(outputs, jnp.array([[True], [False]])).round(3))
        [ -0.693 -20.   ]
    """

    discrete = True
    support = "0 or 1"
    dim: int = jax.tree.static(default=1)

    def __post_init__(self) -> None:
        _check.sizes("Bernoulli", dim=self.dim)

    @property
    def parameters(self) -> int:
        return 1

    def supports(self, y: Any) -> Any:
        return (y == 0) | (y == 1)

    def log_prob_at(self, theta: Array, y: Array) -> Array:
        z = theta[..., 0]
        return -jax.nn.softplus(jnp.where(y == 1, -z, z))

    def mean_at(self, theta: Array) -> Array:
        return jax.nn.sigmoid(theta[..., 0])

    def variance_at(self, theta: Array) -> Array:
        return jax.nn.sigmoid(theta[..., 0]) * jax.nn.sigmoid(-theta[..., 0])

    def entropy_at(self, theta: Array) -> Array:
        return binary_entropy(theta[..., 0])

    def sample_at(self, key: Key, theta: Array) -> Array:
        return jax.random.bernoulli(key, self.mean_at(theta)).astype(theta.dtype)

    def cdf_at(self, theta: Array, y: Array) -> Array:
        no = jax.nn.sigmoid(-theta[..., 0])
        return jnp.where(y < 0, 0, jnp.where(y < 1, no, jnp.where(y >= 1, 1, jnp.nan)))

    def quantile_at(self, theta: Array, levels: Array) -> Array:
        return (levels > jax.nn.sigmoid(-theta[..., 0])).astype(theta.dtype)

    def absolute_error_at(self, theta: Array, y: Array) -> Array:
        p, q = jax.nn.sigmoid(theta[..., 0]), jax.nn.sigmoid(-theta[..., 0])
        return jnp.abs(y) * q + jnp.abs(1 - y) * p

    def absolute_difference_at(self, theta: Array, other: Array) -> Array:
        y, z = theta[..., 0], other[..., 0]
        first = jax.nn.sigmoid(y) * jax.nn.sigmoid(-z)
        return first + jax.nn.sigmoid(-y) * jax.nn.sigmoid(z)

    def crps_at(self, theta: Array, y: Array) -> Array:
        z = theta[..., 0]
        return jax.nn.sigmoid(jnp.where(y == 1, -z, z)) ** 2
