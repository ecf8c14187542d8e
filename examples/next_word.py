"""The next word: an LSTM with tied weights beside modified Kneser-Ney, on the same words.

    python examples/next_word.py                     the documentation that comes with Python
    python examples/next_word.py --text novel.txt    a text of one's own

The text is split by position, and words that come once in what is learnt are unknown to both. The
loss is folded through time: logits are made a few steps at a time, scored and forgotten, so that
the vocabulary costs little memory. Settings are fixed; the score is that of the last epoch.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from rich.progress import track

from jaxrnn import cells, data, generation, information, networks, objectives, tasks

BATCH, LENGTH, FOLD = 32, 32, 8
ORDERS = {"unigram": 0, "bigram": 1, "trigram": 2, "4-gram": 3}


def main(options: argparse.Namespace) -> None:
    """Count, train, score, write."""
    options.out.mkdir(parents=True, exist_ok=True)
    text = data.read_text(options.text) if options.text else python_documentation()
    train_text, test_text = data.split(text, held_out=0.1)
    vocab = data.Vocab.words(train_text, min_count=2)
    train, test = vocab.encode(train_text), vocab.encode(test_text)
    print(f"{len(train):,} words to learn, {len(test):,} held out, {len(vocab):,} different ones")
    unknown = float((test == vocab.unknown).mean())
    print(f"{unknown:.1%} of the held-out words are unknown")
    surprisals = {
        f"Kneser-Ney {name}": tasks.KneserNey(train, order, len(vocab)).surprisal(test)[1:]
        for name, order in ORDERS.items()
    }
    network = networks.Tied(
        networks.Embedding(len(vocab), options.hidden),
        networks.stack(
            networks.Dropout(0.3),
            networks.Recurrent(cells.LSTM(options.hidden, options.hidden)),
            networks.Dropout(0.3),
        ),
    )
    folded, whole = memory(network)
    print(f"the loss and its gradient take {folded:.0f} MiB folded, {whole:.0f} MiB otherwise")
    params, curve = fit(network, train, test, options)
    print("perplexity of the held-out words:")
    surprisals["LSTM"] = np.asarray(score(network, params, test))
    perplexities = {name: float(np.exp(values.mean())) for name, values in surprisals.items()}
    print(*(f"{name:>20} {value:8.2f}" for name, value in perplexities.items()), sep="\n")
    given = {"sampler": generation.Nucleus(0.9), "forbid": [vocab.padding, vocab.unknown]}
    key = jax.random.key(options.seed)
    drawn = generation.generate(network, params, test[:20], 60, key=key, **given)
    written = vocab.decode(np.asarray(drawn.symbols))
    print(f"\n--- it writes, after {vocab.decode(test[:20])!r}:\n{written}\n---")
    figures = {
        "words": {"learnt": len(train), "held_out": len(test), "different": len(vocab)},
        "unknown": unknown,
        "perplexity": perplexities,
        "curve": curve,
        "mebibytes": {"folded": folded, "whole": whole},
        "written": written,
    }
    (options.out / "result.json").write_text(json.dumps(figures, indent=2))
    figure = draw(curve, perplexities, surprisals, np.bincount(train)[test[1:]])
    figure.savefig(options.out / "next_word.png", dpi=120)
    print(f"wrote {options.out}/: result.json, next_word.png")


def loss(
    network: networks.Tied, params: Any, carry: Any, words: Any, key: Any, fold: int = FOLD
) -> tuple[jax.Array, Any]:
    """The mean surprisal of the words that follow, and the carry for the next stretch."""
    inputs, targets = words
    _, vectors = network.embedding.apply(params.table, inputs)
    carry, hidden = network.network.apply(params.network, vectors, carry, key=key)

    def head(hidden: jax.Array) -> jax.Array:
        return hidden @ params.table.T + params.bias

    total = objectives.reduce_folded(objectives.CrossEntropy(), head, hidden, targets, size=fold)
    return total.mean(), carry


def memory(network: networks.Tied) -> tuple[float, float]:
    """MiB that a training step's loss and gradient take beside its arguments, folded and not."""
    params = jax.eval_shape(network.init, jax.random.key(0))
    carry = jax.eval_shape(lambda params: network.network.carry(params.network, (BATCH,)), params)
    words = (jax.ShapeDtypeStruct((LENGTH, BATCH), np.int32),) * 2

    def taken(fold: int) -> float:
        step = jax.jit(jax.grad(lambda params, *rest: loss(network, params, *rest, None, fold)[0]))
        compiled = step.lower(params, carry, words).compile()
        return compiled.memory_analysis().temp_size_in_bytes / 2**20

    return taken(FOLD), taken(LENGTH)


def fit(
    network: networks.Tied, train: np.ndarray, test: np.ndarray, options: argparse.Namespace
) -> tuple[Any, list[list[float]]]:
    """Truncated BPTT over the text, epoch by epoch, each one compiled scan over its stretches."""
    whole = (len(train) - 1) // (BATCH * LENGTH) * BATCH * LENGTH
    stream = data.Stream(train[: whole + 1], batch=BATCH, length=LENGTH)
    batches = [(batch.inputs, batch.targets) for batch in stream.epoch(0)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
    steps = options.epochs * len(batches)
    schedule = optax.warmup_cosine_decay_schedule(0.0, 5e-3, min(100, steps // 10), steps, 1e-5)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=0.1))

    def step(state: Any, xs: Any) -> tuple[Any, jax.Array]:
        params, opt_state, carry = state
        (value, carry), gradient = jax.value_and_grad(loss, 1, has_aux=True)(
            network, params, carry, *xs
        )
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state, carry), value

    @jax.jit
    def epoch(params: Any, opt_state: Any, key: jax.Array) -> Any:
        state = params, opt_state, network.network.carry(params.network, (BATCH,))
        keys = jax.random.split(key, len(batches))
        (params, opt_state, _), values = jax.lax.scan(step, state, (stacked, keys))
        return params, opt_state, values.mean()

    key, curve = jax.random.key(options.seed), []
    params = network.init(key)
    opt_state = optimizer.init(params)
    for number in track(range(options.epochs), "epochs"):
        params, opt_state, value = epoch(params, opt_state, jax.random.fold_in(key, number))
        curve.append([float(jnp.exp(x)) for x in (value, score(network, params, test).mean())])
    return params, curve


@jax.jit
def score(network: networks.Tied, params: Any, words: jax.Array) -> jax.Array:
    """The surprisal of every word but the first, given all before it."""
    return information.surprisal(network.apply(params, words[:-1])[1], words[1:])


def draw(curve: Any, perplexities: Any, surprisals: Any, frequency: np.ndarray) -> Any:
    """Perplexity by epoch, and which words each model knows: the rare ones or the frequent."""
    from matplotlib.figure import Figure

    figure = Figure((10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(range(1, len(curve) + 1), curve, label=["LSTM, learning", "LSTM, held out"])
    for name in ("bigram", "trigram"):
        value = perplexities[f"Kneser-Ney {name}"]
        left.axhline(value, color="#999999", dashes=(5, 3), linewidth=1)
        left.annotate(f"Kneser-Ney {name}", (len(curve), value), ha="right", va="bottom")
    left.set(yscale="log", xlabel="epoch", ylabel="perplexity")
    left.legend(frameon=False)
    place = np.log2(frequency).astype(int)  # two to three times, four to seven, ...
    for name in ("Kneser-Ney trigram", "LSTM"):
        means = np.bincount(place, surprisals[name]) / np.maximum(np.bincount(place), 1)
        right.plot(range(1, len(means)), means[1:], "o-", markersize=3, label=name)
    right.set_xticks(range(1, len(means), 2), [f"{2**n}" for n in range(1, len(means), 2)])
    right.set(xlabel="how often the word came in training, at least", ylabel="surprisal, nats")
    right.legend(frameon=False)
    return figure


def python_documentation() -> str:
    """The English documentation inside Python itself, each paragraph once."""
    from pydoc_data import topics

    text = "\n\n".join(topics.topics[name] for name in sorted(topics.topics))
    return "\n\n".join(dict.fromkeys(text.split("\n\n")))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a UTF-8 text file to learn")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/next_word"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="a few steps of a tiny network")
    options = parser.parse_args()
    if options.smoke:
        options.hidden, options.epochs = 8, 1
    return options


if __name__ == "__main__":
    try:
        main(parse())
    except (OSError, ValueError) as error:  # something that a user can mend: no traceback
        raise SystemExit(f"next_word: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("\nnext_word: stopped") from None
