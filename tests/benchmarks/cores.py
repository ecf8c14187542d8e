"""One network on all cores: a JAX device for each, the batch divided, against PyTorch's threads.

python tests/benchmarks/cores.py            train steps of the grid
python tests/benchmarks/cores.py --smoke    one tiny size, to see that it runs

Every ratio is that of the time to jaxrnn's under `shard_map`, one device a core: above 1, that is
faster.
"""

import argparse
import importlib.util
import os
from functools import partial
from pathlib import Path

import jax
from _contestants import check, problem
from _peers import PEERS, jaxrnn
from _report import Point, machine, save, table
from _timing import interleaved
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from rich.console import Console

from jaxrnn import unroll

SHAPES = [(28, 64, 28, 128), (100, 32, 128, 128), (128, 32, 256, 256), (512, 8, 32, 32)]
CELLS = ["Elman", "GRU", "LSTM"]
EVERYWHERE, ROWS = PartitionSpec(), PartitionSpec(None, "data")
FIRST = "jaxrnn, shard_map"


def main():
    options = parse()
    jax.config.update("jax_num_cpu_devices", options.devices)
    console = Console() if Console().is_terminal else Console(width=160)
    points = []
    for kind in options.cells:
        for shape in options.shapes:
            calls = contestants(kind, shape)
            times = interleaved(calls, rounds=options.rounds, seconds=options.seconds)
            points.append(Point("cores", kind, shape, "train", "s", times))
            console.print(points[-1].line, highlight=False)
            jax.clear_caches()
    console.print(table("cores", points))
    information = machine(["flax", "torch"] if "torch" in points[0].values else [])
    options.out.mkdir(parents=True, exist_ok=True)
    save(options.out / "cores.json", points, information, [])
    console.print(information, f"Written to {options.out}")


def contestants(kind, shape):
    """A train step of each, after the results were compared."""
    given = problem(kind, shape)
    one = jaxrnn(given)
    wanted = one.results()["input gradients"]
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
    whole, divided = NamedSharding(mesh, EVERYWHERE), NamedSharding(mesh, ROWS)
    params, xs = jax.device_put(given.params, whole), jax.device_put(given.xs, divided)

    def loss(params, xs):
        return (unroll(given.cell, params, xs)[1] ** 2).sum() / (xs.shape[0] * size)

    size = shape[1] * shape[3]
    gradients = jax.grad(loss, (0, 1))
    by_hand = jax.shard_map(
        gradients, mesh=mesh, in_specs=(EVERYWHERE, ROWS), out_specs=(EVERYWHERE, ROWS)
    )
    calls = {
        FIRST: partial(jax.jit(by_hand), params, xs),
        "jaxrnn, jit": partial(jax.jit(gradients), params, xs),
        "jaxrnn, one device": one.train,
    }
    for call in calls.values():
        check(FIRST, {"input gradients": call()[1]}, {"input gradients": wanted})
    theirs = PEERS["flax linen"](given)
    arguments = jax.device_put(theirs.args[0], whole), xs
    calls["flax linen, jit"] = partial(theirs.compiled_train, *arguments)
    if importlib.util.find_spec("torch"):
        calls["torch"] = PEERS["torch"](given).train
    return calls


def parse():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--shapes", nargs="+", type=shape, metavar="T,B,I,H", default=SHAPES)
    parser.add_argument("--devices", type=int, default=cores, help="by default the cores")
    parser.add_argument("--rounds", type=int, default=30, help="at most, for each point")
    parser.add_argument("--seconds", type=float, default=4.0, help="of measuring each point")
    parser.add_argument("--smoke", action="store_true", help="one tiny size, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("out/cores"))
    if parser.parse_known_args()[0].smoke:
        parser.set_defaults(cells=["LSTM"], shapes=[(5, 2, 3, 4)], devices=2, rounds=1, seconds=0)
    return parser.parse_args()


def shape(text):
    """`28,64,28,128` as numbers."""
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    main()
