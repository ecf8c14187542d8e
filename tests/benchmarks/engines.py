"""A train step on `Scan` and on `BPTT`, in milliseconds: minimum of interleaved rounds.

python tests/benchmarks/engines.py            the whole table
python tests/benchmarks/engines.py --smoke    one small size, two rounds
"""

import argparse
from functools import partial

import jax
import numpy as np
from _timing import interleaved

from jaxrnn import cells, engines, unroll

SIZES = [
    (28, 64, 28, 128),
    (64, 32, 64, 256),
    (100, 32, 128, 128),
    (128, 32, 256, 256),
    (512, 8, 32, 32),
    (1000, 1, 64, 64),
    (35, 20, 200, 200),
]
CELLS = [cells.Elman, cells.LSTM, cells.GRU]
ENGINES = [engines.Scan(), engines.BPTT()]


@jax.jit
def train_step(cell, params, xs, engine):
    """Value, and gradients with respect to parameters and inputs."""

    def loss(params, xs):
        return (unroll(cell, params, xs, engine=engine)[1] ** 2).sum()

    return jax.value_and_grad(loss, argnums=(0, 1))(params, xs)


def measure(size, rounds):
    """Milliseconds of every cell on every engine, by name; the results are compared first."""
    steps, batch, inputs, hidden = size
    xs = jax.random.normal(jax.random.key(1), (steps, batch, inputs))
    calls = {}
    for make in CELLS:
        cell = make(inputs, hidden)
        params = cell.init(jax.random.key(0))
        wanted = train_step(cell, params, xs, ENGINES[0])
        for engine in ENGINES:
            call = partial(train_step, cell, params, xs, engine)
            for a, b in zip(jax.tree.leaves(call()), jax.tree.leaves(wanted), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(abs(b).max()))
            calls[make.__name__, type(engine).__name__] = call
    times = interleaved(calls, rounds=rounds, seconds=5.0)
    return {name: 1000 * values.min() for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    for size in [(5, 2, 3, 4)] if smoke else SIZES:
        for (cell, engine), value in measure(size, 2 if smoke else 20).items():
            print(f"{size!s:22} {cell:6} {engine:5} {value:8.2f} ms", flush=True)


if __name__ == "__main__":
    main()
