"""Entropies against closed forms, reference values and enumeration, in float64 and in bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import tasks
from jaxrnn.information import to_bits
from jaxrnn.tasks import (
    HMM,
    best_accuracy,
    block_entropies,
    coin,
    entropy_rate_bounds,
    even,
    excess_entropy,
    golden_mean,
    hidden_markov,
    iid,
    is_epsilon_machine,
    markov,
    mess3,
    mutual_information,
    periodic,
    rrxor,
    sns,
    statistical_complexity,
)
from tests.tasks.exact import entropy, word_probability, words

pytestmark = pytest.mark.usefixtures("x64")
THIRD = 0.918295834054  # the binary entropy of 1/3


def h2(p):
    return entropy([p, 1 - p])


def flips(p, noise):
    return tasks.binary_symmetric(markov([[1 - p, p], [p, 1 - p]]), noise)


@pytest.mark.parametrize(
    ("source", "rate", "complexity", "excess", "length"),
    [
        (coin(), 1, 0, 0, 3),
        (coin(0.7), 0.881290899231, 0, 0, 3),
        (iid([0.7, 0.2, 0.1]), 1.1567796494, 0, 0, 3),
        (periodic([0, 1]), 0, 1, 1, 3),
        (periodic([0, 0, 1, 0]), 0, 2, 2, 6),
        (golden_mean(), 2 / 3, THIRD, 0.251629167388, 1),
        (even(), 2 / 3, THIRD, 0.917399061, 20),
        (even(), 2 / 3, THIRD, THIRD, 200),
        (rrxor(), 2 / 3, 2.251629167388, 2.2023448, 18),
        (rrxor(), 2 / 3, 2.251629167388, 2.251629167388, 300),
        (markov([[0.9, 0.1], [0.2, 0.8]]), 0.553306427355, THIRD, None, 1),
        (markov([[0.9, 0.1], [0.1, 0.9]]), 0.468995593589, 1, 0.531004406411, 1),
        (markov([[0.75, 0.25], [0.5, 0.5]]), 0.874185416306, THIRD, None, 1),
    ],
)
def test_unifilar_sources(source, rate, complexity, excess, length):
    digits = {"rtol": 0, "atol": 6e-12 if length in (1, 3, 6, 200, 300) else 6e-8}
    np.testing.assert_allclose(to_bits(source.entropy_rate()), rate, atol=6e-11)
    np.testing.assert_allclose(to_bits(statistical_complexity(source)), complexity, **digits)
    if excess is not None:
        np.testing.assert_allclose(to_bits(excess_entropy(source, length)), excess, **digits)


def test_three_states():
    chain = markov([[0.5, 0.25, 0.25], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]])
    np.testing.assert_allclose(chain.stationary(), np.array([4, 7, 6]) / 17, rtol=1e-14)
    np.testing.assert_allclose(to_bits(chain.entropy_rate()), 1.374672072153, atol=1e-12)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_closed_forms_in_the_probability(p):
    for source, rate in (
        (coin(p), h2(p)),
        (golden_mean(p), h2(p) / (1 + p)),
        (even(p), h2(p) / (2 - p)),
        (rrxor(p), 2 * h2(p) / 3),
    ):
        np.testing.assert_allclose(to_bits(source.entropy_rate()), rate, rtol=1e-13)


EVEN = """.918295834 .874185416 .792481250 .770426041 .729573959 .718546354 .698120313 .692606510
          .682393490 .679636589 .674530078 .673151628 .670598372 .669909147"""
RRXOR = """1 1 .918295834 .906715377 .863710665 .833333333 .810012178 .778834958 .760213021
           .744169711 .726162385 .715993099 .706875761 .697267419"""
SNS = """.811278124 .688721876 .680036533 .678422061 .678029642 .677919093 .677884827 .677873463
         .6778695 .677868062"""


@pytest.mark.parametrize(
    ("source", "profile", "digits"),
    [
        (golden_mean(), ".918295834 .666666667 .666666667", 6e-10),
        (even(), EVEN, 6e-10),
        (rrxor(), RRXOR, 6e-10),
        (sns(), SNS, 6e-10),
        (mess3(), "1.5849625 1.5740781 1.57165971 1.57110034", 6e-9),
        (mess3(0.05, 0.85), "1.5849625 1.23742692 1.17342421 1.15144032", 6e-9),
    ],
    ids=["golden mean", "even", "rrxor", "sns", "mess3", "mess3 sharp"],
)
def test_profiles(source, profile, digits):
    want = np.array(profile.split(), float)
    upper = to_bits(entropy_rate_bounds(source, len(want)).upper)
    np.testing.assert_allclose(upper, want, rtol=0, atol=digits)
    blocks = to_bits(block_entropies(source, len(want)))
    np.testing.assert_allclose(blocks, np.cumsum(want), rtol=0, atol=len(want) * digits)


@pytest.mark.parametrize(
    ("source", "length", "lower", "upper"),
    [
        (sns(), 20, 0.677867179548, 0.677867181188),
        (sns(), 60, 0.677867181055, 0.677867181055),
        (mess3(), 11, 1.5709335978, 1.5709336247),
        (mess3(0.05, 0.85), 11, 1.1447170744, 1.1447178262),
        (flips(0.1, 0.1), 18, 0.7665962932317, 0.7665962932317),
        (flips(0.2, 0.1), 18, 0.8834613510210, 0.8834613510210),
        (flips(0.1, 0.01), 18, 0.514916076399, 0.514916076399),
        (flips(0.3, 0.05), 18, 0.9223425610839, 0.9223425610839),
    ],
)
def test_bounds_of_sources_that_are_not_unifilar(source, length, lower, upper):
    bounds = entropy_rate_bounds(source, length)
    assert (bounds.lower <= bounds.upper + 1e-15).all()
    assert (np.diff(bounds.lower) > -1e-14).all() and (np.diff(bounds.upper) < 1e-14).all()
    for got, want in ((bounds.lower[-1], lower), (bounds.upper[-1], upper)):
        np.testing.assert_allclose(to_bits(got), want, rtol=0, atol=1e-12 + 6e-11)


def test_the_bounds_of_sns_contain_its_closed_form():
    n = np.arange(1, 200)  # F(n) = n 2^-(n+1) ones between two zeros, and a zero every 4 symbols
    rate = entropy(n * 0.5 ** (n + 1.0)) / 4
    bounds = entropy_rate_bounds(sns(), 60)
    lower, upper = to_bits(bounds.lower), to_bits(bounds.upper)
    assert (lower <= rate + 1e-14).all() and (rate <= upper + 1e-14).all()
    assert upper[-1] - lower[-1] < 1e-13


def test_little_noise_raises_the_entropy_rate_as_it_should():
    """At `eps = 0` the derivative is `2 (1 - 2p) log2((1 - p) / p)`."""
    clean = to_bits(markov([[0.8, 0.2], [0.2, 0.8]]).entropy_rate())
    for eps, slope in ((1e-3, 2.3876), (1e-4, 2.3987)):
        noisy = to_bits(entropy_rate_bounds(flips(0.2, eps), 12).upper[-1])
        np.testing.assert_allclose((noisy - clean) / eps, slope, atol=6e-5)


HIDDEN = hidden_markov([[0.7, 0.3], [0.4, 0.6]], [[0.9, 0.1], [0.2, 0.8]], [0.6, 0.4])


def test_a_hidden_markov_model_that_is_not_stationary():
    word = np.array([0, 1, 0, 0, 1])
    np.testing.assert_allclose(-HIDDEN.surprisal(word).sum(), -3.7513893143761674, rtol=1e-14)
    want = [0.95804202, 1.90950047, 2.86291143, 3.81699926, 4.77129247]
    np.testing.assert_allclose(to_bits(block_entropies(HIDDEN, 5)), want, rtol=0, atol=6e-9)
    bounds = entropy_rate_bounds(HIDDEN, 18)  # of the stationary process
    for last in (bounds.lower[-1], bounds.upper[-1]):
        np.testing.assert_allclose(to_bits(last), 0.9543813170678, rtol=0, atol=1e-12)


@pytest.mark.parametrize("source", [HIDDEN, sns(0.3, 0.6), rrxor(0.4)], ids=["hmm", "sns", "rrxor"])
def test_block_entropies_equal_sums_over_words(source):
    start, table = np.asarray(source.first("")), np.asarray(source.transitions)
    got = to_bits(block_entropies(source, 4))
    for n in range(4 if source.states < 3 else 3):
        p = [word_probability(table, start, word) for word in words(2, n + 1).T]
        np.testing.assert_allclose(got[n], entropy(p), rtol=1e-13)


def test_lagged_mutual_information():
    flip, lags = markov([[0.9, 0.1], [0.1, 0.9]]), (1, 2, 5, 10)
    want = [0.531004406411, 0.319922954272, 0.078903399049, 0.008332625431]
    for lag, value in zip(lags, want, strict=True):
        got = to_bits(mutual_information(flip, lag))
        np.testing.assert_allclose(got, value, rtol=0, atol=6e-13)
        np.testing.assert_allclose(got, 1 - h2((1 - 0.8**lag) / 2), rtol=0, atol=1e-14)
    want = [0.251629167388, 0.044110417748, 0.011580457285, 0.000708374946]
    got = [to_bits(mutual_information(golden_mean(), lag)) for lag in (1, 2, 3, 5)]
    np.testing.assert_allclose(got, want, rtol=0, atol=6e-13)
    assert mutual_information(coin(0.3), 4) == pytest.approx(0, abs=1e-15)


def test_mutual_information_equals_that_of_the_words():
    source, lag = sns(0.3, 0.6), 3
    start, table = np.asarray(source.first("")), np.asarray(source.transitions)
    joint = np.zeros((2, 2))
    for word in words(2, lag + 1).T:
        joint[word[0], word[-1]] += word_probability(table, start, word)
    want = entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint.ravel())
    np.testing.assert_allclose(to_bits(mutual_information(source, lag)), want, atol=1e-14)


def test_the_best_guess(key):
    assert best_accuracy(golden_mean(0.3)) == pytest.approx((0.7 + 0.3) / 1.3)
    assert best_accuracy(rrxor()) == pytest.approx(2 / 3)
    observed = np.asarray(even(0.3).sample(1000, (50,), key=key))
    guess = np.asarray(even(0.3).filter(observed).log_probs).argmax(-1)
    hits = (guess == observed)[20:].mean(0)
    assert abs(hits.mean() - best_accuracy(even(0.3))) < 4 * hits.std() / 50**0.5


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        (golden_mean(), True),
        (rrxor(), True),
        (coin(), True),
        (sns(), False),
        # Two states that emit alike and go to one another; and a state that is left for ever.
        (HMM(np.array([[[0.0, 0.5], [0.5, 0.0]], [[0.5, 0.0], [0.0, 0.5]]])), False),
        (periodic([0, 1, 0, 1]), False),
        (markov([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0], [1.0, 0.0, 0.0]]), False),
    ],
)
def test_which_presentation_is_the_epsilon_machine(source, is_one):
    assert is_epsilon_machine(source) is is_one


def test_traced_facts_equal_those_in_numpy():
    ps = jnp.array([0.3, 0.6])

    def facts(p):
        bounds = entropy_rate_bounds(sns(p), 6)
        return (
            *bounds,
            excess_entropy(even(p), 5),
            excess_entropy(sns(p), 5),
            mutual_information(even(p), 3),
            statistical_complexity(even(p)),
            best_accuracy(even(p)),
        )

    untraced = (facts(float(p)) for p in ps)
    for traced, *plain in zip(jax.jit(jax.vmap(facts))(ps), *untraced, strict=True):
        np.testing.assert_allclose(traced, np.stack(plain), rtol=1e-12)


def test_the_gradient_of_the_entropy_rate():
    """Of the golden mean, `H(p) / (1 + p)`, and finite where the coin is certain."""
    p = 0.3
    h, slope = h2(p) * np.log(2), np.log((1 - p) / p)
    got = jax.jit(jax.grad(lambda p: golden_mean(p).entropy_rate()))(p)
    np.testing.assert_allclose(got, slope / (1 + p) - h / (1 + p) ** 2, rtol=1e-12)


MANY = np.random.default_rng(0).dirichlet(np.ones(3000), 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: entropy_rate_bounds(sns(), 0), ValueError, "length must be at least 1, got 0"),
        (lambda: block_entropies(sns(), 2.0), TypeError, "length must be an integer"),
        (lambda: mutual_information(sns(), 0), ValueError, "lag must be at least 1"),
        (lambda: best_accuracy(sns()), ValueError, "best_accuracy: .*not unifilar"),
        (
            lambda: entropy_rate_bounds(hidden_markov(np.eye(2) / 2 + 0.25, MANY), 2),
            ValueError,
            r"blocks of 2 out of 3000 symbols take 18,000,000 numbers, above .* Take a length of "
            r"at most 1, or .*surprisal\(source.sample",
        ),
    ],
)
def test_bad_input(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("length", [10**5, 10**7])
def test_a_chain_that_has_come_to_rest_takes_no_time(length):
    """10,000,000 lengths of each in a moment; `sns` has as many words as it has steps."""
    for source, wanted in ((even(), THIRD), (golden_mean(), 0.251629167388), (coin(0.7), 0)):
        np.testing.assert_allclose(to_bits(excess_entropy(source, length)), wanted, atol=1e-8)
    lower, upper = entropy_rate_bounds(sns(), length)
    assert len(upper) == length
    np.testing.assert_allclose(upper[-1], lower[-1], rtol=1e-12)


@pytest.mark.parametrize("f", [excess_entropy, block_entropies, entropy_rate_bounds])
def test_a_length_beyond_memory_is_refused(f):
    with pytest.raises(ValueError, match=r"a length of 10,000,000,000 has as many entropies"):
        f(coin(), 10**10)


def test_a_chain_that_does_not_come_to_rest_is_refused_at_once():
    """Two coins of which one is drawn for ever: the belief goes on changing, slowly."""
    two = HMM(np.stack([np.diag([0.5, 0.5001]), np.diag([0.5, 0.4999])]), initial=[0.5, 0.5])
    with pytest.raises(ValueError, match=r"all of 1,000,000 lengths .* at least, above 67"):
        block_entropies(two, 10**6)
