"""What a model loses against its source, where that is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.tasks import coin, even, excess_loss, golden_mean, markov

LENGTH, COUNT = 200, 400


def sample(source):
    return source.sample(LENGTH, (COUNT,), key=jax.random.key(0))


def constant(p, steps=LENGTH):
    """A model that holds a 1 to be as likely every time."""
    return np.broadcast_to(np.log(np.array([1 - p, p], np.float32)), (steps, COUNT, 2))


def test_the_source_itself_loses_nothing():
    observed = sample(even())
    log_probs = np.asarray(even().filter(observed).log_probs) + 3.0  # logits need no norm
    np.testing.assert_allclose(excess_loss(even(), observed, log_probs), 0, atol=1e-3)
    np.testing.assert_allclose(excess_loss(even(), observed, log_probs[50:]), 0, atol=1e-3)


def test_a_model_that_knows_nothing_loses_a_bit_less_the_entropy_rate():
    mean, error = excess_loss(even(), sample(even()), constant(0.5, LENGTH - 50))
    assert abs(mean - 1000 / 3) < 4 * error < 20


def test_the_mean_is_the_divergence_and_the_error_that_of_the_mean():
    p, q = 0.7, 0.65
    source = markov([[1 - p, p], [1 - p, p]])
    ratios = 1000 * np.log2([(1 - p) / (1 - q), p / q])
    divergence = np.array([1 - p, p]) @ ratios
    deviation = (p * (1 - p) / LENGTH / COUNT) ** 0.5  # of the share of ones
    mean, error = excess_loss(source, sample(source), constant(q))
    np.testing.assert_allclose(error, abs(ratios[1] - ratios[0]) * deviation, rtol=0.15)
    assert abs(mean - divergence) < 4 * error
    # Chance blurs the loss itself several times as much.
    assert 3 * error < 1000 * np.log2(p / (1 - p)) * deviation


def test_one_sequence_has_no_standard_error():
    mean, error = excess_loss(coin(), np.array([0, 1]), np.zeros((2, 2), np.float32))
    np.testing.assert_allclose(mean, 0, atol=1e-4)
    assert np.isnan(error)


def test_under_jit_impossible_observations_give_nan():
    words = jnp.array([[1, 0, 0]]).T
    assert np.isnan(jax.jit(excess_loss)(golden_mean(), words, jnp.zeros((3, 1, 2))).mean)


ONES = np.ones((5, 3), np.int32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: excess_loss(coin(), ONES, np.zeros((6, 3, 2))),
            ValueError,
            r"\(5, 3\) of 2 symbols take .* = \(1 to 5, 3, 2\), got \(6, 3, 2\)",
        ),
        (lambda: excess_loss(coin(), ONES, np.zeros((5, 3, 3))), ValueError, r"got \(5, 3, 3\)"),
        (lambda: excess_loss(coin(), ONES, np.zeros((0, 3, 2))), ValueError, r"got \(0, 3, 2\)"),
        (lambda: excess_loss(coin(), ONES, np.zeros((4, 2))), ValueError, r"got \(4, 2\)"),
        (
            lambda: excess_loss(coin(), np.int32(0), np.zeros((1, 2))),
            ValueError,
            r"observations \(\) of 2 symbols take logits \[N, \*batch, V\] = \(1 to T, 2\)",
        ),
        (lambda: excess_loss(golden_mean(), 0 * ONES, np.zeros((5, 3, 2))), ValueError, "impossib"),
        (lambda: excess_loss(coin, ONES, np.zeros((5, 3, 2))), TypeError, "kind of `Source`"),
        (lambda: excess_loss(coin(), ONES * 1.0, np.zeros((5, 3, 2))), TypeError, "integers"),
        (lambda: excess_loss(coin(), ONES, np.zeros((5, 3, 2), int)), TypeError, "logits must be"),
    ],
)
def test_bad_input(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
