"""A sweep, and as many runs of one compiled `lax.scan` loop: seconds, and their ratio by round.

python tests/benchmarks/sweep.py            the whole table: where side by side stops being faster
python tests/benchmarks/sweep.py --smoke    one small size
"""

import argparse
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from _report import machine
from _timing import interleaved, spread

from jaxrnn import cells, networks, objectives, training

LEAKS, RATES, SEEDS = [0.0, 0.1, 0.2], [1e-3, 3e-3, 1e-2, 3e-2], list(range(8))
SIZES = [
    (cell, 8, batch, hidden)
    for cell in (cells.Elman, cells.GRU)
    for batch, hidden in [(8, 16), (8, 32), (32, 16), (32, 32), (32, 64), (32, 128)]
]


def a_sweep(size, steps, members, ways):
    """Calls of the same members: by hand one by one, and by `sweep` in several ways."""
    cell, length, batch, hidden = size
    network = networks.stack(
        networks.Recurrent(cell(8, hidden)), networks.LastPool(), networks.Dense(hidden, 10)
    )
    optimizer = optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)
    trainer = training.Trainer(network, objectives.CrossEntropy(0.0), optimizer)
    inputs = jax.random.normal(jax.random.key(0), (steps, length, batch, 8))
    targets = jax.random.randint(jax.random.key(1), (steps, batch), 0, 10)
    settings = {"loss.smoothing": LEAKS, "learning_rate": RATES}

    @jax.jit
    def loop(trainer, key, learning_rate):
        state = trainer.init(key)
        held = state.opt_state
        numbers = held.hyperparams | {"learning_rate": learning_rate}
        state = state._replace(opt_state=held._replace(hyperparams=numbers))
        return jax.lax.scan(trainer.step, state, (inputs, targets))[1]

    def one_by_one():
        losses = [
            loop(
                training.Trainer(network, objectives.CrossEntropy(smoothing), optimizer),
                jax.random.key(seed),
                jnp.float32(rate),
            ).loss.mean()
            for smoothing in LEAKS
            for rate in RATES
            for seed in SEEDS
        ]
        return np.array(losses[:members])

    batches = [(np.asarray(x), np.asarray(y)) for x, y in zip(inputs, targets, strict=True)]
    call = partial(
        training.sweep, trainer, batches, settings, seeds=SEEDS, steps=steps, progress=None
    )

    def by_sweep(way):
        return call(members=way).scores("train/loss")

    return {"loop": one_by_one} | {str(way): partial(by_sweep, way) for way in ways}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    ways = [training.OneByOne(), training.Vmapped(16), training.Vmapped(96), training.Fastest(16)]
    print({name: value for name, value in machine([]).items() if name != "versions"})
    for size in SIZES[:1] if smoke else SIZES:
        # Later steps multiply rounding: at a large learning rate training is chaotic.
        results = {name: call() for name, call in a_sweep(size, 4, 96, ways).items()}
        for name, result in results.items():
            np.testing.assert_allclose(result, results["loop"], rtol=1e-3, err_msg=name)
        calls = a_sweep(size, 4 if smoke else 50, 96, ways)
        times = interleaved(calls, rounds=2 if smoke else 9, seconds=0.1 if smoke else 30.0)
        named = (size[0].__name__, *size[1:])
        print(
            f"cell, T, B, H = {named}: the loop {spread(times['loop'])['median']:.2f} s", flush=True
        )
        for name in list(calls)[1:]:
            ratio = spread(times["loop"] / times[name])
            print(
                f"  {name:20} {ratio['median']:.2f} times faster "
                f"({ratio['low']:.2f} to {ratio['high']:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
