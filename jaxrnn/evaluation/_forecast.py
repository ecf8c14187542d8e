"""Forecasts that are distributions, by samples or by quantiles; a head is one too."""

import abc
import math
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._config import Config
from .._numerics import real
from .._typing import Array
from ..heads import Head, Interval


class Forecast(Config):
    """Outputs that are a distribution of each coordinate, without a head to read them.

    Outputs are `[T, *batch, dim, m]`, m numbers for each coordinate of the targets,
    `[T, *batch, dim]`.
    """

    @classmethod
    def _remedy(cls, value: Any) -> str:
        return "Say what the outputs are: a head, `evaluation.Samples()` or `Quantiles(levels)`."

    @abc.abstractmethod
    def crps(self, outputs: Any, targets: Any) -> Array:
        """The continuous ranked probability score of each coordinate, `[T, *batch, dim]`."""

    @abc.abstractmethod
    def quantile(self, outputs: Any, levels: Any) -> Array:
        """The quantiles at concrete levels `[n]`, `[T, *batch, dim, n]`."""

    def interval(self, outputs: Any, level: float) -> Interval:
        """The quantiles `(1 - level) / 2` and `(1 + level) / 2`."""
        ends = self.quantile(outputs, np.array([(1 - level) / 2, (1 + level) / 2]))
        return Interval(ends[..., 0], ends[..., 1])


Distribution: TypeAlias = Head | Forecast


class Samples(Forecast):
    r"""Outputs `[T, *batch, dim, m]` that are m draws of the targets: an ensemble.

        CRPS = mean_i |x_i - y| - mean_ij |x_i - x_j| / 2

    over all m^2 pairs: the score of the distribution that has a share of 1 / m at each draw. In the
    mean it is larger than that of the distribution they come from, by 1 / m of its spread term.
    Quantiles interpolate between the sorted draws, as those of numpy do.

    Reference:
        Gneiting & Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation,
        https://doi.org/10.1198/016214506000001437

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> draws = jnp.array([[[0.0, 1.0, 2.0, 3.0]]])
        >>> print(evaluation.Samples().crps(draws, jnp.array([[2.0]])))
        [[0.375]]
    """

    def crps(self, outputs: Any, targets: Any) -> Array:
        x, y = read_forecast("Samples", outputs, targets)
        m = x.shape[-1]
        # Of sorted draws, the i-th is the larger one of i - 1 pairs and the smaller of m - i.
        rank = jnp.asarray((2 * np.arange(m) + 1 - m) / m**2, x.dtype)
        spread = jnp.sum(jnp.sort(x, axis=-1) * jnp.broadcast_to(rank, x.shape), axis=-1)
        return jnp.mean(jnp.abs(x - y[..., None]), axis=-1) - spread

    def quantile(self, outputs: Any, levels: Any) -> Array:
        x = read_draws("Samples", outputs)
        return jnp.moveaxis(jnp.quantile(x, jnp.asarray(levels, x.dtype), axis=-1), 0, -1)


class Quantiles(Forecast):
    r"""Outputs `[T, *batch, dim, levels]` that are the quantiles at these levels.

        CRPS = 2 mean_j max(t_j u_j, (t_j - 1) u_j),  u_j = y - q_j

    the mean pinball loss, twice, which comes to the CRPS as the levels become many and even.
    Quantiles at other levels are not known, and refused. For the head `heads.Quantile` pass the
    head itself, which knows what the raw outputs mean.

    Attributes:
        levels: a tuple of levels in (0, 1), rising.

    Raises:
        ValueError: for levels that do not rise within (0, 1).

    Reference:
        Gneiting & Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation,
        https://doi.org/10.1198/016214506000001437

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> forecast = evaluation.Quantiles((0.1, 0.5, 0.9))
        >>> print(forecast.crps(jnp.array([[[0.0, 1.0, 2.0]]]), jnp.array([[1.0]])).round(3))
        [[0.133]]
    """

    levels: tuple[float, ...] = jax.tree.static()

    def __post_init__(self) -> None:
        check_levels("Quantiles", self.levels)

    def crps(self, outputs: Any, targets: Any) -> Array:
        q, y = read_forecast("Quantiles", self._known(outputs), targets)
        return 2 * jnp.mean(pinball_of(q, y, self.levels), axis=-1)

    def quantile(self, outputs: Any, levels: Any) -> Array:
        q = self._known(outputs)
        found = [self._index(float(level)) for level in np.atleast_1d(levels)]
        return q[..., np.array(found)]

    def _known(self, outputs: Any) -> Array:
        q = read_draws("Quantiles", outputs)
        if q.shape[-1] != len(self.levels):
            raise ValueError(
                f"Quantiles: outputs must be [T, *batch, dim, {len(self.levels)}], a quantile for "
                f"each of the levels {self.levels}, got {_check.describe(q)}."
            )
        return q

    def _index(self, level: float) -> int:
        near = [i for i, own in enumerate(self.levels) if math.isclose(own, level, rel_tol=1e-9)]
        if not near:
            raise ValueError(
                f"Quantiles: there is no quantile at {level:g} among the levels {self.levels}. Ask "
                "for one of them; an interval of level c has its ends at (1 - c) / 2 and "
                "(1 + c) / 2."
            )
        return near[0]


def check_levels(who: str, levels: Any) -> None:
    """Raise unless levels rise within (0, 1)."""
    numbers = isinstance(levels, tuple) and all(isinstance(t, float) for t in levels)
    if not numbers:
        raise TypeError(f"{who}: levels must be a tuple such as (0.1, 0.5, 0.9), got {levels!r}.")
    if not levels or not (levels[0] > 0 and levels[-1] < 1 and all(np.diff(levels) > 0)):
        raise ValueError(f"{who}: levels must rise within (0, 1), got {levels}.")


def pinball_of(q: Array, y: Array, levels: tuple[float, ...]) -> Array:
    """The pinball loss of quantiles `[..., n]` at `levels`."""
    u = y[..., None] - q
    t = jnp.broadcast_to(jnp.asarray(levels, u.dtype), u.shape)
    return jnp.maximum(t * u, (t - 1) * u)


def read_draws(who: str, outputs: Any) -> Array:
    """Outputs `[*steps, dim, m]`, or raise."""
    _check.one_array(who, outputs=outputs)
    x = real(who, "outputs", outputs)
    if x.ndim < 2 or x.shape[-1] == 0:
        raise ValueError(
            f"{who}: outputs must be [T, *batch, dim, m], with at least one number for each "
            f"coordinate, got {_check.describe(x)}."
        )
    return x


def read_forecast(who: str, outputs: Any, targets: Any) -> tuple[Array, Array]:
    """Outputs `[*steps, dim, m]` and targets `[*steps, dim]` of their dtype, or raise."""
    x = read_draws(who, outputs)
    _check.one_array(who, targets=targets)
    y = real(who, "targets", targets)
    if y.shape != x.shape[:-1]:
        raise ValueError(
            f"{who}: targets must be [T, *batch, dim] = {x.shape[:-1]} beside outputs {x.shape}, "
            f"got {_check.describe(y)}."
        )
    return x, y.astype(x.dtype)
