"""Filtering and sampling against sums over hidden paths; what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information
from jaxrnn.tasks import HMM, even, golden_mean, hidden_markov, iid, markov, mess3, sns
from tests.tasks.exact import word_probability, words

SOURCES = {"golden mean": golden_mean(), "even": even(), "sns": sns(0.3, 0.6)}
sources = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
WORDS = words(2, 5)


def exact(source, word):
    return word_probability(np.asarray(source.transitions), np.asarray(source.first("")), word)


@sources
def test_filtering_equals_the_sum_over_hidden_paths(source, x64):
    log_probs, beliefs = source.filter(WORDS)
    own = jnp.take_along_axis(log_probs, WORDS[..., None], axis=-1)[..., 0]
    for n, word in enumerate(WORDS.T):
        want = [exact(source, word[:t]) for t in range(6)]
        np.testing.assert_allclose(np.exp(np.cumsum(own[:, n])), want[1:], atol=1e-14)
        possible = sum(p > 0 for p in want) - 1
        for t in range(possible):
            after = [exact(source, [*word[:t], x]) / want[t] for x in (0, 1)]
            np.testing.assert_allclose(np.exp(log_probs[t, n]), after, atol=1e-14)
        np.testing.assert_allclose(beliefs[:possible, n].sum(-1), 1)


def test_beliefs_are_posteriors_of_the_hidden_state(x64):
    source = mess3()
    word, table = [0, 2, 2], np.asarray(source.transitions)
    weights = np.ones(3) / 3 @ table[0] @ table[2] @ table[2]
    got = source.filter(np.array(word)).states[-1]
    np.testing.assert_allclose(got, weights / weights.sum(), rtol=1e-12)


@sources
def test_sampled_words_come_as_often_as_they_should(source, key):
    count = 20_000
    symbols = np.asarray(source.sample(9, (count // 4, 4), key=key)).reshape(9, count)
    p = np.array([exact(source, word) for word in WORDS.T])
    for start in (0, 4):  # the process is stationary
        codes = 2 ** np.arange(4, -1, -1) @ symbols[start : start + 5]
        seen = np.bincount(codes, minlength=32)
        assert not seen[p == 0].any()
        z = (seen - count * p)[p > 0] / np.sqrt(count * p * (1 - p))[p > 0]
        assert abs(z).max() < 4.5 and 0.3 < (z**2).mean() < 2


def test_sampling_goes_under_jit_and_over_sweeps(key):
    ps, keys = jnp.array([0.2, 0.7]), jax.random.split(key)

    def ones(p, key):
        return golden_mean(p).sample(50, (200,), key=key)

    zeros = np.asarray(jax.jit(jax.vmap(ones))(ps, keys)) == 0
    np.testing.assert_allclose(zeros.mean((1, 2)), ps / (1 + ps), atol=0.02)
    assert not (zeros[:, 1:] & zeros[:, :-1]).any()


def test_samples_start_where_the_source_does(key):
    chain = markov([[0.0, 1.0], [1.0, 0.0]], initial=[0.0, 1.0])
    np.testing.assert_array_equal(chain.sample(4, (2,), key=key), [[0] * 2, [1] * 2] * 2)


def test_a_symbol_held_impossible_makes_all_that_follows_impossible():
    log_probs, _ = golden_mean().filter(np.array([1, 0, 0, 1]))
    assert np.isfinite(log_probs[2, 1]) and (np.asarray(log_probs[3]) == -np.inf).all()
    surprisal = golden_mean().surprisal(np.array([1, 0, 0, 1]))
    np.testing.assert_array_equal(np.isinf(surprisal), [False, False, True, True])


def test_under_jit_a_symbol_out_of_range_is_impossible():
    for wrong in (-1, 2):
        log_probs = jax.jit(lambda x: even().filter(x).log_probs)(jnp.array([1, wrong, 1]))
        assert np.isfinite(log_probs[:2]).all() and (np.asarray(log_probs[2]) == -np.inf).all()


def test_the_surprisal_of_a_certain_symbol_keeps_its_digits():
    chain = markov([[1 - 1e-9, 1e-9], [0.5, 0.5]], initial=[1.0, 0.0])
    np.testing.assert_allclose(chain.surprisal(np.array([0])), 1e-9, rtol=1e-5)


def test_sweeps_and_gradients_go_through_the_probabilities(x64):
    ps, word = jnp.array([0.2, 0.5, 0.7]), jnp.array([1, 1, 0, 1])

    def loss(p):
        return golden_mean(p).surprisal(word).sum()

    # From the stationary start, (1, p) / (1 + p), 1101 has the probability p (1 - p) / (1 + p).
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(loss)))(ps)
    np.testing.assert_allclose(values, -jnp.log(ps * (1 - ps) / (1 + ps)), rtol=1e-12)
    want = -(1 - 2 * ps) / (ps * (1 - ps)) + 1 / (1 + ps)
    np.testing.assert_allclose(slopes, want, rtol=1e-10)


def test_a_sweep_is_one_noun(x64):
    ps = np.array([0.2, 0.5, 0.7])
    swept = jax.jit(jax.vmap(golden_mean))(ps)
    rates = jax.jit(jax.vmap(HMM.entropy_rate))(swept)
    want = [golden_mean(float(p)).entropy_rate() for p in ps]
    np.testing.assert_allclose(rates, want, rtol=1e-12)
    with pytest.raises(ValueError, match=r"several sources\. Use `jax\.vmap`"):
        swept.entropy_rate()


def test_the_gradient_of_a_source_is_a_tree_like_it(x64):
    word = jnp.array([1, 0, 1])
    gradient = jax.jit(jax.grad(lambda source: source.surprisal(word).sum()))(sns())
    assert isinstance(gradient, HMM) and np.isfinite(gradient.transitions).all()


def test_what_raises_is_nan_where_it_is_traced():
    assert np.isnan(jax.jit(HMM.entropy_rate)(sns()))
    parts = HMM(np.eye(2)[None], initial=np.array([1.0, 0.0]))
    assert np.isnan(jax.jit(HMM.stationary)(parts)).all()


def test_a_source_of_two_parts_can_be_sampled_from_a_start(key):
    parts = HMM(np.stack([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])]), [0.25, 0.75])
    symbols = np.asarray(parts.sample(3, (4000,), key=key))
    assert (symbols == symbols[0]).all() and abs(symbols.mean() - 0.75) < 4 * (3 / 16 / 4000) ** 0.5


def test_states_that_are_left_for_ever_have_no_weight(x64):
    source = markov([[0.5, 0.25, 0.25], [0.0, 0.9, 0.1], [0.0, 0.2, 0.8]])
    np.testing.assert_allclose(source.stationary(), [0, 2 / 3, 1 / 3], atol=1e-15)
    np.testing.assert_allclose(information.to_bits(source.entropy_rate()), 0.553306427355)


T = np.asarray(golden_mean().transitions)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: HMM(T[0]), ValueError, r"\[V, S, S\].*got shape \(2, 2\)"),
        (lambda: HMM(np.zeros((2, 2, 3))), ValueError, r"got shape \(2, 2, 3\)"),
        (lambda: HMM(T, np.ones(3) / 3), ValueError, r"\[S\] = \(2,\), got shape \(3,\)"),
        (lambda: HMM(T * 0.9).entropy_rate(), ValueError, "state 0 of the transitions sums to 0.9"),
        (lambda: HMM(T - 2 * T[::-1]).stationary(), ValueError, "state 0 .* holds -1; prob"),
        (lambda: HMM(T * 2, [0.5, 0.5]).sample(3, key=jax.random.key(0)), ValueError, "sums to 2;"),
        (lambda: HMM(T, [0.5, 0.2]).start(), ValueError, "distribution of initial sums to 0.7"),
        (lambda: sns().entropy_rate(), ValueError, "state 0 emits 1 and may go to states 0 or 1"),
        (
            lambda: markov([[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1.0]]).entropy_rate(),
            ValueError,
            r"no unique stationary distribution, for the states \{\d\} and \{\d\} are never left",
        ),
        (lambda: markov([[0.5, 0.5], [0.3, 0.6]]), ValueError, "row 1 of matrix sums to 0.9;"),
        (lambda: markov([[1.5, -0.5], [0.0, 1.0]]), ValueError, "row 0 of matrix holds -0.5;"),
        (lambda: markov([[0.5, 0.5]]), ValueError, r"square matrix, got shape \(1, 2\)"),
        (lambda: hidden_markov([[1.0]], [[1.0], [1.0]]), ValueError, r"S = 1, got shape \(2, 1\)"),
        (lambda: hidden_markov([[1.0]], [[0.5, 0.4]]), ValueError, "row 0 of emissions sums to"),
        (lambda: even().filter(np.array([0, 2])), ValueError, r"lie in \[0, 2\), got 2"),
        (lambda: even().surprisal(np.array([0, -1])), ValueError, r"surprisal: .*got -1"),
        (lambda: even().filter(np.array([0.0])), TypeError, r"integers, got float32\[1\]"),
        (lambda: even().filter(np.array(1)), ValueError, "single number"),
        (lambda: iid(np.array([0.5 + 1j, 0.5])), TypeError, "probabilities must be real numbers"),
        (
            lambda: markov([[1.0]], np.array([1j])),
            TypeError,
            "markov: initial must be real numbers",
        ),
        (lambda: HMM(T, -1), ValueError, r"initial must be \[S\] = \(2,\), got shape \(\)"),
        (
            lambda: even().sample(0, key=jax.random.key(0)),
            ValueError,
            "length must be at least 1, got 0",
        ),
        (
            lambda: even().sample(3, 2, key=jax.random.key(0)),
            TypeError,
            r"HMM.sample: batch must be a tuple .* got 2. Write `.2,.`",
        ),
        (
            lambda: even().sample(3, (0,), key=jax.random.key(0)),
            ValueError,
            "batch must be at least 1",
        ),
    ],
)
def test_bad_input(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
