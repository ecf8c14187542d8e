"""Scores of runs as an array, and what becomes of runs that diverged."""

import abc
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import _check, _host
from .._checked import checked
from .._config import Config
from .._kinds import shown
from .._typing import ArrayLike


class Diverged(Config):
    """What becomes of runs without a finite score."""

    @classmethod
    def _remedy(cls, value: Any) -> str:
        return "Say which: `evaluation.CountedAs(worst)` or `evaluation.LeftOut()`."

    @abc.abstractmethod
    def groups(self, who: str, scores: np.ndarray) -> tuple[np.ndarray, ...]:
        """The scores `[settings, seeds]` that count, of each setting apart."""


class CountedAs(Diverged):
    """A run that diverged has this score, as a rule the worst that there is.

    Attributes:
        score: a finite number, such as `log(classes)` for a loss, or the accuracy of chance.

    Example:
        >>> import jax, numpy as np
        >>> from jaxrnn import evaluation
        >>> losses = np.array([[1.0, 2.0, np.nan], [1.0, 1.0, 1.0]])
        >>> found = evaluation.stability(
        ...     losses, jax.random.key(0), diverged=evaluation.CountedAs(5.0))
        >>> found.worst, round(found.diverged, 3)
        (5.0, 0.167)
    """

    score: float = jax.tree.static()

    def __post_init__(self) -> None:
        if not np.isfinite(self.score):
            raise ValueError(f"CountedAs: score must be finite, got {self.score}.")

    def groups(self, who: str, scores: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(np.where(np.isfinite(scores), scores, self.score))


class LeftOut(Diverged):
    """Runs that diverged are no part of it: what is said holds for those that did not.

    `stability` says how large their share is; it belongs beside any such number.

    Example:
        >>> import jax, numpy as np
        >>> from jaxrnn import evaluation
        >>> losses = np.array([[1.0, 2.0, np.nan], [1.0, 1.0, 1.0]])
        >>> found = evaluation.stability(losses, jax.random.key(0), diverged=evaluation.LeftOut())
        >>> found.worst, round(found.diverged, 3)
        (2.0, 0.167)
    """

    def groups(self, who: str, scores: np.ndarray) -> tuple[np.ndarray, ...]:
        kept = tuple(row[np.isfinite(row)] for row in scores)
        few = [i for i, row in enumerate(kept) if len(row) < 2]
        if few:
            raise ValueError(
                f"{who}: fewer than two runs of setting {few[0]} are left, of "
                f"{scores.shape[1]}, once those that diverged are out. Count them instead: "
                "`evaluation.CountedAs(worst)`."
            )
        return kept


def read_runs(who: str, scores: Any, diverged: Diverged | None) -> tuple[np.ndarray, ...]:
    """The scores of each setting's runs; raises for fewer than two, and for what diverged."""
    if diverged is not None:
        _check.kind(who, "diverged", diverged, Diverged)
    array = read_scores(who, scores)
    if array.shape[-1] < 2:
        raise ValueError(
            f"{who}: needs at least two seeds for each setting, [*settings, seeds], got scores "
            f"{array.shape}. One run says nothing of how much runs differ."
        )
    flat = array.reshape(-1, array.shape[-1])
    if diverged is None:
        lost = int(np.sum(~np.isfinite(flat)))
        if lost:
            raise ValueError(
                f"{who}: {lost} of {flat.size} runs have diverged (NaN or infinite scores). Say "
                "what becomes of them: `diverged=evaluation.CountedAs(worst)`, or "
                "`diverged=evaluation.LeftOut()`, whose results leave that out."
            )
        return tuple(flat)
    return diverged.groups(who, flat)


def read_scores(who: str, scores: Any) -> np.ndarray:
    """Scores `[*settings, seeds]` as numbers of float64, or raise."""
    array = _host.read(who, "scores", scores)
    if np.iscomplexobj(array) or array.dtype == bool:
        raise TypeError(f"{who}: scores must be real numbers, got {array.dtype}.")
    if array.ndim == 0 or not array.size:
        raise ValueError(f"{who}: scores must be [*settings, seeds], got {array.shape}.")
    return array.astype(float)


def check_better(who: str, better: Any) -> bool:
    """Whether larger scores are better; raises for another comparison."""
    if better not in (operator.lt, operator.gt):
        raise ValueError(
            f"{who}: better must be `operator.lt` where smaller scores are better, as losses are, "
            f"or `operator.gt` where larger ones are, got {better!r}."
        )
    return better is operator.gt


Better = Callable[[Any, Any], Any]


class Runs(NamedTuple):
    """Scores of a sweep as a table with an axis for each setting.

    names are those of the settings, in the order of the axes; values the values of each, in the
    order in which they came; scores `[*settings, seeds]`, NaN where a run diverged or there was
    none.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    scores: np.ndarray


@checked
def runs_of(
    settings: Sequence[Mapping[str, Any]], seeds: Sequence[int] | np.ndarray, scores: ArrayLike
) -> Runs:
    """The scores of runs, one after another, as a table `[*settings, seeds]`.

    Of `training.sweep`: `runs_of(swept.settings, swept.seeds, scores)`, with `scores =
    np.where(swept.diverged, np.nan, swept.scores("validation/loss"))`.

    Args:
        settings: what each run was made with, dictionaries of the same names.
        seeds: the seed of each run.
        scores: `[runs]`, NaN where a run diverged.

    Raises:
        TypeError: for settings that are no list of dictionaries, seeds that are no integers, and
            scores that are no real numbers.
        ValueError: for no runs, another number of seeds or scores, settings with other names, and
            a run that is there twice or missing from the table.

    Example:
        >>> from jaxrnn import evaluation
        >>> settings = [{"leak": leak} for leak in (0.1, 0.2) for _ in range(2)]
        >>> runs = evaluation.runs_of(settings, [0, 1, 0, 1], [3.0, 2.0, 1.0, 2.0])
        >>> runs.names, runs.values
        (('leak',), ((0.1, 0.2),))
        >>> runs.scores.tolist()
        [[3.0, 2.0], [1.0, 2.0]]
    """
    given = read_scores("runs_of", scores)
    numbers = _host.read("runs_of", "seeds", seeds)
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
        raise TypeError(f"runs_of: seeds must be a list of integers, got {shown(seeds)}.")
    seeds = numbers.tolist()
    listed = isinstance(settings, Sequence) and all(isinstance(s, Mapping) for s in settings)
    if not listed:
        raise TypeError(f"runs_of: settings must be a list of dictionaries, got {shown(settings)}.")
    if not len(settings) == len(seeds) == given.size or given.ndim != 1:
        raise ValueError(
            f"runs_of: needs a setting, a seed and a score for each run, got {len(settings)}, "
            f"{len(seeds)} and {given.shape}."
        )
    names = tuple(settings[0])
    if any({*setting} != {*names} for setting in settings):
        raise ValueError(f"runs_of: every setting must have the names {names}.")
    axes = [[*dict.fromkeys(_plain(setting[name]) for setting in settings)] for name in names]
    of_seeds = [*dict.fromkeys(seeds)]
    table = np.full((*map(len, axes), len(of_seeds)), np.nan)
    filled = np.zeros(table.shape, bool)
    for setting, seed, score in zip(settings, seeds, given, strict=True):
        place = (*(axis.index(_plain(setting[n])) for axis, n in zip(axes, names, strict=True)),)
        place += (of_seeds.index(seed),)
        if filled[place]:
            raise ValueError(
                f"runs_of: the run with {dict(setting)} and seed {seed} is there twice."
            )
        table[place], filled[place] = score, True
    if not filled.all():
        raise ValueError(
            f"runs_of: {int((~filled).sum())} of {filled.size} combinations of settings and seeds "
            "have no run. Give all of them, or an array of your own, `[settings, seeds]`."
        )
    return Runs(names, tuple(map(tuple, axes)), table)


def _plain(value: Any) -> Any:
    """A number of numpy or JAX as Python's, to compare."""
    return value.tolist() if _check.is_array(value) and np.ndim(value) == 0 else value
