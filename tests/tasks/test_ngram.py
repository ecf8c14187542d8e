"""The counting model against its formula, written as a plain loop."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxrnn.tasks import NGram

SYMBOLS = st.lists(st.integers(0, 3), min_size=0, max_size=40)


def by_hand(train, test, order, vocab):
    after = defaultdict(Counter)
    for t in range(len(train)):
        for k in range(min(order, t) + 1):
            after[tuple(train[t - k : t])][train[t]] += 1

    def probability(context, symbol):
        shorter = probability(context[1:], symbol) if context else 1 / vocab
        counts = after[context]
        if not counts:
            return shorter
        kinds = len(counts)
        return (counts[symbol] + kinds * shorter) / (counts.total() + kinds)

    return [
        -np.log(probability(tuple(test[max(t - order, 0) : t]), test[t])) for t in range(len(test))
    ]


@given(SYMBOLS, SYMBOLS, st.integers(0, 3))
def test_against_a_plain_loop(train, test, order):
    train, test = np.array(train, int), np.array(test, int)
    got = NGram(train, order=order, vocab=4).surprisal(test)
    np.testing.assert_allclose(got, by_hand(train.tolist(), test.tolist(), order, 4), rtol=1e-12)


@given(SYMBOLS, st.lists(st.integers(0, 3), max_size=5), st.integers(0, 3))
def test_probabilities_sum_to_one(train, context, order):
    model = NGram(np.array(train, int), order=order, vocab=4)
    total = sum(np.exp(-model.surprisal(np.array([*context, c]))[-1]) for c in range(4))
    assert total == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (([0.5], 1, 4), TypeError, "integers, got float64"),
        (([[1]], 1, 4), TypeError, r"\(1, 1\)"),
        (([4], 1, 4), ValueError, r"\[0, 4\), got 4"),
        (([0], 40, 4), ValueError, "smaller order"),
        (([0], True, 4), TypeError, "order must be an integer, got True"),
        (([0], -1, 4), ValueError, "order must be at least 0, got -1"),
    ],
)
def test_bad_input(arguments, error, message):
    symbols, order, vocab = arguments
    with pytest.raises(error, match=message):
        NGram(symbols, order=order, vocab=vocab)
