"""`sweep_section`: how good and how stable the settings of a sweep are."""

import math
import operator
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import numpy as np

from .. import _check
from .._checked import checked
from ..training import Sweep
from ._drawing import PALETTE, clean, new_figure
from ._parts import Part, Section, facts, paragraph, picture, section, table, written
from ._plain import label
from ._plots import plot_profiles
from ._runs import Better, CountedAs, check_better, runs_of
from ._sensitivity import sensitivity
from ._stability import performance_profile, stability

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

Group: TypeAlias = tuple[dict[str, Any], np.ndarray]
"""A setting, and the members that have it."""

_MASKED: Any = np.ma  # whose functions have no types
_MANY = 24  # settings that a picture still names


@checked
def sweep_section(
    swept: Sweep,
    *,
    column: str | None = None,
    better: Better = operator.lt,
    title: str = "Settings and seeds",
) -> Section:
    """How good every setting of a sweep is over its seeds, how they spread, and which diverged.

    Interquartile means with intervals over the seeds, performance profiles, and which settings the
    score depends on, as `stability`, `performance_profile` and `sensitivity` say. Runs that
    diverged are counted apart, and are no part of the other numbers; in the profiles and the
    sensitivity they count as the worst score of all. The bootstrap draws with the key of seed 0.

    Args:
        swept: what `training.sweep` or `training.join` returned.
        column: what members are judged by; `validation/loss`, or `train/loss` where nothing was
            held out.
        better: `operator.lt` where smaller scores are better, `operator.gt` where larger ones are.
        title: the heading.

    Raises:
        ValueError: there is no such column, it has not one number a row, or another comparison.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import evaluation, training
        >>> swept = training.Sweep(
        ...     settings=({"learning_rate": 0.1},) * 2, seeds=np.array([0, 1]),
        ...     steps=np.array([10, 20]), diverged_at=np.array([-1, -1]),
        ...     curves={"validation/loss": np.array([[2.0, 1.0], [2.0, 1.2]])})
        >>> evaluation.sweep_section(swept)
        <Section 'Settings and seeds': 5 parts>
    """
    who = "sweep_section"
    _check.kind(who, "swept", swept, Sweep, "Pass what `sweep` returned.")
    if column is None:
        column = "validation/loss" if "validation/loss" in swept.curves else "train/loss"
    check_better(who, better)
    scores = swept.scores(column)
    if scores.ndim != 1:
        raise ValueError(f"{who}: {column!r} must have one number a row, got {scores.shape[1:]}")
    scores = np.where(swept.diverged | ~np.isfinite(scores), np.nan, scores)
    groups = swept.groups()
    parts = [
        facts(
            {
                "members": len(swept.seeds),
                "settings": len(groups),
                "seeds": len(np.unique(swept.seeds)),
                "diverged": int(swept.diverged.sum()),
            },
            large=True,
        ),
        table(
            [_row(setting, scores[members], better) for setting, members in groups],
            caption=f"{column} at step {int(swept.steps[-1])}, over the seeds of each setting that "
            "did not diverge; the interval is of 95 % confidence, by bootstrap over seeds.",
        ),
    ]
    if np.isfinite(scores).any():
        parts.append(_spread(swept, column, groups, scores))
        parts.append(_curves(swept, column, groups))
        worst = CountedAs(float(np.nanmin(scores) if better is operator.gt else np.nanmax(scores)))
        if len(groups) <= len(PALETTE):
            parts += _profiles(column, groups, scores, worst, better)
        parts += _sensitivity(swept, column, scores, worst)
    else:
        parts.append(paragraph("No member has a finite score to draw."))
    lost = [
        setting | {"seed": int(seed), "diverged at step": int(at)}
        for setting, seed, at in zip(swept.settings, swept.seeds, swept.diverged_at, strict=True)
        if at >= 0
    ]
    if lost:
        parts.append(table(lost, caption="Members that diverged, and when."))
    return section(title, *parts)


def _row(setting: Mapping[str, Any], scores: np.ndarray, better: Any) -> dict[str, Any]:
    there = scores[np.isfinite(scores)]
    told: dict[str, Any] = dict.fromkeys(
        ("interquartile mean", "low", "high", "median", "best", "worst", "spread")
    )
    if there.size > 1:
        found = stability(there[None], jax.random.key(0), better=better)
        middle = found.interquartile_mean
        told["interquartile mean"], told["low"], told["high"] = middle[:3]
        told |= {name: getattr(found, name) for name in ("median", "best", "worst", "spread")}
    elif there.size:
        told |= dict.fromkeys(("interquartile mean", "median", "best", "worst"), float(there[0]))
    lost = int(scores.size - there.size)
    return _columns(setting) | told | {"diverged": lost}


def _profiles(
    column: str,
    groups: list[Group],
    scores: np.ndarray,
    worst: CountedAs,
    better: Any,
) -> Iterator[Part]:
    """The share of the seeds of each setting that are better than a score, over all scores."""
    there = scores[np.isfinite(scores)]
    marks = np.linspace(there.min(), there.max(), 41)
    profiles = {
        name: performance_profile(
            scores[members][None], jax.random.key(0), marks, diverged=worst, better=better,
            resamples=500,
        )
        for name, (_, members) in zip(_labels(groups), groups, strict=True)
        if len(members) > 1
    }  # fmt: skip
    if profiles and np.ptp(marks):
        figure = new_figure(7.2, 3.6)
        axes = figure.subplots()
        axes.set_prop_cycle(color=PALETTE)
        plot_profiles(profiles, xlabel=column, axes=axes)
        legend: Any = axes.get_legend()
        legend.set_title(_title(groups))
        legend.set_loc("center left")
        legend.set_bbox_to_anchor((1, 0.5))
        for text in legend.get_texts():
            text.set_parse_math(False)
        clean(axes)
        yield picture(
            figure,
            alt=f"Performance profiles: for each setting, the share of its seeds that are better "
            f"than a given {column}.",
            caption="How many seeds of a setting are better than a score; bands are of 95 %.",
        )


def _sensitivity(swept: Sweep, column: str, scores: np.ndarray, worst: CountedAs) -> Iterator[Part]:
    """Which of several settings the score depends on, where all were combined with all."""
    names = swept.settings[0] if swept.settings else {}
    varied = any(setting != swept.settings[0] for setting in swept.settings)
    if not names or not varied or len(np.unique(swept.seeds)) < 2:
        return
    values = [value for setting in swept.settings for value in setting.values()]
    whole = math.prod(len({str(s[name]) for s in swept.settings}) for name in names)
    if any(np.ndim(value) for value in values) or whole * len(np.unique(swept.seeds)) != len(
        scores
    ):
        yield paragraph(
            "Which setting matters most cannot be told: not every combination of them was run."
        )
        return
    table_of = runs_of(swept.settings, swept.seeds.tolist(), scores)
    if not np.ptp(scores[np.isfinite(scores)]):
        return
    found = sensitivity(table_of.scores, table_of.names, diverged=worst)
    shares = found.settings | {"settings together": found.interactions, "seed": found.seeds}
    yield table(
        [{"source": name, "share of the variance": share} for name, share in shares.items()],
        caption=f"What {column} depends on; runs that diverged count as the worst score.",
    )


def _columns(setting: Mapping[str, Any]) -> dict[str, Any]:
    """A setting in columns of its own; one where the sweep has no settings."""
    if not setting:
        return {"setting": "as given"}
    return {name: np.asarray(value).tolist() for name, value in setting.items()}


def _labels(groups: list[Group]) -> list[str]:
    """A short name of every setting, its values; no two are alike."""
    found: list[str] = []
    for setting, _ in groups:
        name = label(", ".join(map(written, _columns(setting).values())))
        again = sum(other.startswith(name) for other in found)
        found.append(f"{name} ({again + 1})" if name in found else name)
    return found


def _title(groups: list[Group]) -> str:
    """What the values in those names are of."""
    return label(", ".join(name.rsplit(".", 1)[-1] for name in _columns(groups[0][0])))


def _spread(swept: Sweep, column: str, groups: list[Group], scores: np.ndarray) -> Part:
    figure = new_figure(7.2, min(0.34 * len(groups) + 1.0, 9.0))
    axes = figure.subplots()
    medians = []
    names = _labels(groups)
    for place, (_, members) in enumerate(groups):
        there = scores[members][np.isfinite(scores[members])]
        axes.plot(
            there, np.full(there.size, place), "o",
            color=PALETTE[0], alpha=0.45, markersize=5, markeredgewidth=0,
        )  # fmt: skip
        if there.size:
            middle = float(np.median(there))
            medians.append((middle, names[place]))
            axes.plot([middle], [place], "|", color=PALETTE[0], markersize=14, markeredgewidth=2.2)
    if len(groups) <= _MANY:
        axes.set_yticks(range(len(groups)), names, parse_math=False)
    else:
        axes.set_yticks([])
    axes.set_ylabel(_title(groups), parse_math=False)
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_xlabel(column, parse_math=False)
    clean(axes)
    low, high = min(medians), max(medians)
    return picture(
        figure,
        alt=f"{column} of every member by setting. Medians run from {written(low[0])} ({low[1]}) "
        f"to {written(high[0])} ({high[1]}).",
        caption="A dot is a seed, a bar the median of a setting.",
    )


def _curves(swept: Sweep, column: str, groups: list[Group]) -> Part:
    figure = new_figure(7.2, 3.6)
    axes = figure.subplots()
    curves = np.asarray(swept.curves[column], float)
    few = len(groups) <= len(PALETTE)
    names = _labels(groups)
    for place, (_, members) in enumerate(groups):
        stable = members[~swept.diverged[members]]
        if not stable.size:
            continue
        values: Any = _MASKED.masked_invalid(curves[stable])
        middle = _MASKED.median(values, axis=0)
        color = PALETTE[place % len(PALETTE)]
        axes.plot(
            swept.steps,
            middle,
            color=color,
            linewidth=1.8 if few else 1.0,
            label=names[place] if few else None,
        )
        axes.fill_between(
            swept.steps, values.min(0), values.max(0), color=color, alpha=0.13, linewidth=0
        )
    axes.set_xlabel("step")
    axes.set_title(column, loc="left", fontsize=12, parse_math=False)
    if few and len(groups) > 1:
        legend = axes.legend(
            frameon=False, title=_title(groups), loc="center left", bbox_to_anchor=(1, 0.5)
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
    clean(axes)
    return picture(
        figure,
        alt=f"{column} over the steps of training, of {len(groups)} settings; the table has the "
        "last values.",
        caption="The median over the seeds that did not diverge, and their range.",
    )
