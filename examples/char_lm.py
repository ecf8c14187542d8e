"""A character-level language model: learn a text, score the held-out tail, write some more.

    python examples/char_lm.py                      the documentation that comes with Python
    python examples/char_lm.py --text novel.txt     a text of one's own
    python examples/char_lm.py --resume             go on after a stop, bit for bit
    python examples/char_lm.py --devices 1          on one device, not on all cores

The text is split by position; the tail is held out. The score stands beside an n-gram fitted on the
same text and a general-purpose compressor, and the model's entropy beside its surprisal. Python's
documentation repeats itself, so that every paragraph is taken once; how much of the tail still
occurs in what is learnt is printed. All figures are kept in result.json.
"""

import argparse
import itertools
import json
import lzma
import math
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxrnn import (
    analysis,
    cells,
    data,
    generation,
    information,
    metrics,
    networks,
    objectives,
    tasks,
    training,
)

CELLS = {cell.__name__.lower(): cell for cell in (cells.Elman, cells.GRU, cells.LSTM, cells.LRU)}
BATCH, LENGTH = 32, 64
HELD_OUT = 0.1
WINDOW = 60  # characters that are hardly written twice by chance
RUNS, SETTINGS, RESULT = Path("out"), "settings.json", "result.json"
KEPT = ("cell", "hidden", "layers", "steps", "seed")


def main(options: argparse.Namespace) -> None:
    """Train, score, write."""
    text = data.read_text(options.text) if options.text else python_documentation()
    train_text, test_text = data.split(text, held_out=HELD_OUT)
    vocab = data.Vocab.characters(train_text)
    train, test = vocab.encode(train_text), vocab.encode(test_text)
    seen = seen_share(train_text, test_text)
    print(f"{len(train):,} characters to learn, {len(test):,} held out, {len(vocab)} symbols")
    print(f"{seen:.1%} of the held-out {WINDOW}-character windows occur in what is learnt")

    baselines = {
        "order-4 n-gram": bits(tasks.NGram(train, order=4, vocab=len(vocab)).surprisal(test)),
        "lzma": lzma_bits(train_text, test_text),
    }
    trainer = training.Trainer(
        network(options, len(vocab)),
        objectives.CrossEntropy(),
        optimizer(options.steps),
        metrics.collect(bits=metrics.bits_per_token(), entropy=entropy_in_bits()),
        carry=training.Carried((BATCH,)),
    )
    stream = data.Stream(whole_batches(train), batch=BATCH, length=LENGTH)
    held_out = data.Stream(test, batch=16, length=256)
    devices = jax.devices()[: options.devices]
    mesh = jax.make_mesh((len(devices),), ("data",), devices=devices)
    sharding = NamedSharding(mesh, P(None, "data"))  # of [T, batch]
    out = options.out if options.resume else claim(options)
    result = training.fit(
        trainer,
        stream,
        steps=options.steps,
        key=jax.random.key(options.seed),
        validation=held_out,
        every=max(options.steps // 10, 1),
        checkpoints=training.Checkpoints(out / "checkpoints", every=max(options.steps // 10, 1)),
        log=out / "history.csv",
        progress=training.Progress("bits/char", 1 / math.log(2), "characters"),
        sharding=sharding,
    )

    evaluated = trainer.evaluate(result.state, held_out, sharding=sharding).metrics
    params = jax.device_put(result.state.params, devices[0])
    scores = {name: float(value) for name, value in evaluated.items()}
    print(f"\nheld-out bits per character   {scores['bits']:.3f}")
    for name, value in baselines.items():
        print(f"{name:>29} {value:.3f}")
    print(
        f"predictive entropy {scores['entropy']:.3f} bits, surprisal {scores['bits']:.3f} bits: "
        f"the model is {confidence(scores)}"
    )
    written = write(trainer.network, params, vocab, test[:200], options)
    print(f"\n--- it writes, after {test_text[160:200]!r}:\n{written}\n---")

    figures = {
        "characters": len(train),
        "held_out_characters": len(test),
        "symbols": len(vocab),
        "held_out_windows_seen": seen,
        "held_out_bits_per_character": scores["bits"],
        "baselines": baselines,
        "predictive_entropy": scores["entropy"],
        "bits_of_overconfidence": scores["bits"] - scores["entropy"],
    }
    (out / RESULT).write_text(json.dumps(figures, indent=2))
    (out / "sample.txt").write_text(written, encoding="utf-8")
    vocab.save(out / "vocab.json")
    passage = test_text[:720]
    figure = analysis.plot_run(
        result.history,
        passage,
        surprisal(trainer.network, params, vocab.encode(passage)),
        quantities=["bits"],
        baselines={"bits": baselines},
    )
    figure.savefig(out / "run.png")
    print(f"wrote {out}/: {RESULT}, run.png, history.csv, sample.txt, vocab.json, checkpoints/")


def network(options: argparse.Namespace, symbols: int) -> networks.Layer:
    """Embedding, recurrent layers with dropout between them, logits."""
    features = min(64, options.hidden)
    layers: list[networks.Layer] = [networks.Embedding(symbols, features)]
    for _ in range(options.layers):
        cell = CELLS[options.cell](features, options.hidden)
        layers += [networks.Recurrent(cell), networks.Dropout(0.2)]
        features = options.hidden
    return networks.stack(*layers, networks.Dense(features, symbols))


def optimizer(steps: int) -> optax.GradientTransformation:
    """AdamW under a clipped gradient, with a warm-up and a cosine decay."""
    warmup = min(50, steps // 10)
    schedule = optax.warmup_cosine_decay_schedule(0.0, 4e-3, warmup, steps, 1e-4)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-2))


def entropy_in_bits() -> metrics.Metric:
    """How unsure the model is, on average, before it sees the next character."""
    return metrics.map_value(metrics.entropy(), information.to_bits)


def confidence(scores: dict[str, float]) -> str:
    """In words: on the model's own text, entropy and surprisal would be equal."""
    gap = scores["bits"] - scores["entropy"]
    sign = "too sure of itself" if gap > 0 else "not sure enough"
    return f"{sign} by {abs(gap):.3f} bits"


def surprisal(model: networks.Layer, params: object, symbols: np.ndarray) -> np.ndarray:
    """Bits of surprise at each character of a passage; none is known of the first."""
    _, logits = model.apply(params, jnp.asarray(symbols[:-1]))
    values = information.to_bits(information.surprisal(logits, jnp.asarray(symbols[1:])))
    return np.concatenate([[np.nan], np.asarray(values)])


def write(
    model: networks.Layer,
    params: object,
    vocab: data.Vocab,
    prompt: np.ndarray,
    options: argparse.Namespace,
) -> str:
    """Continue a held-out prompt, drawing among the characters that make up 95 % of the mass."""
    drawn = generation.generate(
        model,
        params,
        prompt,
        500,
        key=jax.random.key(options.seed),
        sampler=generation.Nucleus(0.95),
        forbid=[vocab.padding, vocab.unknown],
    )
    return vocab.decode(np.asarray(drawn.symbols))


def python_documentation() -> str:
    """The English documentation inside Python itself, each paragraph once.

    Its size varies with the version. A fifth of it would come again, since many topics are parts of
    others.
    """
    from pydoc_data import topics

    text = "\n\n".join(topics.topics[name] for name in sorted(topics.topics))
    return "\n\n".join(dict.fromkeys(text.split("\n\n")))


def seen_share(train: str, test: str) -> float:
    """How many of the held-out windows occur in the training part, word for word."""

    def windows(text: str) -> Iterator[str]:
        return (text[start : start + WINDOW] for start in range(max(len(text) - WINDOW, 0) + 1))

    held_out = Counter(windows(test))
    seen = held_out.keys() & set(filter(held_out.__contains__, windows(train)))
    return sum(held_out[window] for window in seen) / held_out.total()


def whole_batches(tokens: np.ndarray) -> np.ndarray:
    """Drop the ragged end, below one batch, so that no training step needs a mask."""
    whole = (len(tokens) - 1) // (BATCH * LENGTH) * BATCH * LENGTH
    return tokens[: whole + 1] if whole else tokens


def lzma_bits(train: str, test: str) -> float:
    """Bits per character that the tail adds to the compressed text."""
    sizes = [len(lzma.compress(part.encode(), preset=9)) for part in (train, train + test)]
    return 8 * (sizes[1] - sizes[0]) / len(test)


def bits(nats: np.ndarray) -> float:
    """The mean, in bits."""
    return float(nats.mean() / math.log(2))


def parse() -> argparse.Namespace:
    """Read the command line; a resumed run takes its settings from the one that it goes on with."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a UTF-8 text file to learn")
    parser.add_argument("--cell", choices=sorted(CELLS), default="lstm")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--devices",
        type=int,
        default=math.gcd(BATCH // 4, os.cpu_count() or 1),
        help="how many devices share a batch, where JAX runs on a CPU cores",
    )
    parser.add_argument("--out", type=Path, help="a folder; by default a new out/char_lm-N")
    parser.add_argument("--resume", action="store_true", help="go on with the newest run, or --out")
    parser.add_argument("--smoke", action="store_true", help="a few steps of a tiny network")
    options = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", options.devices)
    if options.resume:
        out = options.out or newest_run()
        if not (out / SETTINGS).is_file():
            raise FileNotFoundError(f"--resume: {out} holds no run (there is no {SETTINGS})")
        parser.set_defaults(**json.loads((out / SETTINGS).read_text()))
        options = parser.parse_args()
        options.out, options.text = out, options.text and Path(options.text)
    elif options.smoke:
        options.hidden, options.steps = 16, 20
    return options


def claim(options: argparse.Namespace) -> Path:
    """Make the folder of a new run, which never writes over another one, and keep its settings."""
    folders = (RUNS / f"char_lm-{n}" for n in itertools.count(1))
    out = options.out or next(folder for folder in folders if not folder.exists())
    if (out / SETTINGS).exists():
        raise FileExistsError(f"--out: {out} holds a run. Add --resume, or name another folder")
    settings = {name: getattr(options, name) for name in KEPT}
    settings["text"] = options.text and str(options.text.resolve())
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / SETTINGS).write_text(json.dumps(settings, indent=2))
    except OSError as error:
        raise OSError(f"--out: {out} cannot be written ({error}). Name another folder") from error
    return out


def newest_run() -> Path:
    """The folder of the run that was started last."""
    runs = sorted(RUNS.glob(f"char_lm-*/{SETTINGS}"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise FileNotFoundError(f"--resume: there is no run in {RUNS}/ to go on with")
    return runs[-1].parent


if __name__ == "__main__":
    try:
        main(parse())
    except (OSError, ValueError) as error:  # something that a user can mend: no traceback
        raise SystemExit(f"char_lm: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("\nchar_lm: stopped; --resume goes on from here") from None
