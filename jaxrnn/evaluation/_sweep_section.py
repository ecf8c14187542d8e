"""`sweep_section`: how good and how stable the settings of a sweep are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _check
from .._checked import checked
from ..training import Sweep
from ._drawing import PALETTE, clean, new_figure
from ._parts import Part, Section, facts, paragraph, picture, section, table, written
from ._plain import label

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

_MASKED: Any = np.ma  # whose functions have no types
_MANY = 24  # settings that a picture still names


@checked
def sweep_section(
    swept: Sweep, *, column: str | None = None, title: str = "Settings and seeds"
) -> Section:
    """How good every setting of a sweep is over its seeds, how they spread, and which diverged.

    Args:
        swept: what `training.sweep` or `training.join` returned.
        column: what members are judged by; `validation/loss`, or `train/loss` where nothing was
            held out.
        title: the heading.

    Raises:
        ValueError: there is no such column, or it has not one number a row.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import evaluation, training
        >>> swept = training.Sweep(
        ...     settings=({"learning_rate": 0.1},) * 2, seeds=np.array([0, 1]),
        ...     steps=np.array([10, 20]), diverged_at=np.array([-1, -1]),
        ...     curves={"validation/loss": np.array([[2.0, 1.0], [2.0, 1.2]])})
        >>> evaluation.sweep_section(swept)
        <Section 'Settings and seeds': 4 parts>
    """
    who = "sweep_section"
    _check.kind(who, "swept", swept, Sweep, "Pass what `sweep` returned.")
    if column is None:
        column = "validation/loss" if "validation/loss" in swept.curves else "train/loss"
    scores = swept.scores(column)
    if scores.ndim != 1:
        raise ValueError(f"{who}: {column!r} must have one number a row, got {scores.shape[1:]}")
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
            [
                _row(setting, scores[members], swept.diverged[members])
                for setting, members in groups
            ],
            caption=f"{column} at step {int(swept.steps[-1])}, over the seeds of each setting that "
            "did not diverge.",
        ),
    ]
    if np.isfinite(scores).any():
        parts.append(_spread(swept, column, groups, scores))
        parts.append(_curves(swept, column, groups))
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


def _row(setting: Mapping[str, Any], scores: np.ndarray, diverged: np.ndarray) -> dict[str, Any]:
    there = scores[np.isfinite(scores)]
    told = {
        "median": float(np.median(there)) if there.size else None,
        "lowest": float(there.min()) if there.size else None,
        "highest": float(there.max()) if there.size else None,
        "standard deviation": float(there.std(ddof=1)) if there.size > 1 else None,
    }
    return (
        _columns(setting)
        | told
        | {
            "seeds": len(scores),
            "diverged": int(diverged.sum()),
        }
    )


def _columns(setting: Mapping[str, Any]) -> dict[str, Any]:
    """A setting in columns of its own; one where the sweep has no settings."""
    if not setting:
        return {"setting": "as given"}
    return {name: np.asarray(value).tolist() for name, value in setting.items()}


def _label(setting: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.rsplit('.', 1)[-1]} {written(value)}" for name, value in _columns(setting).items()
    )


def _spread(
    swept: Sweep, column: str, groups: list[tuple[dict[str, Any], np.ndarray]], scores: np.ndarray
) -> Part:
    figure = new_figure(7.2, min(0.34 * len(groups) + 1.0, 9.0))
    axes = figure.subplots()
    medians = []
    for place, (setting, members) in enumerate(groups):
        there = scores[members][np.isfinite(scores[members])]
        axes.plot(
            there, np.full(there.size, place), "o",
            color=PALETTE[0], alpha=0.45, markersize=5, markeredgewidth=0,
        )  # fmt: skip
        if there.size:
            middle = float(np.median(there))
            medians.append((middle, _label(setting)))
            axes.plot([middle], [place], "|", color=PALETTE[0], markersize=14, markeredgewidth=2.2)
    named = len(groups) <= _MANY
    axes.set_yticks(
        range(len(groups)), [_label(s) for s, _ in groups] if named else [""] * len(groups)
    )
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_xlabel(column)
    clean(axes)
    low, high = min(medians), max(medians)
    return picture(
        figure,
        alt=f"{column} of every member by setting. Medians run from {written(low[0])} ({low[1]}) "
        f"to {written(high[0])} ({high[1]}).",
        caption="A dot is a seed, a bar the median of a setting.",
    )


def _curves(swept: Sweep, column: str, groups: list[tuple[dict[str, Any], np.ndarray]]) -> Part:
    figure = new_figure(7.2, 3.6)
    axes = figure.subplots()
    curves = np.asarray(swept.curves[column], float)
    few = len(groups) <= len(PALETTE)
    for place, (setting, members) in enumerate(groups):
        stable = members[~swept.diverged[members]]
        if not stable.size:
            continue
        values: Any = _MASKED.masked_invalid(curves[stable])
        middle = _MASKED.median(values, axis=0)
        color = PALETTE[place % len(PALETTE)]
        name = label(_label(setting)) if few else None
        axes.plot(swept.steps, middle, color=color, linewidth=1.8 if few else 1.0, label=name)
        axes.fill_between(
            swept.steps, values.min(0), values.max(0), color=color, alpha=0.13, linewidth=0
        )
    axes.set_xlabel("step")
    axes.set_title(column, loc="left", fontsize=12)
    if few and len(groups) > 1:
        for text in axes.legend(frameon=False, fontsize=9).get_texts():
            text.set_parse_math(False)
    clean(axes)
    return picture(
        figure,
        alt=f"{column} over the steps of training, of {len(groups)} settings; the table has the "
        "last values.",
        caption="The median over the seeds that did not diverge, and their range.",
    )
