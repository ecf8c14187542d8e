"""`Quantile`: a few quantiles, and no density."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._typing import Array, Key
from ..objectives import Objective
from ._head import Head
from ._reading import read_targets


class Quantile(Head):
    r"""Quantiles of every coordinate at given levels, which never cross.

        theta = z, a number for each level t_0 < ... < t_n; m = (n + 1) // 2 is the middle one
        q_m   = z_m
        q_j   = q_(j-1) + softplus(z_j)  above it,  q_j = q_(j+1) - softplus(z_j)  below it

    No form of distribution is assumed. The loss, `Pinball`, makes every quantile right on its own.
    All else is that of the distribution whose quantile function is linear between the levels and
    constant beyond the outer ones: there the first and the last quantile are points of probability
    `t_0` and `1 - t_n`. So moments are those of a distribution with its tails drawn in, and
    `quantile` and `interval` refuse levels beyond the outer ones.

    Targets and quantiles times `c` multiply loss and CRPS by `c`. A new network has gaps of about
    0.7 between quantiles: standardise targets.

    Shapes: outputs `[T, *batch, dim * levels]`, targets `[T, *batch, dim]`.

    Attributes:
        levels: a tuple of levels in (0, 1), rising.
        dim: how many coordinates a target has.

    Raises:
        TypeError: for outputs or targets that are not real floating numbers.
        ValueError: for shapes that do not fit, and levels that do not rise within (0, 1).
        NotImplementedError: for the log-probability and the entropy, which it has none of.

    Reference: R. Koenker & G. Bassett (1978), Regression quantiles,
        https://doi.org/10.2307/1913643

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> head, outputs = heads.Quantile((0.1, 0.5, 0.9)), jnp.zeros((1, 3))
        >>> print(head.quantiles(outputs).round(3))
        [[[-0.693  0.     0.693]]]
        >>> print(f"{head.loss(outputs, jnp.array([[1.0]]))[0]:.3f}")
        0.315
    """

    levels: tuple[float, ...] = jax.tree.static()
    dim: int = jax.tree.static(default=1)

    def __post_init__(self) -> None:
        _check.sizes("Quantile", dim=self.dim)
        if not self.levels:
            raise ValueError("Quantile: needs at least one level, such as (0.1, 0.5, 0.9)")
        if not (self.levels[0] > 0 and self.levels[-1] < 1 and all(np.diff(self.levels) > 0)):
            raise ValueError(f"Quantile: levels must rise within (0, 1), got {self.levels}")

    @property
    def parameters(self) -> int:
        return len(self.levels)

    @property
    def level_range(self) -> tuple[float, float]:
        return self.levels[0], self.levels[-1]

    @property
    def loss(self) -> Objective:
        """What is minimised, in training: `Pinball`."""
        return Pinball(self)

    def quantiles(self, outputs: Any) -> Array:
        """The quantiles at the head's own levels, `[T, *batch, dim, levels]`."""
        return self.quantiles_at(self._theta(outputs))

    def quantiles_at(self, theta: Array) -> Array:
        """The quantiles at the head's own levels, `[..., levels]`."""
        middle = len(self.levels) // 2
        gaps = jax.nn.softplus(theta)
        start = theta[..., middle : middle + 1]
        above = start + jnp.cumsum(gaps[..., middle + 1 :], axis=-1)
        below = start - jnp.cumsum(gaps[..., :middle][..., ::-1], axis=-1)[..., ::-1]
        return jnp.concatenate([below, start, above], axis=-1)

    def log_prob_at(self, theta: Array, y: Array) -> Array:
        raise self._nothing("density", "Train it with `head.loss`, and score it by `head.crps`.")

    def mean_at(self, theta: Array) -> Array:
        q = self.quantiles_at(theta)
        between = jnp.sum(self._widths(q) * (q[..., :-1] + q[..., 1:]) / 2, axis=-1)
        return between + self._in_tails(q)

    def variance_at(self, theta: Array) -> Array:
        d = self.quantiles_at(theta) - self.mean_at(theta)[..., None]
        low, high = d[..., :-1], d[..., 1:]
        between = jnp.sum(self._widths(d) * (low**2 + low * high + high**2) / 3, axis=-1)
        return between + self._in_tails(d**2)

    def sample_at(self, key: Key, theta: Array) -> Array:
        return self.quantile_at(theta, jax.random.uniform(key, theta.shape[:-1], theta.dtype))

    def cdf_at(self, theta: Array, y: Array) -> Array:
        q = self.quantiles_at(theta)
        low, high = q[..., :-1], q[..., 1:]
        gap = high - low
        way = (y[..., None] - low) / jnp.where(gap == 0, 1, gap)
        passed = (y[..., None] >= low).astype(q.dtype)
        way = jnp.where(gap == 0, passed, jnp.clip(way, 0, 1))
        between = self.levels[0] + jnp.sum(self._widths(q) * way, axis=-1)
        return jnp.where(y < q[..., 0], 0, jnp.where(y >= q[..., -1], 1, between))

    def quantile_at(self, theta: Array, levels: Array) -> Array:
        q = self.quantiles_at(theta)
        start = jnp.asarray(self.levels[:-1], q.dtype)
        start = jnp.broadcast_to(start, (*levels.shape, start.size))
        way = jnp.clip((levels[..., None] - start) / self._widths(q), 0, 1)
        return q[..., 0] + jnp.sum(jnp.diff(q, axis=-1) * way, axis=-1)

    def absolute_error_at(self, theta: Array, y: Array) -> Array:
        d = self.quantiles_at(theta) - y[..., None]
        low, high = d[..., :-1], d[..., 1:]
        inside = (low < 0) & (high > 0)
        gap = jnp.where(inside, high - low, 1)
        across = (low**2 + high**2) / (2 * gap)
        mean = jnp.where(inside, across, jnp.abs(low + high) / 2)
        return jnp.sum(self._widths(d) * mean, axis=-1) + self._in_tails(jnp.abs(d))

    def crps_at(self, theta: Array, y: Array) -> Array:
        # Half the mean difference of two draws is the integral of F (1 - F).
        t = np.asarray(self.levels)
        share = np.diff(t**2 / 2 - t**3 / 3) / np.diff(t)
        gaps = jnp.diff(self.quantiles_at(theta), axis=-1)
        spread = jnp.sum(gaps * jnp.broadcast_to(jnp.asarray(share, gaps.dtype), gaps.shape), -1)
        return self.absolute_error_at(theta, y) - spread

    def _widths(self, like: Array) -> Array:
        """The probability between each level and the next."""
        widths = jnp.asarray(np.diff(self.levels), like.dtype)
        return jnp.broadcast_to(widths, (*like.shape[:-1], widths.size))

    def _in_tails(self, values: Array) -> Array:
        return self.levels[0] * values[..., 0] + (1 - self.levels[-1]) * values[..., -1]


class Pinball(Objective):
    r"""Pinball loss of the quantiles of a head: $\max(t u, (t - 1) u)$ with $u = y - q_t$.

    Averaged over the levels, and summed over the coordinates of a step; in the unit of the targets.
    At its minimum a share `t` of the targets lies below $q_t$. With many even levels twice the loss
    is the CRPS. `head.loss` makes it.

    Shapes: outputs and targets those of the head.

    Attributes:
        head: the quantiles.

    Raises:
        TypeError: for outputs or targets that are not real floating numbers.
        ValueError: for shapes that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> loss = heads.Pinball(heads.Quantile((0.75,)))
        >>> print(loss(jnp.array([[0.0], [0.0]]), jnp.array([[1.0], [-1.0]])))
        [0.75 0.25]
    """

    head: Quantile

    def values(self, outputs: Any, targets: Any) -> Array:
        head = self.head
        theta = head._theta(outputs)
        u = read_targets(head, theta, targets)[..., None] - head.quantiles_at(theta)
        t = jnp.broadcast_to(jnp.asarray(head.levels, u.dtype), u.shape)
        return jnp.sum(jnp.mean(jnp.maximum(t * u, (t - 1) * u), axis=-1), axis=-1)
