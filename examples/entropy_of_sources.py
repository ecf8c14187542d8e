"""Small recurrent networks on sources whose entropy is known: how near do they come?

    python examples/entropy_of_sources.py                       four sources, seconds each
    python examples/entropy_of_sources.py --sources even sns    some of them

Each network is held against its source, and against n-grams, on the same held-out symbols, so that
what chance does to them cancels. Of the golden mean the last symbol says all, and an n-gram of
order 1 is as good as anything. Of the others no finite number of symbols does: every n-gram stays
above the entropy rate, far above it where the source has much to remember, by ever less on sns.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
import optax

from jaxrnn import cells, data, information, networks, objectives, tasks, training

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCES = {
    "golden-mean": tasks.golden_mean(),
    "even": tasks.even(),
    "rrxor": tasks.rrxor(),
    "sns": tasks.sns(),
}
BATCH, LENGTH = 64, 64
CONTEXT, SCORED = 64, 256  # of each held-out sequence, what is only read, and what is scored
COUNTED = 300_000  # symbols that an n-gram is counted on
ORDERS = (1, 2, 4, 8, 12)
MILLIBITS = 1000 / math.log(2)


class Study(NamedTuple):
    """How a network fared on one source; everything in millibits above what stands in brackets.

    Shapes:
        curve: the steps of training at which it was scored, and its loss there [the source's].
        last: the loss after training [the source's].
        profile: the loss at each place of a sequence [the source's].
        source: the source's own loss on these symbols [the entropy rate].
        ngrams: the loss of an n-gram of each of `ORDERS` [the source's].
    """

    curve: list[tuple[int, float]]
    last: tasks.Excess
    profile: np.ndarray
    source: float
    ngrams: dict[int, float]


def main(options: argparse.Namespace) -> None:
    """Train one network for each source, say how they compare, and draw it."""
    from matplotlib.figure import Figure

    options.out.mkdir(parents=True, exist_ok=True)
    figure = Figure((4.2 * len(options.sources), 7.5), layout="constrained")
    panels = figure.subplots(2, len(options.sources), squeeze=False)
    result = {}
    for name, (above, below) in zip(options.sources, panels.T, strict=True):
        source = SOURCES[name]
        lower, upper = tasks.entropy_rate_bounds(source, CONTEXT + SCORED)
        rate = float(lower[-1] + upper[-1]) / 2
        print(f"\n{name}: entropy rate {rate / math.log(2):.6f} bits a symbol")
        study = run(source, rate, options)
        for order, value in study.ngrams.items():
            print(f"{f'order-{order} n-gram':>16} {value:+9.2f} millibits above the source")
        print(
            f"{'network':>16} {study.last.mean:+9.2f} ± {study.last.standard_error:.2f}, and "
            f"{study.last.mean + study.source:+.2f} above the entropy rate on these symbols"
        )
        result[name] = {
            "entropy_rate_bits": rate / math.log(2),
            "source_above_rate": float(study.source),
            "network_above_source": study.last.mean.item(),
            "standard_error": study.last.standard_error.item(),
            "training": study.curve,
            "ngrams_above_source": study.ngrams,
        }
        draw_training(above, name, study)
        draw_profile(below, np.asarray(upper) / math.log(2), rate / math.log(2), study)
    figure.savefig(options.out / "entropy_of_sources.png", dpi=120)
    (options.out / "result.json").write_text(json.dumps(result, indent=2))
    print(f"\nwrote {options.out}/: entropy_of_sources.png, result.json")


def run(source: tasks.HMM, rate: float, options: argparse.Namespace) -> Study:
    """Train a network on symbols that are drawn anew at every step, and score it on the way."""
    for_weights, for_test, for_counts = jax.random.split(jax.random.key(options.seed), 3)
    observed = source.sample(CONTEXT + SCORED, (options.held_out,), key=for_test)
    least = np.asarray(source.surprisal(observed))
    network = networks.stack(
        networks.Embedding(source.vocab, 8),
        networks.Recurrent(cells.GRU(8, options.hidden)),
        networks.Dense(options.hidden, source.vocab),
    )

    @jax.jit
    def predict(params: Any) -> jax.Array:
        return network.apply(params, observed[:-1])[1]

    curve = []

    def score(event: training.Event) -> None:
        excess = tasks.excess_loss(source, observed, predict(event.state.params)[-SCORED:])
        curve.append((event.step, float(excess.mean)))
        print(f"{f'step {event.step}':>16} {excess.mean:+9.2f} millibits above the source")

    def draw(key: jax.Array) -> data.Batch:
        symbols = source.sample(LENGTH + 1, (BATCH,), key=key)
        return data.Batch(inputs=symbols[:-1], targets=symbols[1:])

    began = time.perf_counter()
    params = training.fit(
        training.Trainer(network, objectives.CrossEntropy(), optimizer(options.steps)),
        tasks.Drawn(draw, seed=options.seed),
        steps=options.steps,
        every=max(options.steps // 12, 1),
        key=for_weights,
        callbacks=[score],
        progress=None,
    ).state.params
    print(f"{'trained in':>16} {time.perf_counter() - began:9.0f} s")

    logits = predict(params)
    loss = np.asarray(information.surprisal(logits, observed[1:]))
    return Study(
        curve=curve,
        last=tasks.excess_loss(source, observed, logits[-SCORED:]),
        profile=(loss - least[1:]).mean(1) * MILLIBITS,
        source=(least[-SCORED:].mean() - rate) * MILLIBITS,
        ngrams=count(source, np.asarray(observed), least, for_counts),
    )


def optimizer(steps: int) -> optax.GradientTransformation:
    """Adam under a clipped gradient, with a cosine decay."""
    schedule = optax.cosine_decay_schedule(1e-2, steps)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def count(
    source: tasks.HMM, observed: np.ndarray, least: np.ndarray, key: jax.Array
) -> dict[int, float]:
    """How far an n-gram of each order stays above the source, on the symbols that are scored."""
    symbols = np.asarray(source.sample(COUNTED, key=key))
    losses = {}
    for order in ORDERS:
        model = tasks.NGram(symbols, order=order, vocab=source.vocab)
        # One sequence after another: no context of a scored symbol reaches into the one before.
        loss = model.surprisal(observed.T.ravel()).reshape(observed.T.shape).T
        losses[order] = float((loss - least)[-SCORED:].mean() * MILLIBITS)
    return losses


def draw_training(axes: "Axes", name: str, study: Study) -> None:
    """The network's loss falls below that of every n-gram."""
    steps, values = np.array(study.curve).T
    axes.plot(steps, values, color="#0b559f", marker="o", markersize=3.5)
    axes.set_yscale("log")
    for place, (order, value) in enumerate(study.ngrams.items()):
        if value > 1e-3:  # below that it is chance, and may be negative
            color = (0.85, 0.2 + 0.13 * place, 0.25)
            axes.axhline(value, color=color, dashes=(5, 3), linewidth=1.2)
            axes.annotate(
                f"order {order}", (steps[-1], value), color=color, ha="right", va="bottom"
            )
    axes.set_title(f"{name}: GRU, and n-grams", loc="left")
    axes.set_xlabel("step of training")
    axes.set_ylabel("millibits above the source")


def draw_profile(axes: "Axes", least: np.ndarray, rate: float, study: Study) -> None:
    """The network's loss is what is to be known from as much context as it has read."""
    shown = 33
    places = np.arange(1, shown)
    axes.plot(places, least[1:shown], color="#999999", label="least, given so many symbols")
    reached = least[1:shown] + study.profile[: shown - 1] / 1000
    axes.plot(places, reached, "o", color="#0b559f", markersize=3.5, label="GRU")
    axes.axhline(rate, color="#2a9d8f", dashes=(5, 3), label=f"entropy rate {rate:.4f}")
    axes.set_ylim(bottom=rate - 0.01, top=max(axes.get_ylim()[1], rate + 0.02))
    axes.set_xlabel("symbols read before")
    axes.set_ylabel("bits a symbol")
    axes.legend(frameon=False, fontsize=8)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", nargs="+", choices=list(SOURCES), default=list(SOURCES))
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--held-out", type=int, default=1000, help="how many sequences")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/entropy_of_sources"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="a few steps of a tiny network")
    options = parser.parse_args()
    if options.smoke:
        options.hidden, options.steps, options.held_out = 4, 24, 20
    return options


if __name__ == "__main__":
    try:
        main(parse())
    except (OSError, ValueError) as error:  # something that a user can mend: no traceback
        raise SystemExit(f"entropy_of_sources: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("\nentropy_of_sources: stopped") from None
