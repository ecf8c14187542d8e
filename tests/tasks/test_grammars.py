"""The grammars: what they may say, how often, and how long their strings are."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import tasks
from jaxrnn.information import to_bits
from jaxrnn.tasks import AnBn, Dyck
from tests.tasks.exact import entropy

LETTERS = "BTSXPVE"
COUNTED, BRACKETED = AnBn(0.4, letters=3), Dyck(0.45, kinds=2, depth=2)


def texts(source, length, count, key, letters):
    """Samples as text."""
    symbols = np.asarray(source.sample(length, (count,), key=key))
    return ["".join(letters[x] for x in column) for column in symbols.T]


def probabilities(source, words):
    """Of each word, by the source itself."""
    longest = max(map(len, words))
    padded = np.array([[*word, *[0] * (longest - len(word))] for word in words]).T
    surprisal = np.asarray(source.surprisal(padded))
    return [np.exp(-surprisal[: len(word), n].sum()) for n, word in enumerate(words)]


def test_reber_strings(x64):
    inner = tasks.reber()
    np.testing.assert_allclose(to_bits(inner.entropy_rate()), 6 / 8, rtol=1e-14)
    np.testing.assert_allclose(1 / inner.stationary()[0], 8, rtol=1e-13)  # symbols from B to B
    visits = inner.stationary() / inner.stationary()[0]
    np.testing.assert_allclose(visits, [1, 1, 1, 2, 1, 1, 1], rtol=1e-13)
    texts = "BTXSE", "BPVVE", "BTSSXXVPSE", "BPTVPSE"
    words = [[LETTERS.index(x) for x in text] for text in texts]
    np.testing.assert_allclose(probabilities(inner, words), 0.5 ** np.array([3, 3, 8, 5]))
    assert tasks.is_epsilon_machine(inner)


def test_embedded_reber_strings(x64):
    outer = tasks.embedded_reber()
    np.testing.assert_allclose(to_bits(outer.entropy_rate()), 7 / 12, rtol=1e-14)
    np.testing.assert_allclose(1 / outer.stationary()[0], 12, rtol=1e-13)
    good, bad = ([LETTERS.index(x) for x in word] for word in ("BTBPVVETE", "BTBPVVEPE"))
    np.testing.assert_allclose(probabilities(outer, [good, bad]), [1 / 16, 0])


def test_reber_samples_are_its_strings(key):
    for text in texts(tasks.embedded_reber(), 60, 20, key, LETTERS):
        whole = re.findall("B[TP]B.*?E[TP]E", text)
        assert "".join(whole) == text[: len("".join(whole))] and len(whole) > 1
        assert all(string[1] == string[-2] for string in whole)


def test_counted_strings(x64):
    source = AnBn(0.5)
    np.testing.assert_allclose(to_bits(source.string_entropy()), 2, rtol=1e-14)
    assert source.mean_length() - 1 == 4  # without the end
    np.testing.assert_allclose(to_bits(source.entropy_rate()), 2 / 5, rtol=1e-14)
    source = AnBn(0.3, letters=3)
    numbers = np.arange(1, 9)
    words = [[0] * n + [1] * n + [2] * n + [3] for n in numbers]
    p = 0.3 * 0.7 ** (numbers - 1.0)
    np.testing.assert_allclose(probabilities(source, words), p, rtol=1e-12)
    p = 0.3 * 0.7 ** np.arange(300)
    np.testing.assert_allclose(to_bits(source.string_entropy()), entropy(p), rtol=1e-12)
    np.testing.assert_allclose(source.mean_length(), p @ (3 * np.arange(1, 301) + 1), rtol=1e-12)


def test_counted_samples_are_its_strings(key):
    strings = []
    for text in texts(COUNTED, 120, 200, key, "abc."):
        whole = text.split(".")[:-1]
        assert all(re.fullmatch("(a+)(b+)(c+)", string) for string in whole)
        assert all(len(set(map(string.count, "abc"))) == 1 for string in whole)
        strings += whole[:2]  # the first ones, whatever their length
    alone = sum(string == "abc" for string in strings)
    n = len(strings)
    assert abs(alone - 0.4 * n) < 4 * (0.24 * n) ** 0.5


def test_what_does_not_count_up_is_impossible():
    words = ["", "b", "abb", "aab.", "ab..", "aba", "."]
    symbols = [["ab.".index(x) for x in word] + [0] for word in words]
    got = probabilities(AnBn(), symbols)
    assert got[0] == 1 and not any(got[1:])


def brackets(pairs, kinds, depth):
    """All balanced strings of so many pairs, as symbols."""
    if pairs == 0:
        return [[]]
    if depth == 0:
        return []
    return [
        [kind, *inside, kinds + kind, *after]
        for kind in range(kinds)
        for within in range(pairs)
        for inside in brackets(within, kinds, depth - 1)
        for after in brackets(pairs - 1 - within, kinds, depth)
    ]


def test_bracketed_strings(x64):
    p, kinds, depth = 0.3, 2, 3
    source = Dyck(p, kinds=kinds, depth=depth)
    words = list(itertools.chain(*(brackets(pairs, kinds, depth) for pairs in range(5))))
    got = probabilities(source, [[*word, 2 * kinds] for word in words])
    for word, probability in zip(words, got, strict=True):
        level = np.cumsum([1 if x < kinds else -1 for x in word])
        forced = sum(level[:-1] == depth) if word else 0  # closed where nothing may open
        closed = len(word) // 2 + 1 - forced
        assert probability == pytest.approx((p / kinds) ** (len(word) // 2) * (1 - p) ** closed)


@pytest.mark.parametrize("kinds", [1, 3])
def test_the_entropy_of_bracketed_strings(kinds, x64):
    p = 0.3
    bound, free = Dyck(p, kinds=kinds, depth=2), Dyck(p, kinds=kinds, depth=80)
    # Without a limit: S -> ( S ) S with probability p, else nothing.
    want = (entropy([p, 1 - p]) + p * np.log2(kinds)) / (1 - 2 * p)
    np.testing.assert_allclose(to_bits(free.string_entropy()), want, rtol=1e-12)
    np.testing.assert_allclose(free.mean_length(), 1 / (1 - 2 * p), rtol=1e-12)
    # At depth 2, from the chain of depths.
    moves = np.array([[1 - p, p, 0], [1 - p, 0, p], [0, 1, 0]])
    pi = np.asarray(tasks.markov(moves).stationary())
    want = (pi[0] + pi[1]) * (entropy([p, 1 - p]) + p * np.log2(kinds))
    np.testing.assert_allclose(to_bits(bound.entropy_rate()), want, rtol=1e-12)
    np.testing.assert_allclose(bound.mean_length(), 1 / (pi[0] * (1 - p)), rtol=1e-12)


def test_bracketed_samples_are_its_strings(key):
    lengths = []
    for text in texts(BRACKETED, 60, 100, key, "([)]."):
        whole = text.split(".")[:-1]
        for string in whole:
            assert not re.search(r"[(\[]{3}", string)
            rest = string
            for _ in range(30):
                rest = rest.replace("()", "").replace("[]", "")
            assert not rest
        lengths += [len(string) + 1 for string in whole[:1]]
    want = float(BRACKETED.mean_length())
    assert abs(np.mean(lengths) - want) < 4 * np.std(lengths) / 10


@pytest.mark.parametrize(
    ("source", "shape"),
    [(COUNTED, (120, 200)), (BRACKETED, (60, 100))],
    ids=["counted", "brackets"],
)
def test_a_long_sample_is_as_surprising_as_the_entropy_rate(source, shape, key):
    symbols = source.sample(shape[0], shape[1:], key=key)
    means = np.asarray(source.surprisal(symbols))[20:].mean(0)
    assert abs(means.mean() - source.entropy_rate()) < 4 * means.std() / shape[1] ** 0.5


def test_sweeps_go_through_the_probabilities():
    values = jnp.array([0.2, 0.4])
    for make in (AnBn, Dyck):
        rates = jax.jit(jax.vmap(lambda p, make=make: make(p).entropy_rate()))(values)
        np.testing.assert_allclose(
            rates, [make(float(p)).entropy_rate() for p in values], rtol=1e-5
        )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: AnBn(letters=1), ValueError, "letters must be at least 2, got 1"),
        (lambda: AnBn(letters=2.0), TypeError, "letters must be an integer"),
        (lambda: AnBn(0.0).entropy_rate(), ValueError, "stop must be above 0, or no string ends"),
        (lambda: AnBn(1.5).start(), ValueError, r"AnBn.start: stop must lie in \[0, 1\], got 1.5"),
        (lambda: Dyck(1.0).mean_length(), ValueError, "opening must be below 1, or no string"),
        (lambda: Dyck(-0.1).start(), ValueError, "opening must lie in"),
        (lambda: Dyck(kinds=0), ValueError, "kinds must be at least 1"),
        (lambda: Dyck(depth=0), ValueError, "depth must be at least 1"),
    ],
)
def test_bad_input(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
