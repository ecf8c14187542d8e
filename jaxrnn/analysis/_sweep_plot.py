"""A picture of a sweep: the curves of every setting, and how far its seeds lie apart."""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from .. import _check
from .._checked import checked
from ..training import Sweep
from ._plots import clean, drawable, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
else:
    from typing import Any

    Axes = Any


@checked
def plot_sweep(
    swept: Sweep, column: str = "validation/loss", *, axes: "Axes | None" = None
) -> "Axes":
    """Draw a curve for every setting: the median over its seeds, and a band from least to most.

    Members that diverged count as long as their numbers are finite; the legend says how many there
    were.

    Args:
        swept: what `training.sweep` or `training.join` returned.
        column: one of its curves, one number a row.
        axes: where to draw; those of a new figure, where not given.

    Returns:
        The axes; `.figure.savefig(path)` writes them.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is no such column, or it has no single number a row.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import training
        >>> losses = np.array([[2.0, 1.0], [2.1, 0.9], [2.0, np.nan], [3.0, 4.0]])
        >>> swept = training.Sweep(
        ...     settings=({"learning_rate": 0.1},) * 2 + ({"learning_rate": 9.0},) * 2,
        ...     seeds=np.array([0, 1, 0, 1]),
        ...     steps=np.array([10, 20]),
        ...     curves={"train/loss": losses},
        ...     diverged_at=np.array([-1, -1, 13, -1]),
        ... )
        >>> axes = plot_sweep(swept, "train/loss")
        >>> [text.get_text() for text in axes.get_legend().get_texts()]
        ['learning_rate=0.1', 'learning_rate=9 (1 of 2 diverged)']
    """
    _check.kind("plot_sweep", "swept", swept, Sweep, "Pass what `sweep` returned.")
    swept.scores(column)
    curves = np.asarray(swept.curves[column], float)
    if curves.ndim != 2:
        raise ValueError(
            f"plot_sweep: {column!r} must be one number a row, got curves {curves.shape}"
        )
    if axes is None:
        axes = new_figure(5.0).subplots()
    drawable("plot_sweep", "axes", axes, "fill_between")
    import matplotlib as mpl

    groups = swept.groups()
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.9, len(groups)))
    few = len(swept.steps) == 1
    for color, (setting, members) in zip(colors, groups, strict=True):
        known = np.where(np.isfinite(curves[members]), curves[members], np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # rows in which all have diverged
            middle, least, most = (f(known, 0) for f in (np.nanmedian, np.nanmin, np.nanmax))
        lost = int(swept.diverged[members].sum())
        label = ", ".join(f"{name}={_short(value)}" for name, value in setting.items()) or "seeds"
        label += f" ({lost} of {len(members)} diverged)" if lost else ""
        axes.fill_between(swept.steps, least, most, color=color, alpha=0.2, linewidth=0)
        axes.plot(swept.steps, middle, color=color, label=label, marker="o" if few else None)
    axes.set_xlabel("step")
    axes.set_title(f"{column}: median and range over seeds", loc="left", fontsize=12)
    axes.legend(frameon=False, fontsize=9)
    clean(axes)
    return axes


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
