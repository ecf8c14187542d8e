"""The train step of a model of flax, and of the same model with `RNN` of `jaxrnn.interop`.

python tests/benchmarks/flax_modules.py            every cell of linen and nnx; a few minutes
python tests/benchmarks/flax_modules.py --smoke    tiny sizes, to see that it runs

A model that names the next symbol is trained twice from the same parameters on the same batches,
with Adam, for 100 steps: the two curves of the loss must lie within 1e-5 of each other. Then the
two train steps are timed in turn. A ratio is flax's time over jaxrnn's in the same round: above 1
jaxrnn is faster.
"""

import argparse
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from _report import machine
from _timing import interleaved, spread
from flax import nnx
from rich.console import Console
from rich.table import Table

from jaxrnn import interop

VOCAB, EMBEDDED = 32, 64
SHAPES = [(100, 32, 128), (512, 8, 32)]
OPTIMIZER = optax.adam(1e-3)
LINEN = ("SimpleCell", "LSTMCell", "OptimizedLSTMCell", "GRUCell", "MGUCell")
NNX = ("SimpleCell", "LSTMCell", "OptimizedLSTMCell", "GRUCell")


class LinenModel(nn.Module):
    """Embedding, one recurrent layer or one of two directions, and a matrix."""

    rnn: type
    cell: str
    hidden: int
    both: bool

    @nn.compact
    def __call__(self, symbols, lengths):
        xs = nn.Embed(VOCAB, EMBEDDED)(symbols)
        layers = [self.rnn(getattr(nn, self.cell)(self.hidden)) for _ in range(1 + self.both)]
        layer = nn.Bidirectional(*layers) if self.both else layers[0]
        return nn.Dense(VOCAB)(layer(xs, seq_lengths=lengths))


class NnxModel(nnx.Module):
    """The same in nnx."""

    def __init__(self, rnn, cell, hidden, both):
        rngs, make = nnx.Rngs(0), getattr(nnx, cell)
        self.embed = nnx.Embed(VOCAB, EMBEDDED, rngs=rngs)
        layers = [rnn(make(EMBEDDED, hidden, rngs=rngs)) for _ in range(1 + both)]
        self.layer = nnx.Bidirectional(*layers) if both else layers[0]
        self.read = nnx.Linear((1 + both) * hidden, VOCAB, rngs=rngs)

    def __call__(self, symbols, lengths):
        return self.read(self.layer(self.embed(symbols), seq_lengths=lengths))


def loss_of(logits, batch):
    symbols, lengths = batch
    counted = jnp.arange(symbols.shape[1] - 1) < lengths[:, None]
    surprisals = optax.softmax_cross_entropy_with_integer_labels(logits, symbols[:, 1:])
    return (surprisals * counted).sum() / counted.sum()


def linen_training(rnn, *options):
    """A function of a batch that takes one train step and returns the loss."""
    model = LinenModel(rnn, *options)

    @jax.jit
    def step(params, state, batch):
        def loss(params):
            return loss_of(model.apply(params, batch[0][:, :-1], batch[1]), batch)

        value, gradient = jax.value_and_grad(loss)(params)
        updates, state = OPTIMIZER.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, value

    params = model.init(jax.random.key(0), jnp.zeros((1, 2), int), jnp.array([2]))
    kept = [params, OPTIMIZER.init(params)]

    def train(batch):
        *kept[:], value = step(*kept, batch)
        return value

    return train


def nnx_training(rnn, *options):
    """The same with nnx."""
    model = NnxModel(rnn, *options)
    optimizer = nnx.Optimizer(model, OPTIMIZER, wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, batch):
        def loss(model):
            return loss_of(model(batch[0][:, :-1], batch[1]), batch)

        value, gradient = nnx.value_and_grad(loss)(model)
        optimizer.update(model, gradient)
        return value

    return lambda batch: step(model, optimizer, batch)


LIBRARIES = {
    "linen": (linen_training, {"flax": nn.RNN, "jaxrnn": interop.linen.RNN}, LINEN),
    "nnx": (nnx_training, {"flax": nnx.RNN, "jaxrnn": interop.nnx.RNN}, NNX),
}


def batches(steps, size, length, seed=0):
    """Symbols that mostly count up, and how many steps of each sequence count."""
    draw = np.random.default_rng(seed)
    for _ in range(steps):
        moves = draw.choice([1, 2, 7], p=[0.7, 0.2, 0.1], size=(size, length + 1))
        lengths = draw.integers(length // 2, length + 1, size)
        yield jnp.asarray(moves.cumsum(1) % VOCAB), jnp.asarray(lengths)


def compare(library, cell, both, shape, options):
    """The largest difference of the two losses, the last loss, and the times of both steps."""
    training, kinds, _ = LIBRARIES[library]
    length, size, hidden = shape
    trains = {name: training(rnn, cell, hidden, both) for name, rnn in kinds.items()}
    data = list(batches(options.steps, size, length))
    losses = {name: [float(train(batch)) for batch in data] for name, train in trains.items()}
    apart = np.abs(np.subtract(losses["flax"], losses["jaxrnn"])).max()
    calls = {name: lambda train=train: train(data[0]) for name, train in trains.items()}
    times = interleaved(calls, rounds=options.rounds, seconds=options.seconds)
    return apart, losses["jaxrnn"][-1], times


def main():
    options = parse()
    console, wrong = Console(width=130), 0
    table = Table()
    for column in (
        "",
        "T, batch, hidden",
        "loss at the end",
        "curves apart",
        "flax",
        "jaxrnn",
        "ratio (quartiles)",
    ):
        table.add_column(column, justify="left" if not column else "right")
    jobs = [
        (library, cell, both, shape)
        for shape in options.shapes
        for library, (_, _, cells) in LIBRARIES.items()
        for cell, both in [*((cell, False) for cell in cells), ("GRUCell", True)]
        if cell in options.cells
    ]
    for library, cell, both, shape in jobs:
        apart, last, times = compare(library, cell, both, shape, options)
        wrong += not apart <= 1e-5
        ratio = spread(times["flax"] / times["jaxrnn"])
        row = [
            f"{library} {cell}{', both directions' if both else ''}",
            ", ".join(map(str, shape)),
            f"{last:.4f}",
            f"{apart:.1e}",
            *(f"{1e3 * np.median(times[name]):.1f} ms" for name in ("flax", "jaxrnn")),
            f"{ratio['median']:.2f} ({ratio['low']:.2f} - {ratio['high']:.2f})",
        ]
        table.add_row(*row)
        console.print(" | ".join(row), highlight=False)
        jax.clear_caches()
    console.print(table)
    console.print(machine(["flax"]))
    return 1 if wrong else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", choices=LINEN, default=LINEN)
    parser.add_argument("--shapes", nargs="+", type=sizes, default=SHAPES, metavar="T,B,H")
    parser.add_argument("--steps", type=int, default=100, help="of training")
    parser.add_argument("--rounds", type=int, default=30, help="of timing, at most")
    parser.add_argument("--seconds", type=float, default=6.0, help="of timing each model")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, to see that it runs")
    if parser.parse_known_args()[0].smoke:
        jax.config.update("jax_disable_most_optimizations", True)  # compiles in half the time
        parser.set_defaults(shapes=[(5, 2, 4)], steps=2, rounds=1, seconds=0.0)
        parser.set_defaults(cells=["GRUCell"])
    return parser.parse_args()


def sizes(text):
    steps, batch, hidden = map(int, text.split(","))
    return steps, batch, hidden


if __name__ == "__main__":
    sys.exit(main())
