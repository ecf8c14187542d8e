"""How predictions are put into bins of confidence."""

import abc
import math
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config
from .._typing import Array


class Binning(Config):
    """A way to put predictions into bins by their confidence.

    What is kept are sums over `cells` equal intervals of `[0, 1]`, which add; `pool` makes the bins
    of them.
    """

    @classmethod
    def _remedy(cls, value: Any) -> str:
        return "Say how many bins, and which: `metrics.EqualWidth(15)`."

    @property
    @abc.abstractmethod
    def cells(self) -> int:
        """How many equal intervals of confidence are told apart."""

    @abc.abstractmethod
    def pool(self, count: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        """Sums over bins `[bins]`, of those over cells `[cells]`; `count` says how they fill."""


class EqualWidth(Binning):
    """Bins of equal width: `[k / bins, (k + 1) / bins)`, and the last one with 1.

    Attributes:
        bins: how many.

    Example:
        >>> from jaxrnn import metrics
        >>> metrics.EqualWidth()
        EqualWidth(bins=15)
    """

    bins: int = jax.tree.static(default=15)

    def __post_init__(self) -> None:
        _check.sizes("EqualWidth", bins=self.bins)

    @property
    def cells(self) -> int:
        return self.bins

    def pool(self, count: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        return sums


class EqualMass(Binning):
    """Bins that hold equally many predictions each, as closely as `resolution` tells them apart.

    The bins are cut out of about `resolution` intervals of equal width. Where a border falls into
    an interval, what it holds is divided in proportion, as if it were all alike.

    Attributes:
        bins: how many.
        resolution: how many intervals of confidence are told apart, at least.

    Example:
        >>> from jaxrnn import metrics
        >>> metrics.EqualMass(10)
        EqualMass(bins=10, resolution=1024)
    """

    bins: int = jax.tree.static(default=15)
    resolution: int = jax.tree.static(default=1024)

    def __post_init__(self) -> None:
        _check.sizes("EqualMass", bins=self.bins, resolution=self.resolution)

    @property
    def cells(self) -> int:
        return self.resolution

    def pool(self, count: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        """The share of every interval that falls into each bin, times its sums."""
        total = jnp.sum(count)
        ends = jnp.cumsum(count) / jnp.where(total == 0, 1, total)
        begins = jnp.concatenate([jnp.zeros_like(ends[:1]), ends[:-1]])
        edges = jnp.arange(1, self.bins, dtype=ends.dtype) / self.bins
        # The outermost bins are open, so that rounding leaves nothing out.
        edges = jnp.concatenate([jnp.array([-math.inf]), edges, jnp.array([math.inf])])
        shape = self.bins, self.cells
        ends, begins = jnp.broadcast_to(ends, shape), jnp.broadcast_to(begins, shape)
        above = jnp.broadcast_to(edges[1:, None], shape)
        below = jnp.broadcast_to(edges[:-1, None], shape)
        overlap = jnp.maximum(jnp.minimum(ends, above) - jnp.maximum(begins, below), 0)
        share = overlap / jnp.where(ends == begins, 1, ends - begins)
        return tuple(jnp.sum(share * jnp.broadcast_to(values, shape), axis=-1) for values in sums)


def check_binning(who: str, binning: Any) -> None:
    """Raise unless it is a binning."""
    _check.kind(who, "binning", binning, Binning)
