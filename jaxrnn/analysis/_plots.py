"""Pictures of a training run and of what a model finds surprising."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _check
from .._checked import checked
from .._kinds import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
else:
    Axes = Figure = SubFigure = Any

_CURVES = {"train": "#9dbfdd", "validation": "#0b559f"}
_OTHERS = ("#2a9d8f", "#8a5fa8", "#6c757d")
_BASELINES = ("#d1495b", "#e08e1b", "#4c9a6a", "#8d6e63")
_WIDTH = 12.0  # inches, 1200 pixels at matplotlib's 100 dots per inch
_CELL = 2.0  # height of a character's cell in widths


@checked
def plot_history(
    rows: Iterable[Mapping[str, Any]],
    *,
    quantities: Sequence[str] | None = None,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    figure: "Figure | SubFigure | None" = None,
) -> "Figure | SubFigure":
    """Draw the curves of a training run, one panel per quantity.

    A key such as `"validation/bits"` is the curve `validation` in the panel `bits`; one without a
    stroke has a panel to itself. Rows of a CSV log (`csv.DictReader`) will do; what is missing,
    empty, `nan` or no number is left out.

    Args:
        rows: one mapping per report, with its `"step"`.
        quantities: the panels in their order; every quantity in the rows, where not given.
        baselines: for each quantity, names and values of horizontal lines.
        figure: where to draw; a new figure, where not given.

    Returns:
        The figure; `.savefig(path)` writes it.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: a row has no step, there is nothing to draw, or a quantity is not in the rows.

    Example:
        >>> rows = [{"step": 1, "train/bits": 3.2}, {"step": 2, "train/bits": 2.9}]
        >>> figure = plot_history(rows, baselines={"bits": {"order-4 n-gram": 2.2}})
        >>> figure.axes[0].get_title(loc="left")
        'bits'
    """
    panels = _panels(rows)
    _check.kind("plot_history", "quantities", () if quantities is None else quantities, Iterable)
    names = list(panels) if quantities is None else list(quantities)
    absent = [name for name in [*names, *(baselines or {})] if name not in panels]
    if absent or not names:
        raise ValueError(
            f"plot_history: nothing to draw for {absent or 'any quantity'}; "
            f"the rows have numbers for {list(panels)}"
        )
    if figure is None:
        figure = new_figure(4.0)
    drawable("plot_history", "figure", figure, "subplots")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        _draw_curves(axes, panels[name])
        for place, (label, value) in enumerate((baselines or {}).get(name, {}).items()):
            color = _BASELINES[place % len(_BASELINES)]
            axes.axhline(
                value, color=color, dashes=(5, 3), linewidth=1.4, label=f"{label} {value:.3g}"
            )
        axes.set_xlabel("step")
        axes.set_title(name, loc="left", fontsize=12)
        axes.legend(frameon=False, fontsize=10)
        clean(axes)
    return figure


@checked
def plot_surprisal(
    text: str,
    surprisal: ArrayLike,
    *,
    columns: int = 80,
    limit: float = 8.0,
    axes: "Axes | None" = None,
) -> "Axes":
    """Write a passage in a grid of cells, each coloured by its character's surprisal.

    Lines break at line ends, and at a space where they are longer than `columns`; a line end shows
    as `↵`.

    Args:
        text: the passage.
        surprisal: `Float[len(text)]`, in bits; `nan` for a character that was not predicted.
        columns: how many characters a line has at most.
        limit: the surprisal in bits from which on the colour stays the same.
        axes: where to draw; those of a new figure, where not given.

    Returns:
        The axes; `.figure.savefig(path)` writes them.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the text is empty, or `surprisal` has another length or is `nan` throughout.

    Example:
        >>> axes = plot_surprisal("to be", [3.0, 1.0, 0.5, 2.0, 0.1])
        >>> axes.get_title(loc="left")
        'surprisal of each character, mean 1.32 bits'
    """
    _check.sizes("plot_surprisal", columns=columns)
    values = np.asarray(surprisal, float)
    if values.shape != (len(text),) or np.isnan(values).all():
        raise ValueError(
            f"plot_surprisal: a text of {len(text)} characters needs as many values of surprisal, "
            f"not all nan, and at least one; got shape {values.shape}"
        )
    lines = list(_lines(text, columns))
    if axes is None:
        axes = new_figure(_height(lines, columns)).subplots()
    drawable("plot_surprisal", "axes", axes, "imshow")
    from matplotlib.colors import LinearSegmentedColormap

    grid = np.full((len(lines), columns), np.nan)
    grid[tuple(np.array(_cells(lines)).T)] = values
    # Light enough up to its end for black letters.
    colors = LinearSegmentedColormap.from_list("surprisal", ["#fffdf5", "#fdd49e", "#f4795b"])
    image = axes.imshow(
        grid, cmap=colors, vmin=0, vmax=limit, aspect=_CELL, extent=(0, columns, len(lines), 0)
    )
    axes.add_patch(_letters(lines))
    axes.set_axis_off()
    axes.set_title(
        f"surprisal of each character, mean {np.nanmean(values):.2f} bits", loc="left", fontsize=12
    )
    bar = axes.figure.colorbar(
        image, ax=axes, extend="max", label="bits", pad=0.01, fraction=0.02, aspect=20, shrink=0.8
    )
    bar.outline.set_visible(False)
    return axes


@checked
def plot_run(
    rows: Iterable[Mapping[str, Any]],
    text: str,
    surprisal: ArrayLike,
    *,
    quantities: Sequence[str] | None = None,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    columns: int = 80,
) -> "Figure":
    """Draw a training run above a passage of text, as `plot_history` and `plot_surprisal` do.

    Example:
        >>> rows = [{"step": 1, "train/bits": 3.2}, {"step": 2, "train/bits": 2.9}]
        >>> figure = plot_run(rows, "to be", [3.0, 1.0, 0.5, 2.0, 0.1])
        >>> len(figure.subfigs)
        2
    """
    _check.sizes("plot_run", columns=columns)
    heights = 4.0, _height(list(_lines(text, columns)), columns)
    figure = new_figure(sum(heights))
    parts: Any = figure.subfigures(2, 1, height_ratios=heights)
    above, below = parts
    plot_history(rows, quantities=quantities, baselines=baselines, figure=above)
    plot_surprisal(text, surprisal, columns=columns, axes=below.subplots())
    return figure


def drawable(who: str, name: str, value: Any, verb: str) -> None:
    """Raise unless something of matplotlib's can draw, which is told by what it can do."""
    if not callable(getattr(value, verb, None)):
        made = "`plt.figure()`" if verb == "subplots" else "`plt.figure().subplots()`"
        raise TypeError(f"{who}: {name} must be of matplotlib, as {made}, got {shown(value)}")


def new_figure(height: float) -> "Figure":
    """A figure of the usual width, so many inches high."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise ImportError("Plots need matplotlib: pip install 'jaxrnn[plot]'") from error
    # Not through pyplot: it keeps every figure alive, and may open a window.
    return Figure((_WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))


def _panels(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Quantity -> curve -> its points."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    _check.kind("plot_history", "rows", rows, Iterable, "Pass the history of `fit`.")
    for row in rows:
        _check.kind("plot_history", "each row", row, Mapping, "Pass the history of `fit`.")
        step = _number(row.get("step"))
        if math.isnan(step):
            raise ValueError(f"plot_history: every row needs a 'step', got {dict(row)}")
        for key in row:
            curve, _, quantity = key.partition("/")
            if key != "step" and not math.isnan(value := _number(row[key])):
                panels.setdefault(quantity or key, {}).setdefault(curve, []).append((step, value))
    return panels


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _draw_curves(axes: "Axes", curves: Mapping[str, list[tuple[float, float]]]) -> None:
    others = iter(_OTHERS * len(curves))
    for name, points in curves.items():
        steps, values = np.array(points).T
        color = _CURVES.get(name) or next(others)
        few = len(points) <= 40
        axes.plot(
            steps,
            values,
            label=name,
            color=color,
            linewidth=2.0 if few else 1.2,
            marker="o" if few else None,
            markersize=3.5,
            zorder=3 if name == "validation" else 2,
        )


def clean(axes: "Axes") -> None:
    """A light grid, and no frame at the top and on the right."""
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(color="#999999")


def _lines(text: str, columns: int) -> Iterator[str]:
    """Pieces of at most `columns` characters, which make up the text."""
    for line in text.splitlines(keepends=True):
        rest = line
        while len(rest) > columns:
            cut = rest.rfind(" ", 0, columns) + 1 or columns
            yield rest[:cut]
            rest = rest[cut:]
        yield rest


def _cells(lines: Sequence[str]) -> list[tuple[int, int]]:
    return [(row, column) for row, line in enumerate(lines) for column in range(len(line))]


def _height(lines: Sequence[str], columns: int) -> float:
    """Inches for these lines, their title, and as much of the width as the colour bar leaves."""
    return 0.6 + max(len(lines), 4) * _CELL * (0.92 * _WIDTH / columns)


def _letters(lines: Sequence[str]) -> Any:
    """The characters as one shape in units of the grid, so that they fit at every size."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    font = FontProperties(family="monospace")
    advance = 0.602  # width of a cell of the default font, in its size

    def outline(character: str) -> Any:
        shown = "↵" if character in "\r\n" else character if character.isprintable() else "·"
        return TextPath((0, 0), shown, size=1 / advance, prop=font)

    shapes = {character: outline(character) for character in set("".join(lines)) - {" "}}
    placed = [
        Path(shape.vertices * (1, -1 / _CELL) + (column, row + 0.72), shape.codes)
        for row, column in _cells(lines)
        if (shape := shapes.get(lines[row][column])) is not None
    ]
    return PathPatch(Path.make_compound_path(*placed), facecolor="#1a1a1a", linewidth=0)
