"""How good runs are, and how alike, over seeds and settings."""

import operator
from typing import Any, NamedTuple

import numpy as np

from .. import _host
from .._checked import checked
from .._typing import ArrayLike, Key
from ._estimate import IntervalEstimate, Percentile, check_resampling, estimate
from ._runs import Better, Diverged, check_better, read_runs, read_scores


class Stability(NamedTuple):
    """What `stability` reports: plain numbers, and an `IntervalEstimate` of each mean."""

    interquartile_mean: IntervalEstimate
    mean: IntervalEstimate
    median: float
    best: float
    worst: float
    spread: float
    """Standard deviation over the seeds of a setting, pooled over the settings."""
    diverged: float
    """The share of the runs that have diverged."""
    runs: int


@checked
def interquartile_mean(
    scores: ArrayLike,
    key: Key,
    *,
    diverged: Diverged | None = None,
    level: float = 0.95,
    resamples: int = 2000,
) -> IntervalEstimate:
    """The mean of the middle half of all runs, with an interval over the seeds.

    A quarter of the runs is cut at each end, of n runs `n // 4`, so that single bad or lucky runs
    do not sway it; it uses more of the runs than the median. The bootstrap is stratified: it draws
    seeds with replacement within each setting, and the interval is of percentiles.

    Args:
        scores: `[*settings, seeds]`, NaN or infinite where a run diverged.
        key: for random numbers.
        diverged: `CountedAs(score)` or `LeftOut()`; needed where a run diverged.
        level: how often the interval should hold the truth.
        resamples: how many.

    Raises:
        TypeError: for scores that are no real numbers.
        ValueError: for fewer than two seeds, runs that diverged where nothing is said of them, a
            level outside (0, 1), and fewer than two resamples.

    Reference:
        Agarwal et al. (2021), Deep Reinforcement Learning at the Edge of the Statistical Precipice,
        https://arxiv.org/abs/2108.13264

    Example:
        >>> import jax, numpy as np
        >>> from jaxrnn import evaluation
        >>> scores = np.array([[0.1, 0.9, 0.8, 0.8], [0.8, 0.8, 0.8, 5.0]])
        >>> found = evaluation.interquartile_mean(scores, jax.random.key(0), resamples=100)
        >>> print(f"{found.value:.2f}")
        0.80
    """
    return _of_runs("interquartile_mean", _trimmed, scores, key, diverged, level, resamples)


@checked
def stability(
    scores: ArrayLike,
    key: Key,
    *,
    diverged: Diverged | None = None,
    better: Better = operator.lt,
    level: float = 0.95,
    resamples: int = 2000,
) -> Stability:
    """Runs in numbers: interquartile mean and mean with intervals, extremes, share diverged.

    Args:
        scores: `[*settings, seeds]`, NaN or infinite where a run diverged.
        key: for random numbers.
        diverged: `CountedAs(score)` or `LeftOut()`; needed where a run diverged.
        better: `operator.lt` where smaller scores are better, `operator.gt` where larger ones are.
        level: of the intervals.
        resamples: how many.

    Raises:
        TypeError: for scores that are no real numbers.
        ValueError: as `interquartile_mean`, and for another comparison.

    Example:
        >>> import jax, numpy as np
        >>> from jaxrnn import evaluation
        >>> losses = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 4.0]])
        >>> found = evaluation.stability(losses, jax.random.key(0), resamples=100)
        >>> found.best, found.worst, found.median, found.diverged
        (1.0, 4.0, 1.5, 0.0)
    """
    larger = check_better("stability", better)
    groups = read_runs("stability", scores, diverged)
    array = read_scores("stability", scores)
    values = np.concatenate(groups)
    lowest, highest = float(values.min()), float(values.max())
    free = sum(len(group) - 1 for group in groups)
    within = sum(((group - group.mean()) ** 2).sum() for group in groups)
    mean, middle = (
        _of_runs("stability", statistic, scores, key, diverged, level, resamples)
        for statistic in (np.mean, _trimmed)
    )
    return Stability(
        interquartile_mean=middle,
        mean=mean,
        median=float(np.median(values)),
        best=highest if larger else lowest,
        worst=lowest if larger else highest,
        spread=float(np.sqrt(within / free)),
        diverged=float(np.mean(~np.isfinite(array))),
        runs=array.size,
    )


class PerformanceProfile(NamedTuple):
    """What `performance_profile` reports, `[thresholds]` each."""

    thresholds: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


@checked
def performance_profile(
    scores: ArrayLike,
    key: Key,
    thresholds: ArrayLike | None = None,
    *,
    diverged: Diverged | None = None,
    better: Better = operator.lt,
    level: float = 0.95,
    resamples: int = 2000,
) -> PerformanceProfile:
    """The share of the runs that are better than each threshold, with a band over the seeds.

    The whole distribution of the scores: where one method's profile lies above another's at every
    threshold, it is better throughout. A score equal to the threshold is not better.

    Args:
        scores: `[*settings, seeds]`, NaN or infinite where a run diverged.
        key: for random numbers.
        thresholds: `[thresholds]`; by default 101 from the lowest score to the highest.
        diverged: `CountedAs(score)` or `LeftOut()`; needed where a run diverged.
        better: `operator.lt` where smaller scores are better, `operator.gt` where larger ones are.
        level: of the band, at each threshold alone.
        resamples: how many, of seeds within each setting.

    Raises:
        TypeError: for scores and thresholds that are no real numbers.
        ValueError: as `interquartile_mean`, for another comparison, and for thresholds that are no
            row of finite numbers.

    Reference:
        Agarwal et al. (2021), https://arxiv.org/abs/2108.13264; Dolan & Moré (2002), Benchmarking
        Optimization Software with Performance Profiles, Mathematical Programming 91

    Example:
        >>> import jax, numpy as np, operator
        >>> from jaxrnn import evaluation
        >>> accuracies = np.array([[0.5, 0.7, 0.9, 0.9]])
        >>> profile = evaluation.performance_profile(
        ...     accuracies, jax.random.key(0), [0.4, 0.6, 0.8], better=operator.gt, resamples=100)
        >>> profile.share.tolist()
        [1.0, 0.75, 0.5]
    """
    who = "performance_profile"
    check_better(who, better)
    values = np.concatenate(read_runs(who, scores, diverged))
    if thresholds is None:
        marks = np.linspace(values.min(), values.max(), 101)
    else:
        marks = _host.read(who, "thresholds", thresholds).astype(float)
    if marks.ndim != 1 or not marks.size or not np.isfinite(marks).all():
        raise ValueError(f"{who}: thresholds must be a row of finite numbers, got {marks}.")

    def share(pooled: np.ndarray, axis: int) -> np.ndarray:
        return np.stack([better(pooled, mark).mean(axis) for mark in marks], -1)

    found = _of_runs(who, share, scores, key, diverged, level, resamples)
    return PerformanceProfile(marks, *(np.atleast_1d(part) for part in found[:3]))


@checked
def probability_of_improvement(
    scores: ArrayLike,
    others: ArrayLike,
    key: Key,
    *,
    diverged: Diverged | None = None,
    better: Better = operator.lt,
    level: float = 0.95,
    resamples: int = 2000,
) -> IntervalEstimate:
    """How probable it is that a run of one method is better than a run of another.

    For each setting the share of the pairs of runs in which the first one is better, ties counting
    half, which is the statistic of Mann and Whitney; then the mean over the settings. 0.5 says that
    neither is better. It says nothing of how much better.

    Args:
        scores: those of the first method, `[*settings, seeds]`.
        others: those of the second one, with the same settings; the seeds may be others.
        key: for random numbers.
        diverged: `CountedAs(score)` or `LeftOut()`; needed where a run diverged.
        better: `operator.lt` where smaller scores are better, `operator.gt` where larger ones are.
        level: of the interval.
        resamples: how many, of the seeds within each setting and method.

    Raises:
        TypeError: for scores that are no real numbers.
        ValueError: as `interquartile_mean`, for another comparison, and for other settings.

    Reference:
        Agarwal et al. (2021), https://arxiv.org/abs/2108.13264; Mann & Whitney (1947)

    Example:
        >>> import jax, numpy as np
        >>> from jaxrnn import evaluation
        >>> found = evaluation.probability_of_improvement(
        ...     np.array([[1.0, 2.0]]), np.array([[2.0, 3.0]]), jax.random.key(0), resamples=100)
        >>> print(found.value)
        0.875
    """
    who = "probability_of_improvement"
    check_better(who, better)
    check_resampling(who, key, level, resamples)
    mine, theirs = (read_runs(who, array, diverged) for array in (scores, others))
    shapes = [read_scores(who, array).shape[:-1] for array in (scores, others)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{who}: both need the same settings, got {shapes[0]} and {shapes[1]}.")

    def won(*drawn: np.ndarray) -> np.ndarray:
        pairs = zip(drawn[: len(mine)], drawn[len(mine) :], strict=True)
        shares = [
            (better(a[..., None], b[..., None, :]) + 0.5 * (a[..., None] == b[..., None, :])).mean(
                (-1, -2)
            )
            for a, b in pairs
        ]
        return np.mean(shares, axis=0)[..., None]

    found = estimate(mine + theirs, won, key, level=level, resamples=resamples, ends=Percentile())
    return IntervalEstimate(*(float(part[0]) for part in found))


def _trimmed(values: np.ndarray, axis: Any = None) -> np.ndarray:
    from scipy.stats import trim_mean

    return np.asarray(trim_mean(values, 0.25, axis=axis))


def _of_runs(
    who: str,
    statistic: Any,
    scores: Any,
    key: Key,
    diverged: Diverged | None,
    level: float,
    resamples: int,
) -> IntervalEstimate:
    """A statistic of all runs together, with seeds resampled within each setting."""
    check_resampling(who, key, level, resamples)
    groups = read_runs(who, scores, diverged)

    def pooled(*drawn: np.ndarray) -> np.ndarray:
        values = np.asarray(statistic(np.concatenate(drawn, axis=-1), axis=-1))
        return values if values.ndim == drawn[0].ndim else values[..., None]

    found = estimate(groups, pooled, key, level=level, resamples=resamples, ends=Percentile())
    if len(found[0]) > 1:
        return IntervalEstimate(*found)
    return IntervalEstimate(*(float(part[0]) for part in found))
