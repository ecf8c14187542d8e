"""What the measurements say: tables, a summary, a JSON file and a picture."""

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from _timing import halves, settled, spread
from rich.table import Table

PRODUCTS = "products alone"


class Point(NamedTuple):
    """One row of a section: what every contestant took, one number for each round.

    Ratios are those of what a contestant took to what the first one took in the same round.
    """

    section: str
    cell: str
    shape: tuple[int, ...]
    what: str
    unit: str
    values: dict[str, np.ndarray]

    @property
    def label(self):
        return f"{self.cell} {','.join(map(str, self.shape))} {self.what}"

    @property
    def first(self):
        return next(iter(self.values))

    @property
    def others(self):
        return list(self.values)[1:]

    @property
    def line(self):
        ratios = (f"{name} {self.ratio(name)}" for name in self.others)
        return f"{self.section} {self.label}: {', '.join([f'{self.first} {self.figure}', *ratios])}"

    @property
    def figure(self):
        value = np.median(self.values[self.first])
        if self.unit == "bytes":
            return f"{value / 1e6:.3g} MB"
        return f"{1e6 * value:.3g} us" if value < 1e-4 else f"{1e3 * value:.3g} ms"

    def ratios(self, name):
        return spread(np.asarray(self.values[name]) / np.asarray(self.values[self.first]))

    def ratio(self, name):
        """The median; both halves' where a repetition did not confirm it."""
        values = self.values[name], self.values[self.first]
        if self.unit == "bytes" or settled(*values):
            return f"{self.ratios(name)['median']:.2f}"
        return "{:.2f} or {:.2f}".format(*sorted(halves(*values)))

    def over_peers(self):
        """The ratio of the fastest peer on JAX, and that of PyTorch, where there are such."""
        medians = {name: self.ratios(name)["median"] for name in self.others if name != PRODUCTS}
        on_jax = [ratio for name, ratio in medians.items() if name != "torch"]
        return {
            "fastest JAX peer": min(on_jax, default=None),
            "torch": medians.get("torch"),
        }


def table(section, points):
    """The first contestant's own figure, and every other's as a ratio to it, with quartiles."""
    first = points[0].first
    others = _everyone(points)
    result = Table(title=f"{section}: {first}, and what the others take over what it takes")
    result.add_column("", no_wrap=True)
    for name in (first, *others):
        result.add_column(name, justify="right", no_wrap=name == first)
    for point in points:
        ratios = [_ratio(point, name) if name in point.others else "" for name in others]
        result.add_row(point.label, point.figure, *ratios)
    return result


def _everyone(points):
    """All but the first, in the order of the fullest point."""
    fullest_first = sorted(points, key=lambda point: -len(point.others))
    return list(dict.fromkeys(name for point in fullest_first for name in point.others))


def _ratio(point, name):
    ratios = point.ratios(name)
    quartiles = "" if point.unit == "bytes" else f" ({ratios['low']:.2f}-{ratios['high']:.2f})"
    return point.ratio(name) + quartiles


def summary(points):
    """Geometric means and worst points of the grid, for all cells and for each."""
    result = Table(title="Time of the peer over that of jaxrnn (above 1: jaxrnn is faster)")
    for column in ("cells", "what", "against", "points", "geometric mean", "worst", "where"):
        result.add_column(column, no_wrap=True)
    for row in summarised(points):
        result.add_row(
            *(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row)
        )
    return result


def summarised(points):
    """Rows of `summary`."""
    kinds = list(dict.fromkeys(point.cell for point in points))
    for cell in ["all", *kinds]:
        for what in dict.fromkeys(point.what for point in points):
            chosen = [p for p in points if cell in ("all", p.cell) and p.what == what]
            for against in ("fastest JAX peer", "torch"):
                ratios = {point.label: point.over_peers()[against] for point in chosen}
                ratios = {label: ratio for label, ratio in ratios.items() if ratio is not None}
                if ratios:
                    worst = min(ratios, key=ratios.get)
                    mean = float(np.exp(np.log(list(ratios.values())).mean()))
                    yield cell, what, against, len(ratios), mean, ratios[worst], worst


def machine(packages):
    """Where this was measured, and with what."""
    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = ("jaxrnn", "jax", "jaxlib", "numpy", *packages)
    versions = {name: importlib.metadata.version(name) for name in names}
    found = {"cpu": cpu, "cores": cores, "python": platform.python_version()}
    found |= {"backend": jax.default_backend(), "versions": versions}
    found |= {"XLA_FLAGS": os.environ.get("XLA_FLAGS", "")}
    if "torch" in packages:
        import torch

        found["torch threads"] = torch.get_num_threads()
    return found


def save(path, points, information, notes):
    """All of it as JSON."""
    rows = [
        {
            **point._asdict(),
            "values": {name: np.asarray(values).tolist() for name, values in point.values.items()},
            "figures": {name: spread(values) for name, values in point.values.items()},
            "ratios": {name: point.ratios(name) for name in point.others},
        }
        for point in points
    ]
    content = {"machine": information, "left out": notes, "points": rows}
    path.write_text(json.dumps(content, indent=1) + "\n")


def whole_grid(path, points):
    """Every point of the grid over the time of its products alone: 1 is what nobody can beat."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    points = [point for point in points if PRODUCTS in point.values]
    if not points:
        return
    kinds = list(dict.fromkeys(point.what for point in points))
    rows = list(dict.fromkeys(f"{p.cell} {','.join(map(str, p.shape))}" for p in points))
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(11, 0.24 * len(rows) + 1.2), sharey=True, squeeze=False
    )
    for axis, what in zip(axes[0], kinds, strict=True):
        for point in (p for p in points if p.what == what):
            y = rows.index(f"{point.cell} {','.join(map(str, point.shape))}")
            floor = np.asarray(point.values[PRODUCTS])
            over = {n: float(np.median(np.asarray(v) / floor)) for n, v in point.values.items()}
            on_jax = [over[n] for n in point.others if n not in ("torch", PRODUCTS)]
            marks = {point.first: ("o", "C0", over[point.first])}
            marks |= {"fastest JAX peer": ("|", "C1", min(on_jax))} if on_jax else {}
            marks |= {"torch": ("x", "C2", over["torch"])} if "torch" in over else {}
            axis.hlines(y, 1, over[point.first], "C0", linewidth=1)
            for name, (marker, color, value) in marks.items():
                axis.plot(value, y, marker, color=color, label=name, markersize=7)
        axis.axvline(1, color="black", linewidth=1)
        axis.set(xscale="log", title=f"{what}: time over that of its products alone")
        axis.set_xticks([1, 2, 5, 10], ["1", "2", "5", "10"])
        axis.minorticks_off()
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(rows)), rows, fontsize=8)
    axes[0, 0].invert_yaxis()
    named = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
    axes[0, -1].legend(named.values(), named.keys(), fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def picture(path, points):
    """One panel for each section: ratios on a logarithmic axis."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    sections = {point.section: [] for point in points}
    for point in points:
        sections[point.section].append(point)
    rows = [len(chosen) for chosen in sections.values()]
    figure, axes = plt.subplots(
        len(sections),
        figsize=(10, 0.2 * sum(rows) + 1.4 * len(sections)),
        squeeze=False,
        height_ratios=[count + 2 for count in rows],
        layout="constrained",
    )
    everyone = _everyone(points)
    for (section, chosen), axis in zip(sections.items(), axes[:, 0], strict=True):
        for name in everyone:
            ratios = {i: p.ratios(name) for i, p in enumerate(chosen) if name in p.others}
            if not ratios:
                continue
            low, median, high = (
                [ratio[key] for ratio in ratios.values()] for key in ("low", "median", "high")
            )
            color = f"C{everyone.index(name) % 10}"
            axis.hlines(list(ratios), low, high, color)
            axis.plot(median, list(ratios), "o", color=color, label=name, markersize=4)
        axis.axvline(1, color="black", linewidth=1)
        axis.set(xscale="log", title=section, xlabel=f"ratio to {chosen[0].first}")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlim(min(0.5, axis.get_xlim()[0]), max(2, axis.get_xlim()[1]))
        axis.set_yticks(range(len(chosen)), [point.label for point in chosen], fontsize=7)
        axis.invert_yaxis()
        axis.grid(axis="x", which="both", alpha=0.3)
        axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)
    plt.close(figure)
