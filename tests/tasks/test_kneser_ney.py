"""Modified Kneser-Ney against its formula, written as a plain loop over tuples."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxrnn.tasks import KneserNey, NGram

VOCAB = 4
SYMBOLS = st.lists(st.integers(0, VOCAB - 1), min_size=4, max_size=60)


def by_hand(train, test, order, vocab=VOCAB):
    runs = Counter(tuple(train[t - order : t + 1]) for t in range(order, len(train)))
    counts = {order: runs}
    for k in range(order - 1, -1, -1):
        counts[k] = Counter(run[1:] for run in counts[k + 1])

    def discounts(k):
        n = Counter(counts[k].values())
        if not all(n[i] for i in (1, 2, 3, 4)):
            return {1: 0.5, 2: 1.0, 3: 1.5}
        y = n[1] / (n[1] + 2 * n[2])
        return {i: min(max(i - (i + 1) * y * n[i + 1] / n[i], 0), i) for i in (1, 2, 3)}

    taken = {k: discounts(k) for k in counts}

    def probability(context, symbol):
        k = len(context)
        shorter = probability(context[1:], symbol) if context else 1 / vocab
        found = {run: count for run, count in counts[k].items() if run[:-1] == context}
        if not found:
            return shorter
        freed = sum(taken[k][min(count, 3)] for count in found.values())
        own = found.get((*context, symbol), 0)
        kept = own - taken[k][min(own, 3)] if own else 0
        return (kept + freed * shorter) / sum(found.values())

    return [
        -np.log(probability(tuple(test[max(t - order, 0) : t]), test[t])) for t in range(len(test))
    ]


@given(SYMBOLS, SYMBOLS, st.integers(0, 3))
def test_against_a_plain_loop(train, test, order):
    got = KneserNey(train, order=order, vocab=VOCAB).surprisal(test)
    np.testing.assert_allclose(got, by_hand(train, test, order), rtol=1e-12)


@given(SYMBOLS, st.lists(st.integers(0, 3), max_size=5), st.integers(0, 3))
def test_probabilities_sum_to_one(train, context, order):
    model = KneserNey(train, order=order, vocab=VOCAB)
    total = sum(np.exp(-model.surprisal([*context, c])[-1]) for c in range(VOCAB))
    assert total == pytest.approx(1, abs=1e-12)


def test_discounts_from_a_sample_large_enough_to_tell():
    """A word that comes often, but after one other only, is not likely after a third."""
    rng = np.random.default_rng(0)
    text = rng.zipf(1.5, 3000) % 30
    paired = np.concatenate([[step, 31] if step == 30 else [step] for step in text])
    paired = np.concatenate([paired, np.tile([30, 31, 7], 100)])
    model = KneserNey(paired, order=1, vocab=33)
    never_seen = 32
    assert model.surprisal([never_seen, 31])[1] > model.surprisal([never_seen, 5])[1]
    test = rng.zipf(1.5, 300) % 30
    np.testing.assert_allclose(
        KneserNey(text, 2, 33).surprisal(test)[:20],
        by_hand(text.tolist(), test[:20].tolist(), 2, 33),
        rtol=1e-12,
    )


@pytest.mark.parametrize("kind", [KneserNey, NGram])
def test_sizes_of_bytes_do_not_wrap(kind):
    """The largest of bytes plus one is a byte, and so is its square."""
    text = np.random.default_rng(0).integers(0, 100, 400).astype(np.uint8)
    wanted = kind(text.astype(int), order=2, vocab=100)
    got = kind(text, order=np.uint8(2), vocab=text.max() + 1)
    np.testing.assert_array_equal(got.surprisal(text[:50]), wanted.surprisal(text[:50]))
    with pytest.raises(ValueError, match="use a smaller order"):
        kind(text, order=4, vocab=np.int64(2**16))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (([0.5], 0, 4), TypeError, "KneserNey: symbols .* integers, got float64"),
        (([4, 0], 1, 4), ValueError, r"\[0, 4\), got 0 to 4"),
        (([0], 40, 4), ValueError, "smaller order"),
        (([0, 1], 2, 4), ValueError, "needs more than 2 symbols, got 2"),
        (([], 0, 4), (TypeError, ValueError), "KneserNey"),
    ],
)
def test_bad_input(arguments, error, message):
    symbols, order, vocab = arguments
    with pytest.raises(error, match=message):
        KneserNey(symbols, order=order, vocab=vocab)
