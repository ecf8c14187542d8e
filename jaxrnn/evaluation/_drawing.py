"""Pictures of explanations and of confusions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._plain import label

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

PALETTE = (
    *("#0b559f", "#d1495b", "#2a9d8f", "#e08e1b"),
    *("#8a5fa8", "#6c757d", "#4c9a6a", "#8d6e63"),
)
_SEQUENTIAL = ["#ffffff", "#d6e6f4", "#6aaed6", "#0b559f"]
_DIVERGING = ["#b2363f", "#f0b9a8", "#ffffff", "#a9cbe6", "#0b559f"]
_FEW = 16  # cells in a row of which numbers can be read


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of inches, which no window shows."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise ImportError("Plots need matplotlib: pip install 'jaxrnn[plot]'") from error
    return Figure((width, height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))


def clean(axes: Any) -> None:
    """A light grid, and two axes instead of a box."""
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(color="#999999")


def colours(diverging: bool) -> Any:
    """From white to blue, or from red over white to blue."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("jaxrnn", _DIVERGING if diverging else _SEQUENTIAL)


def plot_confusion(
    matrix: np.ndarray, names: Sequence[str], *, figure: "Figure | None"
) -> "Figure":
    """A confusion matrix, coloured by the share of each row, with its counts."""
    count = len(names)
    size = min(7.4, max(3.4, 0.52 * count + 1.6))
    figure = new_figure(size, size * 0.92) if figure is None else figure
    axes = figure.subplots()
    whole = matrix.sum(1, keepdims=True)
    share = matrix / np.where(whole == 0, 1, whole)
    share = np.ma.masked_equal(share, 0)  # nothing is drawn where nothing was counted
    axes.imshow(share, cmap=colours(False), vmin=0, vmax=1)
    if count <= _FEW:
        for (i, j), value in np.ndenumerate(matrix):
            axes.text(
                j, i, f"{value:g}", ha="center", va="center", fontsize=9,
                color="#ffffff" if value > 0.6 * whole[i, 0] else "#1a1a1a" if value else "#b9c2cc",
            )  # fmt: skip
    labels = list(map(label, names))
    slope: Any = {} if max(map(len, labels)) < 4 else {"rotation": 45, "ha": "right"}
    axes.set_xticks(range(count), labels, parse_math=False, **slope)
    axes.set_yticks(range(count), labels, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("observed")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure
