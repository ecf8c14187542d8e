"""What the classical processes may emit, and what noise does to them."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information, tasks
from jaxrnn.tasks import binary_symmetric, channel, coin, erasure, even, golden_mean, markov, rrxor
from tests.tasks.exact import words


def possible(source, length):
    """The words that the source deems possible."""
    every = words(source.vocab, length)
    surprisal = np.asarray(source.surprisal(every)).sum(0)
    return {"".join(map(str, word)) for word in every.T[np.isfinite(surprisal)].tolist()}


def test_the_golden_mean_has_no_two_zeros_in_a_row():
    every = {"".join(word) for word in itertools.product("01", repeat=5)}
    assert possible(golden_mean(0.3), 5) == {word for word in every if "00" not in word}


def test_runs_of_ones_are_even():
    every = {"".join(word) for word in itertools.product("01", repeat=5)}
    odd = {word for word in every if any(len(run) % 2 for run in word.split("0")[1:-1])}
    assert possible(even(0.3), 5) == every - odd


def test_the_third_bit_is_the_exclusive_or(key):
    first = tasks.HMM(rrxor(0.3).transitions, np.eye(5)[0])  # a triple begins
    a, b, c = np.asarray(first.sample(12, (500,), key=key)).reshape(4, 3, 500).swapaxes(0, 1)
    np.testing.assert_array_equal(c, a ^ b)
    assert abs(np.mean([a, b]) - 0.3) < 4 * (0.21 / 4000) ** 0.5


def test_the_parameters_of_sns_leave_their_states():
    table = np.asarray(tasks.sns(0.1, 0.2).transitions)
    np.testing.assert_allclose(table.sum(0), [[0.9, 0.1], [0.2, 0.8]])
    np.testing.assert_allclose(table[0], [[0, 0], [0.2, 0]])


def test_mess3_has_its_published_matrices():
    x, a = 0.15, 0.6
    b, y = (1 - a) / 2, 1 - 2 * x
    ay, by, ax, bx = a * y, b * y, a * x, b * x
    want = [
        [[ay, bx, bx], [ax, by, bx], [ax, bx, by]],
        [[by, ax, bx], [bx, ay, bx], [bx, ax, by]],
        [[by, bx, ax], [bx, by, ax], [bx, bx, ay]],
    ]
    np.testing.assert_allclose(tasks.mess3(x, a).transitions, want, rtol=1e-12)


def test_a_channel_emits_what_it_makes_of_each_symbol():
    source, flip = golden_mean(), 0.2
    noisy = binary_symmetric(source, flip)
    inside = np.asarray(source.transitions)
    np.testing.assert_allclose(noisy.transitions[0], 0.8 * inside[0] + 0.2 * inside[1])
    matrix = np.array([[1 - flip, flip], [flip, 1 - flip]])
    np.testing.assert_allclose(channel(source, matrix).transitions, noisy.transitions)


def test_noise_over_a_coin_is_a_coin(x64):
    noisy = binary_symmetric(coin(0.3), 0.1)
    np.testing.assert_allclose(noisy.transitions.ravel(), [0.66, 0.34])
    lost = erasure(coin(0.3), 0.25)
    np.testing.assert_allclose(lost.transitions.ravel(), [0.75 * 0.7, 0.75 * 0.3, 0.25])
    # The chain rule: whether a symbol is lost, and what it is where it is not.
    want = coin(0.25).entropy_rate() + 0.75 * coin(0.3).entropy_rate()
    np.testing.assert_allclose(lost.entropy_rate(), want, rtol=1e-14)


def test_an_erased_symbol_says_nothing_of_itself():
    source = markov([[0.9, 0.1], [0.2, 0.8]])
    states = erasure(source, 0.5).filter(np.array([0, 2, 2])).states
    np.testing.assert_allclose(states, [[1, 0], [0.9, 0.1], [0.83, 0.17]], rtol=1e-6)


def test_a_channel_keeps_where_the_source_starts(key):
    noisy = erasure(markov(np.eye(2)[::-1], [1.0, 0.0]), 0.5)
    symbols = np.asarray(noisy.sample(2, (50,), key=key))
    assert set(symbols[0]) == {1, 2} and set(symbols[1]) == {0, 2}


def test_a_word_over_and_over(x64):
    source = tasks.periodic([0, 2, 1])
    assert possible(source, 4) == {"0210", "2102", "1021"}
    surprisal = source.surprisal(np.array([2, 1, 0, 2]))
    np.testing.assert_allclose(jnp.exp(-surprisal), [1 / 3, 1, 1, 1], rtol=1e-14)
    assert information.to_bits(source.entropy_rate()) == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: coin(1.2), ValueError, r"coin: p must lie in \[0, 1\], got 1.2"),
        (lambda: golden_mean(-0.1), ValueError, "golden_mean: p must lie"),
        (lambda: golden_mean(np.array([0.1, 0.2])), ValueError, r"got shape \(2,\).*`jax.vmap`"),
        (lambda: tasks.mess3(0.7), ValueError, r"mess3: x must lie in \[0, 1/2\], got 0.7"),
        (lambda: tasks.iid([0.5, 0.6]), ValueError, "iid: the distribution .* sums to 1.1;"),
        (lambda: tasks.iid([[0.5, 0.5]]), ValueError, r"\[V\], got shape \(1, 2\)"),
        (lambda: tasks.periodic([]), ValueError, r"at least 0, got \[\]"),
        (lambda: tasks.periodic([0, -1]), ValueError, "at least 0"),
        (lambda: tasks.periodic([0.5]), TypeError, "integers, got float64"),
        (lambda: binary_symmetric(tasks.mess3(), 0.1), ValueError, "2 symbols, got 3. Use `chann"),
        (lambda: binary_symmetric(coin(), 2.0), ValueError, "flip must lie in"),
        (lambda: erasure(coin(), -1.0), ValueError, "rate must lie in"),
        (lambda: channel(coin(), np.eye(3)), ValueError, r"V = 2, got shape \(3, 3\)"),
        (lambda: channel(coin(), np.ones((2, 2))), ValueError, "row 0 of the matrix sums to 2;"),
        (lambda: channel(coin, np.eye(2)), TypeError, "channel: source must be a kind of `HMM`"),
    ],
)
def test_bad_input(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
