"""`sensitivity`: which of the settings a score depends on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._checked import checked
from .._kinds import shown
from .._typing import ArrayLike
from ._runs import Diverged, LeftOut, read_runs, read_scores


class Sensitivity(NamedTuple):
    """Shares of the variance of all runs; `settings`, `interactions` and `seeds` sum to 1.

    settings has that of each setting's main effect; interactions what settings do together beyond
    that; seeds what is left within a setting. effects holds, for each setting, the mean score at
    each of its values, over all else.
    """

    settings: dict[str, float]
    interactions: float
    seeds: float
    effects: dict[str, np.ndarray]


@checked
def sensitivity(
    scores: ArrayLike, names: Sequence[str], *, diverged: Diverged | None = None
) -> Sensitivity:
    r"""How much of the variance of the scores each setting explains, alone and with others.

        share_i = Var_{x_i}(E[score | x_i]) / Var(score)

    the first-order index of Sobol, of the values that were tried, each as often as the others: the
    analysis of variance of a balanced design, exact with no model. A setting matters more where
    its values lie further apart, so the shares say how much of *this* sweep it explains. Seeds that
    explain much mean that differences between settings may be chance: with n seeds, chance alone
    gives a setting with k values about a share of (k - 1) / (runs - 1).

    Args:
        scores: `[*settings, seeds]`, an axis for each setting, as `runs_of` makes it; NaN or
            infinite where a run diverged.
        names: those of the settings, in the order of the axes.
        diverged: `CountedAs(score)`; needed where a run diverged.

    Raises:
        TypeError: for scores that are no real numbers, and names that are no list of strings.
        ValueError: for names that do not fit the axes, fewer than two seeds, runs that diverged and
            are not counted (a table with holes is not balanced), and scores that are all equal.

    Reference:
        Sobol (1993), Sensitivity Estimates for Nonlinear Mathematical Models; Fisher (1925)

    Example:
        >>> import numpy as np
        >>> from jaxrnn import evaluation
        >>> leak, seed = np.array([[0.0], [4.0]]), np.array([[-1.0, 1.0]])
        >>> found = evaluation.sensitivity(leak + seed, ["leak"])
        >>> found.settings, found.interactions, found.seeds
        ({'leak': 0.8}, 0.0, 0.2)
        >>> found.effects["leak"].tolist()
        [0.0, 4.0]
    """
    who = "sensitivity"
    shape = read_scores(who, scores).shape
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise TypeError(f"{who}: names must be a list of names, got {shown(names)}.")
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"{who}: names must be strings, got {shown(names)}.")
    if len(names) != len(shape) - 1 or len({*names}) != len(names):
        raise ValueError(
            f"{who}: names must hold one name for each axis before the seeds, {len(shape) - 1} for "
            f"scores {shape}, no two alike, got {names!r}."
        )
    if isinstance(diverged, LeftOut):
        raise ValueError(
            f"{who}: a table with holes has no balanced shares. Count the runs that diverged: "
            "`evaluation.CountedAs(worst)`."
        )
    table = np.stack(read_runs(who, scores, diverged)).reshape(shape)
    total = table.var()
    if total == 0:
        raise ValueError(f"{who}: all scores are equal, {table.flat[0]:g}: there is no variance.")
    cells = table.mean(-1)
    effects = {
        name: cells.mean(tuple(a for a in range(cells.ndim) if a != axis))
        for axis, name in enumerate(names)
    }
    shares = {name: float(effect.var() / total) for name, effect in effects.items()}
    seeds = float(table.var(-1).mean() / total)
    rest = float(cells.var() / total) - sum(shares.values())
    # Of a single setting nothing is left but rounding.
    return Sensitivity(shares, max(rest, 0.0) if cells.ndim > 1 else 0.0, seeds, effects)
