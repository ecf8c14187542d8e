"""Which cells keep track of a state, and which remember: words of S3, and adding over 200 steps.

python tests/benchmarks/memory_tasks.py             both, some minutes
python tests/benchmarks/memory_tasks.py words       one of them
python tests/benchmarks/memory_tasks.py --smoke     a few steps of a cell each
"""

import argparse
import bisect
import time

import jax
import numpy as np
import optax
from _report import machine

from jaxrnn import cells, engines, networks, objectives, tasks, training

LENGTHS, SHARES = (16, 32, 64, 128), (0.0, 0.22, 0.36, 0.49)  # of words, from which step on
LENGTH, TESTED, ADDED = LENGTHS[-1], 512, 200
WORDS = {
    f"DeltaProduct, {updates} update{'s' * (updates > 1)}, eigenvalues {eigenvalues}": (
        cells.DeltaProduct(32, 32, heads=4, updates=updates, scale=scale)
    )
    for updates in (2, 1)
    for eigenvalues, scale in (("[-1, 1]", 2.0), ("[0, 1]", 1.0))
}


def near_one(key, shape, dtype=float):
    """Recurrent weights of the last layer of an IndRNN, as its paper starts them."""
    return jax.random.uniform(key, shape, dtype, 0.99, 1.0)


ADDERS = {  # layers of cells, and the largest learning rate
    "IndRNN, 2 layers": (
        [cells.IndRNN(2, 64), cells.IndRNN(64, 64, recurrent_init=near_one)],
        3e-3,
    ),
    "GRU": ([cells.GRU(2, 64)], 1e-2),
    "LSTM": ([cells.LSTM(2, 64)], 1e-2),
    "Elman": ([cells.Elman(2, 64)], 1e-2),
}


class Growing:
    """Words that grow from step to step."""

    def __init__(self, steps, batch, seed):
        def drawn(length):
            task = tasks.WordProblem(length)
            return tasks.Drawn(lambda key: task.batch(batch, key=key), seed)

        self.starts = [share * steps for share in SHARES]
        self.drawn = [drawn(length) for length in LENGTHS]

    def __getitem__(self, step):
        return self.drawn[bisect.bisect(self.starts, step) - 1][step]


def trained(layers, loss, batches, steps, rate, seed):
    """A network and its parameters after that many steps of Adam."""
    network = networks.stack(*layers)
    adam = optax.adamw(optax.cosine_onecycle_schedule(steps, rate))
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), adam)
    trainer = training.Trainer(network, loss, optimizer)
    key = jax.random.key(seed)
    run = training.fit(trainer, batches, steps=steps, every=steps, key=key, progress=None)
    return network, run.state.params


def words(chosen, steps, seeds):
    """The share of products that are right: of words as long as in training, and far beyond."""
    task = tasks.WordProblem(TESTED)
    given = task.batch(200, key=jax.random.key(10**6))
    print(
        f"words of S3, one layer, {steps} steps, with words that grow from {LENGTHS[0]} to "
        f"{LENGTH} symbols; chance {1 / task.vocab:.3f}"
    )
    for name, cell in chosen.items():
        for seed in range(seeds):
            began = time.perf_counter()
            layers = (
                networks.Embedding(task.vocab, cell.inputs, jax.nn.initializers.normal(1.0)),
                networks.Recurrent(cell, engine=engines.Chunkwise(16)),
                networks.Dense(cell.hidden, task.targets),
            )
            batches = Growing(steps, 32, seed)
            network, params = trained(layers, objectives.CrossEntropy(), batches, steps, 1e-2, seed)
            outputs = training.predict(network, params, given.inputs, batch=200)
            right = (outputs.argmax(-1) == np.asarray(given.targets)).mean(1)
            print(
                f"  {name:42} seed {seed}: to {LENGTH} {right[:LENGTH].mean():.3f}, from there to "
                f"{TESTED} {right[LENGTH:].mean():.3f}, last hundred {right[-100:].mean():.3f}, "
                f"{time.perf_counter() - began:.0f} s",
                flush=True,
            )


def adding(chosen, steps, seeds):
    """Mean squared errors on fresh sequences; that of saying 1 is 1/6."""
    task = tasks.Adding(ADDED)
    given = task.batch(1000, key=jax.random.key(10**6))
    print(f"adding, T = {ADDED}, {steps} steps; baseline {task.baseline():.4f}")
    for name, (stacked, rate) in chosen.items():
        for seed in range(seeds):
            began = time.perf_counter()
            layers = (
                *map(networks.Recurrent, stacked),
                networks.LastPool(),
                networks.Dense(64, 1),
            )
            batches = tasks.Drawn(lambda key: task.batch(32, key=key), seed)
            loss = objectives.SquaredError()
            network, params = trained(layers, loss, batches, steps, rate, seed)
            outputs = training.predict(network, params, given.inputs, batch=200)
            error = ((outputs - np.asarray(given.targets)) ** 2).mean()
            print(
                f"  {name:16} seed {seed}: {error:.4f}, {time.perf_counter() - began:.0f} s",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["words", "adding"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    runs = {"words": (words, WORDS, 2250), "adding": (adding, ADDERS, 2000)}
    print({name: value for name, value in machine([]).items() if name != "versions"})
    for what in options.what:
        run, chosen, steps = runs[what]
        if options.smoke:
            run(dict(list(chosen.items())[:1]), 4, 1)
        else:
            run(chosen, steps, options.seeds)


if __name__ == "__main__":
    main()
