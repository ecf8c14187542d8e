"""jaxrnn against its peers, as they are installed: equal weights, equal results, timed in turn.

python tests/benchmarks/peers.py            everything; most of an hour
python tests/benchmarks/peers.py --quick    a few points, about a minute
python tests/benchmarks/peers.py --smoke    tiny sizes, to see that it runs
python tests/benchmarks/peers.py --only grid vmap --cells LSTM --shapes 28,64,28,128 --peers torch

Every ratio is the peer's time over jaxrnn's in the same round: above 1 jaxrnn is faster. The peers
are installed by `pip install -e ".[bench]"`; those that are missing are left out. A ratio that the
second half of the rounds does not confirm is printed as the two that were found.
"""

import argparse
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import _sections
import jax
from _peers import PACKAGES, PEERS
from _report import Point, machine, picture, save, summary, table, whole_grid
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SHAPES = [
    (28, 64, 28, 128),
    (100, 32, 128, 128),
    (128, 32, 256, 256),
    (100, 128, 512, 512),
    (35, 20, 200, 200),
    (1000, 1, 64, 64),
    (512, 8, 32, 32),
    (2000, 16, 8, 16),
]
SOME = [(28, 64, 28, 128), (100, 32, 128, 128), (512, 8, 32, 32)]
CELLS = ["Elman", "GRU", "LSTM"]


class Section(NamedTuple):
    """A question, asked for every cell and shape `(T, B, I, H)`."""

    measure: Any
    shapes: list[tuple[int, ...]]
    cells: list[str] = CELLS


SECTIONS = {
    "grid": Section(_sections.grid, SHAPES, [*CELLS, "ResetBeforeGRU"]),
    "ragged": Section(_sections.ragged, SOME),
    "resets": Section(_sections.resets, SOME),
    "bidirectional": Section(_sections.bidirectional, SOME),
    "step": Section(_sections.step, [(100, 1, 128, 128)]),
    "vmap": Section(_sections.vmap, [(28, 64, 28, 128), (8, 64, 8, 64), (100, 32, 2, 64)]),
    "compile": Section(_sections.compilation, SHAPES[:1]),
    "memory": Section(_sections.memory, SHAPES),
    "chunked": Section(_sections.chunked, [(4096, 8, 64, 64)]),
    "loss": Section(_sections.loss, [(512, 16, 8192, 64)], ["LSTM"]),  # T, B, V, H
}


def main():
    options = parse()
    jax.config.update("jax_enable_compilation_cache", False)
    console = Console()
    if not console.is_terminal:
        console = Console(width=180)
    notes = []
    bench = _sections.Bench(installed(options.peers, notes), options.rounds, options.seconds, notes)
    information = machine([PACKAGES[name][1] for name in bench.peers])
    options.out.mkdir(parents=True, exist_ok=True)
    jobs = [
        (name, cell, shape)
        for name in options.only
        for cell in SECTIONS[name].cells
        for shape in options.shapes or SECTIONS[name].shapes[: 2 if options.quick else None]
        if cell in options.cells
    ]
    points = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=len(jobs))
        for name, cell, shape in jobs:
            progress.update(task, description=f"{name}: {cell} {','.join(map(str, shape))}")
            for result in SECTIONS[name].measure(bench, cell, shape):
                points.append(Point(name, cell, shape, *result))
                console.print(points[-1].line, highlight=False)
            save(options.out / "peers.json", points, information, notes)
            if not options.smoke:
                jax.clear_caches()  # or compiled programs fill the memory
            progress.advance(task)
    by_section = {name: [p for p in points if p.section == name] for name in options.only}
    for name, chosen in by_section.items():
        if chosen:
            console.print(table(name, chosen))
    if by_section.get("grid"):
        console.print(summary(by_section["grid"]))
    for note in notes:
        console.print(note, highlight=False)
    console.print(information)
    if importlib.util.find_spec("matplotlib"):
        picture(options.out / "peers.png", points)
        if by_section.get("grid"):
            whole_grid(options.out / "grid.png", by_section["grid"])
    else:
        console.print("No picture: matplotlib is not installed.")
    console.print(f"Written to {options.out}")


def installed(names, notes):
    """Those of the peers that can be imported."""
    found = {}
    for name in names:
        if not importlib.util.find_spec(PACKAGES[name][0]):
            notes.append(f"{name} is not installed")
        elif name == "torch" and jax.default_backend() != "cpu":
            notes.append(f"torch is on the CPU here, and JAX on {jax.default_backend()}")
        else:
            found[name] = PEERS[name]
    return found


def parse():
    cells = SECTIONS["grid"].cells
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--cells", nargs="+", choices=cells, default=cells)
    parser.add_argument("--shapes", nargs="+", type=shape, metavar="T,B,I,H")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=30, help="at most, for each point")
    parser.add_argument("--seconds", type=float, default=4.0, help="of measuring each point")
    parser.add_argument("--quick", action="store_true", help="a few points, about a minute")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("out/peers"))
    first, _ = parser.parse_known_args()
    if first.smoke:
        jax.config.update("jax_disable_most_optimizations", True)  # compiles in half the time
        parser.set_defaults(cells=["LSTM"], peers=["flax linen"])
        parser.set_defaults(shapes=[(5, 2, 3, 4)], rounds=1, seconds=0.0)
    elif first.quick:
        parser.set_defaults(only=["grid", "step"], cells=CELLS, rounds=7, seconds=0.5)
        parser.set_defaults(peers=["flax linen", "equinox", "torch"])
    return parser.parse_args()


def shape(text):
    """`28,64,28,128` as numbers."""
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    main()
