"""A train step of every cell beside its paper's step under `lax.scan`: ratios by round.

python tests/benchmarks/textbook.py            every cell of tests/textbook
python tests/benchmarks/textbook.py lstm sru   some of them
python tests/benchmarks/textbook.py --smoke    the sizes of the zoo, two rounds
"""

import argparse
import dataclasses
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
from _report import machine
from _timing import interleaved, spread

sys.path.insert(0, str(Path(__file__).parents[2]))

from jaxrnn import unroll
from tests import zoo
from tests.textbook import STEPS

STEPS_IN_TIME, BATCH, SIZE = 128, 16, 64
SIZES = dict.fromkeys(["inputs", "hidden", "features", "oscillators"], SIZE) | {
    "outputs": SIZE,
    "projected": SIZE // 2,
    "state": 16,
    "key_size": 16,
    "context": 16,
    "heads": 4,
    "rank": 4,
    "rates": (0.05, 0.1, 0.2, 0.4),
}


def enlarged(cell):
    """The zoo's cell, at the benchmark's sizes where it has these fields."""
    names = {field.name for field in dataclasses.fields(cell)}
    names -= {"heads"} if getattr(cell, "heads", 1) == 1 else set()  # as the page is written
    return dataclasses.replace(cell, **{name: SIZES[name] for name in SIZES if name in names})


@jax.jit
def with_jaxrnn(cell, params, xs):
    return _train_step(lambda params, xs: unroll(cell, params, xs)[1], params, xs)


@partial(jax.jit, static_argnums=1)
def by_the_book(cell, step, params, xs):
    def run(params, xs):
        carry = cell.carry(params, xs.shape[1 : xs.ndim - len(cell.input_shape)])
        return jax.lax.scan(partial(step, params), carry, xs)[1]

    return _train_step(run, params, xs)


def _train_step(run, params, xs):
    """Value, and gradients with respect to parameters and inputs."""
    return jax.value_and_grad(lambda *args: (run(*args) ** 2).mean(), argnums=(0, 1))(params, xs)


def measure(name, *, smoke):
    """Seconds of both, by round; the results are compared first."""
    cell, step = zoo.CELLS[name], STEPS[name]
    cell = cell if smoke else enlarged(cell)
    features = tuple(8 if size is None else size for size in cell.input_shape)
    shape = (3, 2) if smoke else (STEPS_IN_TIME, BATCH)
    xs = jax.random.normal(jax.random.key(1), (*shape, *features))
    params = cell.init(jax.random.key(0))
    calls = {
        "jaxrnn": partial(with_jaxrnn, cell, params, xs),
        "textbook": partial(by_the_book, cell, step, params, xs),
    }
    wanted = calls["textbook"]()
    for a, b in zip(jax.tree.leaves(calls["jaxrnn"]()), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3 * float(abs(b).max() + 1e-6))
    return interleaved(calls, rounds=2 if smoke else 15, seconds=0.01 if smoke else 4.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="*", default=list(STEPS))
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    print({name: value for name, value in machine([]).items() if name != "versions"})
    for name in list(STEPS)[:2] if arguments.smoke else arguments.cells:
        times = measure(name, smoke=arguments.smoke)
        ratio = spread(times["textbook"] / times["jaxrnn"])
        print(
            f"{name:24} {1e3 * np.median(times['jaxrnn']):8.2f} ms   "
            f"{ratio['median']:.2f} times faster ({ratio['low']:.2f} to {ratio['high']:.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
