"""`IntervalEstimate`, and how the bootstrap makes one."""

import abc
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import _check
from .._config import Config
from .._typing import Key


class IntervalEstimate(NamedTuple):
    """A value and its bootstrap interval; trees of numbers, as the value is.

    value is that of all data; low and high are the ends of the interval; error is the standard
    deviation of the resampled values.
    """

    value: Any
    low: Any
    high: Any
    error: Any


class Ends(Config):
    """How the ends of an interval are read from resampled values."""

    @classmethod
    def _remedy(cls, value: Any) -> str:
        return "Say which: `evaluation.BCa()` or `evaluation.Percentile()`."

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What scipy calls it."""


class Percentile(Ends):
    """The quantiles of the resampled values.

    Example:
        >>> from jaxrnn import evaluation
        >>> evaluation.Percentile()
        Percentile()
    """

    @property
    def name(self) -> str:
        return "percentile"


class BCa(Ends):
    """Quantiles that correct for bias and skewness, bias-corrected and accelerated.

    Reference:
        Efron (1987), Better Bootstrap Confidence Intervals, Journal of the American Statistical
        Association 82

    Example:
        >>> from jaxrnn import evaluation
        >>> evaluation.BCa()
        BCa()
    """

    @property
    def name(self) -> str:
        return "BCa"


def check_resampling(who: str, key: Key, level: float, resamples: int) -> None:
    """Raise for a level outside (0, 1), too few resamples, and several keys."""
    _check.one_key(who, key)
    _check.integers(who, 2, resamples=resamples)
    if not 0 < level < 1:
        raise ValueError(f"{who}: level must lie in (0, 1), such as 0.95, got {level}.")


def estimate(
    samples: tuple[np.ndarray, ...],
    statistic: Callable[..., np.ndarray],
    key: Key,
    *,
    level: float,
    resamples: int,
    ends: Ends,
) -> tuple[np.ndarray, ...]:
    """Value, low, high and error, `[values]` each.

    Args:
        samples: each `[n]`, drawn from on its own.
        statistic: of samples `[..., n]`, gives `[..., values]`.
        key: for random numbers.
        level: of the interval.
        resamples: how many.
        ends: how the interval is read.
    """
    from scipy.stats import bootstrap

    seed = np.asarray(jax.random.key_data(key)).ravel()
    whole = np.atleast_1d(statistic(*samples))
    seen: dict[bytes, np.ndarray] = {}

    def values(*drawn: np.ndarray) -> np.ndarray:
        # Every value comes from the same resamples: they are evaluated once.
        mark = b"".join(part.tobytes() + repr(part.shape).encode() for part in drawn)
        if mark not in seen:
            seen[mark] = np.asarray(statistic(*drawn))
        return seen[mark]

    columns = []
    for k in range(whole.size):

        def one(*drawn: np.ndarray, axis: int = -1, k: int = k) -> np.ndarray:
            return values(*(np.moveaxis(part, axis, -1) for part in drawn))[..., k]

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # where an interval is not defined, its ends are NaN
            found = bootstrap(
                samples,
                one,
                n_resamples=resamples,
                batch=100,
                vectorized=True,
                confidence_level=level,
                method=ends.name,
                random_state=np.random.default_rng(seed),
            )
        interval = found.confidence_interval
        if np.ptp(found.bootstrap_distribution) == 0:
            interval = whole[k], whole[k]
        columns.append((whole[k], interval[0], interval[1], found.standard_error))
    return tuple(np.array(column) for column in zip(*columns, strict=True))
