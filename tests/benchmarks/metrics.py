"""What metrics add to a train step: the ratio of the step with them to the step without, by round.

python tests/benchmarks/metrics.py            the whole table
python tests/benchmarks/metrics.py --smoke    one small size
"""

import argparse
from functools import partial

import jax
import optax
from _timing import interleaved, spread

from jaxrnn import cells, metrics, networks, objectives, training

SIZES = [
    (100, 32, 128, 64),
    (100, 32, 128, 256),
    (100, 32, 128, 2000),
    (100, 32, 128, 10000),
    (35, 20, 200, 2000),
    (35, 20, 200, 10000),
]
SCORES = metrics.collect(
    nll=metrics.nll(),
    accuracy=metrics.accuracy(),
    entropy=metrics.entropy(),
    perplexity=metrics.perplexity(),
)


def a_step(size, scores):
    """A call of one train step of a language model, `T, B, H, V`."""
    steps, batch, hidden, vocabulary = size
    network = networks.stack(
        networks.Embedding(vocabulary, hidden),
        networks.Recurrent(cells.LSTM(hidden, hidden)),
        networks.Dense(hidden, vocabulary),
    )
    trainer = training.Trainer(network, objectives.CrossEntropy(), optax.adam(1e-3), scores)
    state = trainer.init(jax.random.key(0))
    symbols = jax.random.randint(jax.random.key(1), (steps + 1, batch), 0, vocabulary)
    step = jax.jit(training.Trainer.step)
    return partial(step, trainer, state, (symbols[:-1], symbols[1:]))


def measure(size, rounds, seconds):
    """Milliseconds of the step alone, and the ratios of the step with metrics to it."""
    calls = {"without": a_step(size, None), "with": a_step(size, SCORES)}
    times = interleaved(calls, rounds=rounds, seconds=seconds)
    return 1000 * spread(times["without"])["median"], spread(times["with"] / times["without"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    print("T, B, H, V              without    with / without: median (quartiles)")
    for size in [(5, 2, 3, 4)] if smoke else SIZES:
        alone, ratio = measure(size, *((2, 0.1) if smoke else (100, 15.0)))
        print(
            f"{size!s:22} {alone:8.2f} ms   {ratio['median']:.3f} "
            f"({ratio['low']:.3f} to {ratio['high']:.3f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
