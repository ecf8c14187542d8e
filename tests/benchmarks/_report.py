"""What the measurements say: tables, a summary, a JSON file and a picture."""

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from _timing import spread
from rich.table import Table

OURS = "jaxrnn"
NOT_JAX = ("torch",)


class Point(NamedTuple):
    """One row of a section: what every contestant took, one number for each round."""

    section: str
    cell: str
    shape: tuple[int, ...]
    what: str
    unit: str
    values: dict[str, np.ndarray]

    @property
    def label(self):
        return f"{self.cell} {','.join(map(str, self.shape))} {self.what}"

    def ratios(self, name):
        """What `name` took over what jaxrnn took, by round: above 1 jaxrnn is better."""
        return np.asarray(self.values[name]) / np.asarray(self.values[OURS])

    def ratio(self, name):
        return float(np.median(self.ratios(name)))

    @property
    def fastest(self):
        """The lowest ratio of a peer that runs on JAX, or None."""
        rivals = [name for name in self.values if name not in (OURS, *NOT_JAX)]
        return min(map(self.ratio, rivals), default=None)


def table(section, points):
    """jaxrnn's own figure, and every other's as a ratio to it, with quartiles."""
    names = list(dict.fromkeys(name for point in points for name in point.values if name != OURS))
    result = Table(title=f"{section}: jaxrnn, and the ratio of each to it (above 1: more)")
    result.add_column("", no_wrap=True)
    for name in (OURS, *names):
        result.add_column(name, justify="right", no_wrap=True)
    for point in points:
        ratios = [_quartiles(point, name) if name in point.values else "" for name in names]
        result.add_row(point.label, _figure(point), *ratios)
    return result


def _figure(point):
    value = np.median(point.values[OURS])
    scale, unit = {"s": (1e3, "ms"), "bytes": (1e-6, "MB")}[point.unit]
    return f"{scale * value:.3g} {unit}"


def _quartiles(point, name):
    ratios = spread(point.ratios(name))
    median = f"{ratios['median']:.2f}"
    if point.unit == "bytes":
        return median
    return f"{median} ({ratios['low']:.2f}-{ratios['high']:.2f})"


def summary(points):
    """Geometric means and worst points of the grid, against the fastest JAX peer and PyTorch."""
    result = Table(title="Time of the peer over that of jaxrnn (above 1: jaxrnn is faster)")
    for column in ("cells", "what", "against", "points", "geometric mean", "worst", "where"):
        result.add_column(column, no_wrap=True)
    kinds = list(dict.fromkeys(point.cell for point in points))
    for cells in [kinds, *([kind] for kind in kinds)] if len(kinds) > 1 else [kinds]:
        for what in dict.fromkeys(point.what for point in points):
            chosen = [point for point in points if point.cell in cells and point.what == what]
            for name, ratio in (
                ("fastest JAX peer", lambda point: point.fastest),
                ("torch", lambda point: point.ratio("torch") if "torch" in point.values else None),
            ):
                ratios = {point.label: ratio(point) for point in chosen}
                ratios = {label: value for label, value in ratios.items() if value is not None}
                if not ratios:
                    continue
                worst = min(ratios, key=ratios.get)
                result.add_row(
                    "all" if len(cells) > 1 else cells[0],
                    what,
                    name,
                    str(len(ratios)),
                    f"{np.exp(np.mean(np.log(list(ratios.values())))):.2f}",
                    f"{ratios[worst]:.2f}",
                    worst,
                )
    return result


def machine(packages):
    """Where this was measured, and with what."""
    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = {}
    for name in ("jaxrnn", "jax", "jaxlib", "numpy", *packages):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    found = {"cpu": cpu, "cores": cores, "python": platform.python_version()}
    found |= {"backend": jax.default_backend(), "versions": versions}
    found |= {"XLA_FLAGS": os.environ.get("XLA_FLAGS", "")}
    if versions.get("torch"):
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
            "ratios": {name: spread(point.ratios(name)) for name in point.values if name != OURS},
        }
        for point in points
    ]
    content = {"machine": information, "left out": notes, "points": rows}
    path.write_text(json.dumps(content, indent=1) + "\n")


def picture(path, points):
    """One panel for each section: ratios to jaxrnn on a logarithmic axis."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    sections = list(dict.fromkeys(point.section for point in points))
    rows = [sum(point.section == section for point in points) for section in sections]
    figure, axes = plt.subplots(
        len(sections),
        figsize=(9, 0.22 * sum(rows) + 1.3 * len(sections)),
        squeeze=False,
        height_ratios=[count + 1 for count in rows],
        layout="constrained",
    )
    everyone = dict.fromkeys(name for point in points for name in point.values if name != OURS)
    colors = {name: f"C{i % 10}" for i, name in enumerate(everyone)}
    for section, axis in zip(sections, axes[:, 0], strict=True):
        chosen = [point for point in points if point.section == section]
        for name in everyone:
            rows = [i for i, point in enumerate(chosen) if name in point.values]
            if not rows:
                continue
            spreads = [spread(chosen[i].ratios(name)) for i in rows]
            axis.hlines(
                rows, [s["low"] for s in spreads], [s["high"] for s in spreads], colors[name]
            )
            axis.plot([s["median"] for s in spreads], rows, "o", color=colors[name], label=name)
        axis.axvline(1, color="black", linewidth=1)
        axis.set(xscale="log", title=section, xlabel="ratio to jaxrnn (above 1: jaxrnn takes less)")
        axis.set_yticks(range(len(chosen)), [point.label for point in chosen], fontsize=7)
        axis.invert_yaxis()
        axis.grid(axis="x", which="both", alpha=0.3)
        axis.legend(fontsize=7, ncols=4)
    figure.savefig(path, dpi=130)
    plt.close(figure)
