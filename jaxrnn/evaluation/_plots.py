"""Pictures of how stable runs are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _check
from .._checked import checked
from ._estimate import IntervalEstimate
from ._stability import PerformanceProfile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
else:
    Axes = Any


@checked
def plot_profiles(
    profiles: Mapping[str, PerformanceProfile], *, xlabel: str = "score", axes: "Axes | None" = None
) -> "Axes":
    """Draw performance profiles with their bands.

    Args:
        profiles: for each name, what `performance_profile` gave.
        xlabel: what the scores are.
        axes: where to draw; axes of a new figure, where not given.

    Returns:
        The axes; `axes.figure.savefig(path)` writes them.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: for what is no profile.
        ValueError: for nothing to draw.

    Example:
        >>> import jax, numpy as np
        >>> from jaxrnn import evaluation
        >>> losses = np.array([[1.0, 2.0, 3.0, 4.0]])
        >>> profile = evaluation.performance_profile(losses, jax.random.key(0), resamples=50)
        >>> axes = evaluation.plot_profiles({"GRU": profile}, xlabel="loss")
        >>> axes.get_ylabel()
        'share of the runs that are better'
    """
    axes = _start("plot_profiles", "profiles", profiles, PerformanceProfile, axes)
    for name, profile in profiles.items():
        (line,) = axes.step(profile.thresholds, profile.share, where="post", label=name)
        axes.fill_between(
            profile.thresholds,
            profile.low,
            profile.high,
            step="post",
            color=line.get_color(),
            alpha=0.15,
            linewidth=0,
        )
    axes.set(xlabel=xlabel, ylabel="share of the runs that are better", ylim=(-0.02, 1.02))
    axes.legend(frameon=False)
    return axes


@checked
def plot_intervals(
    estimates: Mapping[str, IntervalEstimate], *, xlabel: str = "score", axes: "Axes | None" = None
) -> "Axes":
    """Draw values with their intervals, one below the other.

    Args:
        estimates: for each name, an `IntervalEstimate` of one number.
        xlabel: what the values are.
        axes: where to draw; axes of a new figure, where not given.

    Returns:
        The axes; `axes.figure.savefig(path)` writes them.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: for what is no estimate.
        ValueError: for nothing to draw, and for an estimate of several numbers.

    Example:
        >>> from jaxrnn import evaluation
        >>> of_gru = evaluation.IntervalEstimate(1.0, low=0.8, high=1.3, error=0.1)
        >>> axes = evaluation.plot_intervals({"GRU": of_gru})
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['GRU']
    """
    axes = _start("plot_intervals", "estimates", estimates, IntervalEstimate, axes)
    for row, (name, found) in enumerate(estimates.items()):
        if any(np.shape(part) != () for part in found):
            raise ValueError(f"plot_intervals: {name!r} must be an estimate of one number.")
        axes.plot([float(found.low), float(found.high)], [row, row], linewidth=6, alpha=0.35)
        axes.plot([float(found.value)], [row], "|", color="black", markersize=12)
    axes.set_yticks(range(len(estimates)), [*estimates])
    axes.set_ylim(len(estimates) - 0.5, -0.5)
    axes.set_xlabel(xlabel)
    return axes


def _start(who: str, name: str, given: Mapping[str, Any], kind: type, axes: Any) -> Any:
    """The axes to draw on, after a look at what is drawn."""
    if not given:
        raise ValueError(f"{who}: {name} holds nothing to draw.")
    for key, value in given.items():
        _check.kind(who, f"{name}[{key!r}]", value, kind)
    if axes is not None:
        return axes
    from matplotlib.figure import Figure

    return Figure((6, 4), layout="constrained").subplots()
