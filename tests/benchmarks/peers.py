"""jaxrnn against its peers, as installed: the same weights, checked equal, timed in turn.

python tests/benchmarks/peers.py            everything; many minutes
python tests/benchmarks/peers.py --quick    a few points, about a minute
python tests/benchmarks/peers.py --smoke    tiny sizes, nothing to be read from the times
python tests/benchmarks/peers.py --only grid --cells LSTM --shapes 28,64,28,128 --peers torch

Ratios are the peer's time over jaxrnn's in the same round, so that above 1 jaxrnn is faster.
"""

import argparse
import importlib.util
from pathlib import Path

import jax
import numpy as np
from _contestants import PACKAGES, PEERS, UnsupportedError, jaxrnn, problem
from _report import OURS, Point, machine, picture, save, summary, table
from _timing import interleaved
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

CELLS = ["Elman", "GRU", "LSTM"]
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


class Bench:
    """The options, and what was found to be missing on the way."""

    def __init__(self, options):
        self.options = options
        self.notes = {}
        self.peers = {}
        for name in options.peers:
            if importlib.util.find_spec(PACKAGES[name]):
                self.peers[name] = PEERS[name]
            else:
                self.notes[name] = "not installed"

    def contestants(self, given):
        """jaxrnn and every peer that computes the same, checked."""
        found = {OURS: jaxrnn(given)}
        wanted = found[OURS].results()
        for name, make in self.peers.items():
            try:
                found[name] = make(given)
            except UnsupportedError as reason:
                self.notes[f"{name}, {given.kind}"] = str(reason)
                continue
            check(name, found[name].results(), wanted)
        return found

    def timed(self, calls):
        return interleaved(calls, rounds=self.options.rounds, seconds=self.options.seconds)


def check(name, got, wanted):
    """Raise where results differ by more than float32 explains."""
    for what, value in wanted.items():
        scale = float(np.abs(value).max())
        error = float(np.abs(got[what] - value).max()) / scale
        if not error < 1e-3:
            raise AssertionError(f"{name}: {what} differ from those of jaxrnn by {error:.1e}")


def grid(bench):
    """Forward alone, and the gradients of a train step."""

    def measure(kind, shape):
        found = bench.contestants(problem(kind, shape))
        for what in ("forward", "train"):
            times = bench.timed({name: getattr(one, what) for name, one in found.items()})
            yield Point("grid", kind, shape, what, "s", times)

    for kind in bench.options.cells:
        for shape in bench.options.shapes:
            yield f"{kind} {shape}", lambda kind=kind, shape=shape: measure(kind, shape)


SECTIONS = {"grid": grid}


def main():
    options = parse()
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    bench = Bench(options)
    packages = [PACKAGES[name] for name in options.peers]
    options.out.mkdir(parents=True, exist_ok=True)
    information = machine(packages)
    jobs = [(name, *job) for name in options.only for job in SECTIONS[name](bench)]
    points = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=len(jobs))
        for section, label, measure in jobs:
            progress.update(task, description=f"{section}: {label}")
            points += measure()
            save(options.out / "peers.json", points, information, bench.notes)
            jax.clear_caches()
            progress.advance(task)
    for section in options.only:
        console.print(table(section, [point for point in points if point.section == section]))
    for name, reason in bench.notes.items():
        console.print(f"{name}: {reason}")
    if "grid" in options.only:
        console.print(summary([point for point in points if point.section == "grid"]))
    console.print(information)
    if importlib.util.find_spec("matplotlib"):
        picture(options.out / "peers.png", points)
    else:
        console.print("No picture: matplotlib is not installed.")
    console.print(f"Written to {options.out}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--shapes", nargs="+", type=shape, default=SHAPES, metavar="T,B,I,H")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=30, help="at most, for each point")
    parser.add_argument("--seconds", type=float, default=4.0, help="of measuring each point")
    parser.add_argument("--quick", action="store_true", help="a few points, about a minute")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("out/peers"))
    quick, _ = parser.parse_known_args()
    if quick.smoke:
        parser.set_defaults(shapes=[(5, 2, 3, 4)], rounds=2, seconds=0.1)
    elif quick.quick:
        parser.set_defaults(shapes=SHAPES[:2], rounds=7, seconds=0.5)
    return parser.parse_args()


def shape(text):
    """`28,64,28,128` as numbers."""
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    main()
