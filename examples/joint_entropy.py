"""Four entropies of a sequence model that are often taken for one another, where truth is known.

    python examples/joint_entropy.py                    three sources, a quarter of a minute each
    python examples/joint_entropy.py --sources even     one of them

A small GRU learns a source. All that it can write is then enumerated, so that its joint entropy is
exact; beside it stand the entropy of its symbols taken as independent (too large by their total
correlation), the entropy along data (right only as far as the model is), what the data really cost
(the entropy of the source, plus the divergence from it), and estimates from samples with their
errors. At last a second GRU is trained with its entropy held at a target.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxrnn import cells, generation, information, networks, objectives, tasks, training

SOURCES = {  # each with a length at which a few thousand strings are all there are
    "golden-mean": (tasks.golden_mean(), 12),
    "even": (tasks.even(), 12),
    "cycle": (tasks.markov([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]]), 8),
}
ESTIMATORS = (generation.MonteCarlo, generation.RaoBlackwell, generation.ControlVariate)
SHOWN = ("joint", "factorised", "along data", "surprisal of data")
QUANTITIES = (*SHOWN, "total correlation", "divergence from source")
BATCH, HIDDEN, HELD_OUT = 64, 16, 5000


def main(options: argparse.Namespace) -> None:
    """Study each source, and keep what was found."""
    from matplotlib.figure import Figure

    options.out.mkdir(parents=True, exist_ok=True)
    figure = Figure((4.4 * len(options.sources), 9.5), layout="constrained")
    panels = figure.subplots(3, len(options.sources), squeeze=False).T
    keys = jax.random.split(jax.random.key(options.seed), len(options.sources))
    result = {
        name: study(name, key, axes, options)
        for name, key, axes in zip(options.sources, keys, panels, strict=True)
    }
    (options.out / "result.json").write_text(json.dumps(result, indent=2))
    figure.savefig(options.out / "joint_entropy.png", dpi=120)
    print(f"\nwrote {options.out}/: result.json, joint_entropy.png")


def study(name: str, key: jax.Array, axes: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Train, enumerate, estimate, hold the entropy, and draw."""
    source, length = SOURCES[name]
    network = networks.stack(
        networks.Embedding(source.vocab + 1, 8),  # the last symbol is read first
        networks.Recurrent(cells.GRU(8, HIDDEN)),
        networks.Dense(HIDDEN, source.vocab),
    )
    for_training, for_data, for_estimates, for_held = jax.random.split(key, 4)
    truth = float(tasks.block_entropies(source, length)[-1])
    target = (truth / length + np.log(source.vocab)) / 2  # half-way to knowing nothing
    trained, _ = train(source, length, network, None, for_training, options.steps)
    held, course = train(source, length, network, target, for_held, options.steps)

    print(f"\n{name}: {source.vocab}^{length} strings, of {truth:.4f} nats in truth")
    data = source.sample(length, (HELD_OUT,), key=for_data)
    exactly = jax.jit(partial(enumerated, source, network))
    rows = {"untrained": network.init(for_training), "trained": trained, "held": held}
    for title, params in rows.items():
        rows[title] = dict(zip(QUANTITIES, map(float, exactly(params, data)), strict=True))
    for field in QUANTITIES:
        print(f"{field:>22}" + "".join(f"{row[field]:9.4f} {title}" for title, row in rows.items()))
    reached = float(course["entropy"][-options.steps // 10 :].mean())
    print(f"{'held at':>22} {target:.4f} nats a symbol, {reached:.4f} reached")

    estimates, model = {}, model_of(network, trained, source.vocab)
    for place, kind in enumerate(ESTIMATORS):
        keys = jax.random.split(jax.random.fold_in(for_estimates, place), options.repeats)
        estimate = partial(generation.sequence_entropy, model, length, kind(1000))
        value, error = jax.lax.map(lambda key, of=estimate: of(key=key), keys)
        z = (np.asarray(value) - rows["trained"]["joint"]) / np.asarray(error)
        near, first = float((abs(z) < 2).mean()), [float(of[0]) for of in (value, error, z)]
        names = "value", "standard_error", "errors_off"
        estimates[kind.__name__] = dict(zip(names, first, strict=True)) | {
            "share_within_two_errors": near
        }
        print(f"{kind.__name__:>22} {first[0]:.4f} ± {first[1]:.4f}, {first[2]:+.1f} errors off;")
        print(f"{'':>22} of {len(z)} such estimates {near:.0%} lie within two errors")
        axes[1].hist(z, np.linspace(-4, 4, 33), histtype="step", density=True, label=kind.__name__)
    draw(axes, f"{name}: nats a sequence", truth, rows, course, target)
    held_at = {"target": target, "reached": reached}
    return {"source": truth, "models": rows, "estimates": estimates, "held_entropy": held_at}


def with_start(symbols: jax.Array, start: int) -> jax.Array:
    """What the network reads: a symbol of its own, and all but the last."""
    return jnp.concatenate([jnp.full_like(symbols[:1], start), symbols[:-1]])


def train(
    source: tasks.HMM, length: int, network: Any, target: float | None, key: jax.Array, steps: int
) -> tuple[Any, dict[str, jax.Array]]:
    """Learn to predict the source; with a target, at the entropy a symbol that is asked for."""
    of_network, of_weight = (optax.cosine_decay_schedule(rate, steps) for rate in (1e-2, 2e-2))
    optimizer = optax.adam(of_network)
    hold = objectives.EntropyTemperature(target or 0.0, 0.1, optax.adam(of_weight))

    def learn(carry: Any, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        state, held = carry
        weight = jnp.zeros(()) if target is None else hold.temperature(held)
        loss = objectives.CrossEntropy() - weight * objectives.Entropy()
        symbols = source.sample(length, (BATCH,), key=key)
        read = with_start(symbols, source.vocab)
        state, _ = training.Trainer(network, loss, optimizer).step(state, (read, symbols))
        entropy = information.teacher_forced_entropy(network.apply(state.params, read)[1])
        return (state, hold.update(held, entropy)), {"entropy": entropy, "weight": weight}

    first = training.Trainer(network, objectives.CrossEntropy(), optimizer).init(key)
    keys = jax.random.split(key, steps)
    (state, _), course = jax.jit(partial(jax.lax.scan, learn))((first, hold.init()), keys)
    return state.params, course


def model_of(network: networks.Layer, params: Any, start: int) -> generation.SequenceModel:
    """The network as what writes sequences."""
    return generation.SequenceModel(partial(network.step, params), network.carry(params), start)


def enumerated(source: tasks.HMM, network: networks.Layer, params: Any, data: jax.Array) -> Any:
    """What can be said exactly, from all strings there are; and what can be said along data."""
    length, vocab = len(data), source.vocab
    strings = jnp.indices([vocab] * length).reshape(length, -1)

    def read(symbols: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = network.apply(params, with_start(symbols, vocab))[1]
        return logits, information.surprisal(logits, symbols).sum(0)

    own, of_source = read(strings)[1], source.surprisal(strings).sum(0)
    table = jnp.exp(-own).reshape([vocab] * length)
    alone = jnp.stack([jnp.moveaxis(table, t, 0).reshape(vocab, -1).sum(1) for t in range(length)])
    model, (logits, surprisals) = model_of(network, params, vocab), read(data)
    excess = jnp.where(jnp.isfinite(of_source), own - of_source, 0)
    return (
        generation.sequence_entropy(model, length, generation.Enumeration()).value,
        information.factorized_joint_entropy(jnp.log(alone)),
        length * information.teacher_forced_entropy(logits),
        surprisals.mean(),
        information.total_correlation(table / table.sum()),
        jnp.exp(-of_source) @ excess,
    )


def draw(axes: Any, title: str, truth: float, rows: Any, course: Any, target: float) -> None:
    """The quantities of each model; the estimates' errors, over theirs; the held entropy."""
    above, middle, below = axes
    colors = {"untrained": "#999999", "trained": "#0b559f", "held": "#d1495b"}
    for place, (name, row) in enumerate(rows.items()):
        at, heights = np.arange(4) + 0.27 * (place - 1), list(row.values())[:4]
        above.bar(at, heights, 0.25, color=colors[name], label=name)
    above.axhline(truth, color="black", dashes=(5, 3), linewidth=1, label="joint, of the source")
    above.set_xticks(range(4), [field.replace(" ", "\n") for field in SHOWN])
    above.set_ylim(0.6 * truth, 1.25 * max(row["surprisal of data"] for row in rows.values()))
    above.set_title(title, loc="left")
    z = np.linspace(-4, 4, 100)
    middle.plot(z, np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), color="black", linewidth=1)
    middle.set_xlabel("estimate minus exact, in its standard errors")
    below.plot(np.asarray(course["entropy"]), color="#d1495b", label="entropy, nats a symbol")
    below.plot(np.asarray(course["weight"]), color="#2a9d8f", label="its weight in the loss")
    below.axhline(target, color="black", dashes=(5, 3), linewidth=1, label="target")
    below.set_xlabel("step of training")
    for panel in axes:
        panel.legend(fontsize=8)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", nargs="+", choices=list(SOURCES), default=list(SOURCES))
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=200, help="how many estimates are made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/joint_entropy"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="one source, a few steps")
    options = parser.parse_args()
    if options.smoke:
        options.sources, options.steps, options.repeats = options.sources[:1], 20, 10
    return options


if __name__ == "__main__":
    try:
        main(parse())
    except (OSError, ValueError) as error:  # something that a user can mend: no traceback
        raise SystemExit(f"joint_entropy: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("\njoint_entropy: stopped") from None
