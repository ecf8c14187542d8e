"""Pictures of explanations: attributions, saliency, components, probes, randomised parameters."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _check, _host
from .._checked import checked
from ._components import Components
from ._drawing import PALETTE, clean, colours, new_figure
from ._plain import label
from ._probe import Probe
from ._randomization import Randomized

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

_LETTERS = 64  # steps beside which symbols can be read


@checked
def plot_attributions(values: Any, *, symbols: Sequence[str] | None = None) -> "Figure":
    """Draw what each step, or each feature of each step, adds to an output.

    Blue adds to it, red takes from it, and the title has the sum.

    Args:
        values: `[T]`, bars, such as `by_step` of one sequence or its `occlusion`; or
            `[T, features]`, a map.
        symbols: what was read at each step, written below; at most the first 64 are.

    Returns:
        The figure; `.savefig(path)` writes it, and `picture` puts it into a report.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: another number of axes, of symbols, or values that are not finite.

    Example:
        >>> from jaxrnn import evaluation
        >>> figure = evaluation.plot_attributions([0.5, -0.25, 1.0], symbols=["a", "bad", "day"])
        >>> figure.axes[0].get_title(loc="left")
        'sum 1.25'
    """
    who = "plot_attributions"
    array = _numbers(who, "values", values, (1, 2))
    steps = len(array)
    if symbols is not None and len(symbols) != steps:
        raise ValueError(f"{who}: symbols must be {steps}, one a step, got {len(symbols)}")
    features = 1 if array.ndim == 1 else array.shape[1]
    figure = new_figure(7.2, 2.6 if array.ndim == 1 else min(5.0, 1.5 + 0.22 * features))
    axes = figure.subplots()
    if array.ndim == 1:
        colors = [PALETTE[0] if value >= 0 else PALETTE[1] for value in array]
        axes.bar(np.arange(steps), array, color=colors, width=0.85)
        axes.axhline(0, color="#999999", linewidth=0.8)
        clean(axes)
    else:
        limit = float(np.abs(array).max()) or 1.0
        image = axes.imshow(
            array.T, cmap=colours(True), vmin=-limit, vmax=limit, aspect="auto", origin="lower"
        )
        figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03).outline.set_visible(False)
        axes.set_ylabel("feature")
    axes.set_title(f"sum {array.sum():.4g}", loc="left", fontsize=11)
    if symbols is None or steps > _LETTERS:
        axes.set_xlabel("step")
    else:
        slope: Any = {} if max(map(len, symbols)) < 3 else {"rotation": 60, "ha": "right"}
        names = list(map(label, symbols))
        axes.set_xticks(range(steps), names, parse_math=False, fontsize=9, **slope)
    return figure


@checked
def plot_saliency(saliency: Any) -> "Figure":
    """Draw how much every output (row) depends on every input (column).

    Args:
        saliency: `[T, T]`, of one sequence, from `temporal_saliency`.

    Returns:
        The figure; `.savefig(path)` writes it, and `picture` puts it into a report.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: another number of axes, or values that are negative or not finite.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import evaluation
        >>> evaluation.plot_saliency(np.tri(4)).axes[0].get_ylabel()
        'output at step'
    """
    array = _numbers("plot_saliency", "saliency", saliency, (2,))
    if (array < 0).any():
        raise ValueError(f"plot_saliency: saliency must not be negative, got {array.min()}")
    figure = new_figure(4.9, 4.2)
    axes = figure.subplots()
    shown = np.ma.masked_equal(array, 0)  # nothing is drawn where nothing depends
    image = axes.imshow(shown, cmap=colours(False), vmin=0)
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.045)
    bar.outline.set_visible(False)
    axes.set_xlabel("input at step")
    axes.set_ylabel("output at step")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


@checked
def plot_components(
    components: Components, states: Any, *, labels: Any = None, where: Any = None
) -> "Figure":
    """Draw hidden states in the plane of their first two principal components.

    Args:
        components: two or more, from `principal_components`.
        states: `[*steps, H]`.
        labels: integers `[*steps]`, by which the points are coloured.
        where: `Bool[*steps]`, False at padding.

    Returns:
        The figure; `.savefig(path)` writes it, and `picture` puts it into a report.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: fewer than two components, or labels of another shape.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import evaluation
        >>> states = np.random.default_rng(0).normal(size=(9, 2, 4))
        >>> found = evaluation.principal_components(states, 2)
        >>> labels = np.arange(18).reshape(9, 2) % 3
        >>> figure = evaluation.plot_components(found, states, labels=labels)
        >>> len(figure.axes[0].get_lines())
        3
    """
    who = "plot_components"
    _check.kind(who, "components", components, Components, "Pass what `principal_components` gave.")
    if len(components.variance) < 2:
        raise ValueError(f"{who}: components must be two at least, got {len(components.variance)}")
    array = _host.read(who, "states", states)
    lead = array.shape[:-1]
    counted = np.ones(lead, bool) if where is None else _host.read(who, "where", where)
    if counted.dtype != bool:
        raise TypeError(f"{who}: where must be Bool, got {counted.dtype}. Compare: where != 0.")
    classes = np.zeros(lead, int) if labels is None else _host.read(who, "labels", labels)
    for name, given in {"where": counted, "labels": classes}.items():
        if given.shape != lead:
            raise ValueError(f"{who}: {name} must be [*steps] = {lead}, got {given.shape}")
    points = np.asarray(components.project(array))
    figure = new_figure(5.2, 4.4)
    axes = figure.subplots()
    kinds = np.unique(classes[counted])
    for place, kind in enumerate(kinds):
        chosen = points[counted & (classes == kind)]
        axes.plot(
            chosen[:, 0], chosen[:, 1], ".", markersize=4, alpha=0.6, label=str(kind),
            color=PALETTE[place % len(PALETTE)],
        )  # fmt: skip
    if 1 < len(kinds) <= len(PALETTE):
        axes.legend(frameon=False, fontsize=9, markerscale=2)
    first, second = (f"{100 * float(share):.1f} %" for share in components.share[:2])
    axes.set_xlabel(f"component 1 ({first} of the variance)")
    axes.set_ylabel(f"component 2 ({second} of the variance)")
    clean(axes)
    return figure


@checked
def plot_probes(probes: Mapping[str, Probe]) -> "Figure":
    """Draw what probes of several layers found, beside their control tasks and chance.

    Args:
        probes: by the name of the layer, from `linear_probe`.

    Returns:
        The figure; `.savefig(path)` writes it, and `picture` puts it into a report.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: something else than probes.
        ValueError: none.

    Example:
        >>> from jaxrnn import evaluation
        >>> figure = evaluation.plot_probes({"rnn": evaluation.Probe(0.9, 0.6, 0.5)})
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['probe', 'control task', 'chance']
    """
    if not isinstance(probes, Mapping) or not probes:
        raise ValueError('plot_probes: pass probes by name, `{"rnn": linear_probe(...)}`')
    for probe in probes.values():
        _check.kind("plot_probes", "each probe", probe, Probe)
    figure = new_figure(min(7.2, 2.6 + 0.9 * len(probes)), 3.2)
    axes = figure.subplots()
    places = np.arange(len(probes))
    for shift, field, name, color in (
        (-0.27, "score", "probe", PALETTE[0]),
        (0.0, "control", "control task", "#9dbfdd"),
        (0.27, "chance", "chance", "#c3c9d0"),
    ):
        heights = [getattr(probe, field) for probe in probes.values()]
        axes.bar(places + shift, heights, width=0.25, color=color, label=name)
    axes.set_xticks(places, list(map(label, probes)), parse_math=False)
    axes.set_ylabel("on held-out sequences")
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    clean(axes)
    axes.grid(visible=False, axis="x")
    return figure


@checked
def plot_randomization(rows: Sequence[Randomized]) -> "Figure":
    """Draw how an explanation loses what it had in common with the first, layer by layer.

    Args:
        rows: of `parameter_randomization`.

    Returns:
        The figure; `.savefig(path)` writes it, and `picture` puts it into a report.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: no rows.

    Example:
        >>> from jaxrnn import evaluation
        >>> rows = [evaluation.Randomized("readout", correlation=0.4, absolute=0.5)]
        >>> evaluation.plot_randomization(rows).axes[0].get_ylabel()
        'rank correlation'
    """
    if not rows:
        raise ValueError("plot_randomization: there are no rows")
    for row in rows:
        _check.kind("plot_randomization", "each row", row, Randomized)
    figure = new_figure(min(7.2, 3.2 + 0.6 * len(rows)), 3.0)
    axes = figure.subplots()
    names = ["none", *(label(row.layer) for row in rows)]
    for field, name, color in (
        ("correlation", "attributions", PALETTE[0]),
        ("absolute", "their sizes", PALETTE[3]),
    ):
        values = [1.0, *(getattr(row, field) for row in rows)]
        there = [value if math.isfinite(value) else np.nan for value in values]
        axes.plot(range(len(there)), there, "o-", color=color, label=name)
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.set_ylim(-1.05, 1.05)
    axes.set_xticks(range(len(names)), names, parse_math=False)
    axes.set_xlabel("drawn anew down to")
    axes.set_ylabel("rank correlation")
    axes.legend(frameon=False, fontsize=9)
    clean(axes)
    return figure


def _numbers(who: str, name: str, value: Any, axes: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(_host.read(who, name, value), float)
    if array.ndim not in axes or not array.size:
        wanted = " or ".join(map(str, axes))
        raise ValueError(
            f"{who}: {name} must have {wanted} axes, those of one sequence, got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        place = list(map(int, np.argwhere(~np.isfinite(array))[0]))
        raise ValueError(f"{who}: {name} must be finite, got {array[tuple(place)]} at {place}")
    return array
