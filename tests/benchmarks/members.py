"""Gradients of many parameter sets: `over_members`, `vmap`, and single steps one by one.

python tests/benchmarks/members.py            8 and 32 members of three cells at seven sizes
python tests/benchmarks/members.py --smoke    one tiny size
python tests/benchmarks/members.py --cells LSTM --shapes 28,64,28,128 --counts 8 --devices 4

The CPU is divided into as many devices as it has cores. All results are compared first. Every ratio
is the time of single steps over that of a contestant in the same round: above 1 it is faster.
"""

import argparse
import os
from functools import partial

import jax
import jax.numpy as jnp
from _contestants import OURS, compare, drawn, problem
from _peers import flax_linen, jaxrnn
from _report import machine
from _timing import interleaved, spread

from jaxrnn import training

SHAPES = [
    (28, 64, 28, 128),
    (8, 64, 8, 64),
    (100, 32, 2, 64),
    (100, 32, 32, 64),
    (512, 8, 32, 32),
    (35, 20, 200, 200),
    (10, 8, 8, 16),
]
CELLS = ["Elman", "GRU", "LSTM"]
SINGLE, OVER = "single steps", "over_members"


def contestants(kind, shape, count):
    """Calls that give the gradients of every member, after their results were compared."""
    given = problem(kind, shape)
    members = [
        given._replace(params=drawn(given.cell, key))
        for key in jax.random.split(jax.random.key(5), count)
    ]
    ours, theirs = ([make(member) for member in members] for make in (jaxrnn, flax_linen))
    step, xs = ours[0].compiled_train, given.xs
    calls = {SINGLE: lambda: [step(*one.args) for one in ours]}
    for name, made in ((OURS, ours), ("flax linen", theirs)):
        params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(one.args[0] for one in made))
        function = made[0].gradients
        calls[f"vmap, {name}"] = partial(jax.jit(jax.vmap(function, (0, None))), params, xs)
        if name == OURS:
            calls[OVER] = partial(training.over_members(function, (0, None)), *_placed(params, xs))
    wanted = jnp.stack([d_xs for _, d_xs in calls[SINGLE]()])
    for name, call in calls.items():
        if name != SINGLE:
            compare(f"{name}: input gradients", call()[1], wanted)
    singly = [d_params for d_params, _ in calls[SINGLE]()]
    for name in (f"vmap, {OURS}", OVER):
        for field, got in calls[name]()[0]._asdict().items():
            one_by_one = jnp.stack([getattr(d_params, field) for d_params in singly])
            compare(f"{name}: gradient of {field}", got, one_by_one)
    return calls


def _placed(params, xs):
    """As they would come out of the step before: where members are."""
    return training.over_members(lambda params, xs: params, (0, None))(params, xs), xs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="one tiny size, to see that it runs")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--shapes", nargs="+", type=_shape, metavar="T,B,I,H", default=SHAPES)
    parser.add_argument("--counts", nargs="+", type=int, default=[8, 32])
    parser.add_argument("--devices", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=4.0, help="of measuring each point")
    options = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", options.devices)
    if options.smoke:
        jax.config.update("jax_disable_most_optimizations", True)  # compiles in half the time
        options.cells, options.shapes, options.counts = ["LSTM"], [(5, 2, 3, 4)], [3]
    print({name: value for name, value in machine([]).items() if name != "versions"})
    print(f"{options.devices} devices; times in ms, and how many times faster than single steps")
    for kind in options.cells:
        for shape in options.shapes:
            for count in options.counts:
                calls = contestants(kind, shape, count)
                seconds = 0.0 if options.smoke else options.seconds
                times = interleaved(calls, rounds=30, seconds=seconds)
                _show(f"{kind} {shape}, {count} members", times)
            if not options.smoke:
                jax.clear_caches()  # or compiled programs fill the memory


def _show(what, times):
    print(f"{what}: single {1e3 * spread(times[SINGLE])['median']:.3g}", end="", flush=True)
    for name, taken in times.items():
        if name != SINGLE:
            ratio = spread(times[SINGLE] / taken)
            print(
                f"; {name} {1e3 * spread(taken)['median']:.3g}, {ratio['median']:.2f} "
                f"({ratio['low']:.2f} to {ratio['high']:.2f})",
                end="",
            )
    ratio = spread(times["vmap, flax linen"] / times[OVER])
    print(f"; {OVER} against flax {ratio['median']:.2f}", flush=True)


def _shape(text):
    """`28,64,28,128` as numbers."""
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    main()
