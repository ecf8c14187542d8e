"""Dates in many written forms to ISO: an encoder-decoder, with attention and without.

    python examples/translate.py

Strings are generated here, from "Nov 26th, 2026" to "26.11.26", in capitals or not. The dates that
are tested on were seen in no form in training. A two-digit year lies between 1950 and 2049; slashes
and dots put the day first, dashes the month. Beside the networks stand the rules, by dateutil.
"""

import argparse
import datetime
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from dateutil import parser as dateutil

from jaxrnn import cells, data, generation, networks, objectives, training
from jaxrnn.networks import Pair

Pairs = list[tuple[str, str]]
FORMS: list[Callable[[datetime.date, str], str]] = [
    lambda day, th: f"{day:%B} {th}, {day.year}",
    lambda day, th: f"{day.day} {day:%B} {day.year}",
    lambda day, th: f"{day:%A} {day.day} {day:%B} {day.year}",
    lambda day, th: f"{day:%a}, {day.day} {day:%b} {day:%y}",
    lambda day, th: f"the {th} of {day:%B}, {day.year}",
    lambda day, th: f"{day.day}/{day.month}/{day.year}",
    lambda day, th: f"{day:%d/%m/%y}",
    lambda day, th: f"{day.day}.{day.month}.{day:%y}",
    lambda day, th: f"{day:%m-%d-%Y}",
    lambda day, th: f"{day.year}年{day.month}月{day.day}日",
    lambda day, th: f"{day:%Y%m%d}",
]
ISO, HIDDEN, LENGTH = 11, 64, 27  # ten symbols and the stop; the longest string


def main(options: argparse.Namespace) -> None:
    """Generate, train both networks, translate what is new, draw."""
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "result.json").touch()  # an error now, rather than after training
    rng = np.random.default_rng(options.seed)
    days = [datetime.date(1950, 1, 1) + datetime.timedelta(int(n)) for n in range(36525)]
    order = rng.permutation(len(days))
    seen = written([days[n] for n in order[:30000]], rng)
    unseen = written([days[n] for n in order[-options.test :]], rng)
    letters = data.Vocab.characters("".join(string for string, _ in seen))
    digits = data.Vocab.characters("0123456789-")
    train, test = (batch_of(pairs, letters, digits) for pairs in (seen, unseen))
    print(f"{len(seen)} strings to learn, such as {', '.join(dict(seen[:3]))}")
    right = {"rules": share([by_rule(string) for string, _ in unseen], unseen)}
    for name, network in networks_of(len(letters), len(digits)).items():
        state = fit(network, train, options)
        greedy, beam = translate(network, state.params, test, digits)
        right |= {f"{name}, greedy": share(greedy, unseen), f"{name}, beam": share(beam, unseen)}
    for name, value in right.items():
        print(f"{name:>32} {value:7.2%} of {len(unseen)} unseen strings are right")
    result = {"exact_match": right, "strings": len(seen), "unseen": len(unseen)}
    (options.out / "result.json").write_text(json.dumps(result, indent=2))
    figure = draw(network, state.params, unseen, letters, digits, right)
    figure.savefig(options.out / "translate.png", dpi=120)
    print(f"wrote {options.out}/: result.json, translate.png")


def written(days: list[datetime.date], rng: np.random.Generator) -> Pairs:
    """Each day in one form, and in ISO's."""
    pairs = []
    for day in days:
        last = day.day % 10 if not 10 < day.day < 14 else 0
        th = f"{day.day}{['th', 'st', 'nd', 'rd'][last] if last < 4 else 'th'}"
        string = FORMS[rng.integers(len(FORMS))](day, th)
        pairs.append(([string, string.lower(), string.upper()][rng.integers(3)], day.isoformat()))
    return pairs


def batch_of(pairs: Pairs, letters: data.Vocab, digits: data.Vocab) -> data.Batch:
    """Symbols `[T, N]`; the decoder reads the target one step late, and padding starts and ends."""
    source = data.pad([letters.encode(string) for string, _ in pairs], length=LENGTH)
    target = np.stack([np.append(digits.encode(iso), digits.padding) for _, iso in pairs], 1)
    shifted = np.concatenate([np.full_like(target[:1], digits.padding), target[:-1]])
    mask = np.arange(LENGTH)[:, None] < np.asarray(source.lengths)
    return data.Batch(Pair(np.asarray(source.values), shifted, mask), target)


def networks_of(letters: int, digits: int) -> dict[str, networks.EncoderDecoder]:
    """The same encoder; a decoder that has its last state, and one that can also look back."""
    gru = networks.Recurrent(cells.GRU(32, HIDDEN))
    encoder = networks.stack(networks.Embedding(letters, 32), gru)

    def begun(inputs: int) -> networks.Layer:
        return networks.CarryFromContext(networks.Recurrent(cells.GRU(inputs, HIDDEN)), HIDDEN)

    looking = networks.Attending(begun(16 + HIDDEN), networks.Additive(HIDDEN, HIDDEN, HIDDEN))
    decoders = {
        "without attention": [begun(16), networks.Dense(HIDDEN, digits)],
        "with attention": [looking, networks.Dense(2 * HIDDEN, digits)],
    }
    embedding = networks.Embedding(digits, 16)
    return {
        name: networks.EncoderDecoder(encoder, networks.stack(embedding, *layers))
        for name, layers in decoders.items()
    }


def fit(network: networks.Layer, train: data.Batch, options: argparse.Namespace) -> Any:
    """Teacher forcing, under a clipped gradient."""
    adam = optax.adam(optax.cosine_decay_schedule(5e-3, options.steps))
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), adam)
    trainer = training.Trainer(network, objectives.CrossEntropy(), optimizer)
    batches, key = data.Shuffled(train, batch=128, seed=options.seed), jax.random.key(options.seed)
    return training.fit(trainer, batches, steps=options.steps, key=key).state


def translate(network: Any, params: Any, test: data.Batch, digits: data.Vocab) -> list[list[str]]:
    """What the decoder writes: the most probable symbol each time; and by a beam of five."""
    stop = digits.padding
    carry = network.start(params, test.inputs.source, mask=test.inputs.mask)
    given = {"carry": carry, "key": jax.random.key(0), "sampler": generation.Greedy()}
    first = np.full_like(test.targets[:1], stop)
    greedy = generation.generate(network.decoder, params.decoder, first, ISO, **given).symbols

    @jax.jit
    @jax.vmap
    def search(carry: Any) -> jax.Array:
        step = partial(network.decoder.step, params.decoder)
        model = generation.SequenceModel(step, carry, start=stop, stop=stop)
        return generation.beam_search(model, ISO, width=5).symbols[0]

    found = [np.asarray(greedy).T, np.asarray(search(carry))]
    return [[digits.decode(row[row != stop]) for row in rows] for rows in found]


class Rules(dateutil.parserinfo):
    """What dateutil cannot know: words that say nothing, and the century of two digits."""

    JUMP = (*dateutil.parserinfo.JUMP, "the", "年", "月", "日")

    def convertyear(self, year: int, century_specified: bool = False) -> int:
        return year if century_specified or year > 99 else 1950 + (year - 50) % 100


def by_rule(string: str) -> str:
    """What dateutil reads, told which of a day and a month comes first."""
    rules = Rules(dayfirst="/" in string or "." in string)
    return dateutil.parse(string, rules).date().isoformat()


def share(guesses: list[Any], pairs: Pairs) -> float:
    """How many are right to the last digit."""
    return float(np.mean([guess == iso for guess, (_, iso) in zip(guesses, pairs, strict=True)]))


def draw(
    network: Any, params: Any, unseen: Pairs, letters: data.Vocab, digits: data.Vocab, right: Any
) -> Any:
    """What the decoder looks at while it writes, for some long strings, and the scores."""
    from matplotlib.figure import Figure

    figure = Figure((15, 4.5), layout="constrained")
    *panels, scores = figure.subplots(1, 4)
    longest = sorted((p for p in unseen if p[0].isascii()), key=lambda pair: -len(pair[0]))
    for axes, (string, iso) in zip(panels, longest[:: len(longest) // 3], strict=False):
        carry, rows = network.start(params, jnp.asarray(letters.encode(string))), []
        for symbol in [digits.padding, *digits.encode(iso)[:-1]]:
            carry, _ = network.decoder.step(params.decoder, carry, jnp.asarray(symbol))
            rows.append(carry[1].weights)
        axes.imshow(np.stack(rows), cmap="Blues", aspect="auto")
        axes.set_xticks(range(len(string)), string, fontsize=7)
        axes.set_yticks(range(len(iso)), iso)
    scores.barh(list(right), list(right.values()), color="#0b559f")
    scores.set_xlabel("right to the last digit")
    return figure


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/translate"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="a few steps, a few strings")
    options = parser.parse_args()
    options.steps, options.test = (5, 50) if options.smoke else (options.steps, 2000)
    return options


if __name__ == "__main__":
    try:
        main(parse())
    except (OSError, ValueError) as error:  # something that a user can mend: no traceback
        raise SystemExit(f"translate: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("\ntranslate: stopped") from None
