"""The gradient of the entropy of sequences: no bias, and a fraction of the usual variance."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import generation
from jaxrnn.generation._surrogate import surrogates
from tests.generation import models


def flat(tree):
    """Leaves `[N, ...]` as rows `[N, P]`."""
    rows = [np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(tree)]
    return np.concatenate(rows, axis=1)


def per_string(weights):
    """For every sequence what four estimators would differentiate, and the library's for pairs."""
    known = models.read_all((models.network(weights),), 2, 4)
    drawn, expected = known.score.sum(0), known.expected.sum(0)
    ahead = jax.lax.stop_gradient(jnp.flip(jnp.cumsum(jnp.flip(known.expected, 0), 0), 0))
    ahead = ahead - jax.lax.stop_gradient(known.expected)
    pairs = jnp.asarray(np.indices((16, 16)).reshape(2, -1).T)
    of_pair = lambda pair: surrogates(jax.tree.map(lambda x: x[:, pair], known)).mean()  # noqa: E731
    return {
        "minus log p": drawn,
        "expected": expected,
        "score function": -jax.lax.stop_gradient(drawn) * drawn,
        "reward to go": expected + (ahead * known.log_p).sum(0),
        "pairs": jax.vmap(of_pair)(pairs),
    }


@pytest.fixture(scope="module")
def gradients():
    """Exact probabilities, exact gradient, and the gradient of each estimator for each draw."""
    with jax.enable_x64(True):
        weights = models.three_units()
        by_enumeration = jax.grad(
            lambda w: (
                generation.sequence_entropy(models.network(w), 4, generation.Enumeration()).value
            )
        )
        exact, rows = jax.jit(lambda w: (by_enumeration(w), jax.jacrev(per_string)(w)))(weights)
        exact = flat(jax.tree.map(lambda x: x[None], exact))[0]
        p = np.asarray(models.sums((models.network(weights),), 2, 4).p)
        return p, exact, {name: flat(row) for name, row in rows.items()}


def moments(p, rows):
    mean = p @ rows
    return mean, p @ ((rows - mean) ** 2).sum(1)


def test_the_surrogate_has_no_bias(gradients):
    """All pairs of sequences, each with the other as its baseline."""
    p, exact, rows = gradients
    np.testing.assert_allclose(np.linalg.norm(exact), 1.5404, atol=1e-4)
    mean, of_pairs = moments(np.outer(p, p).ravel(), rows["pairs"])
    np.testing.assert_allclose(mean, exact, atol=1e-12)
    alone, single = moments(p, rows["reward to go"])
    np.testing.assert_allclose(alone, exact, atol=1e-12)
    _, usual = moments(p, rows["score function"])
    assert 2 * of_pairs < 0.1 * usual and single < 0.1 * usual


def test_the_gradients_that_are_not_the_entropys(gradients):
    """Reference figures: the greatest error of the mean, and the trace of the covariance."""
    p, exact, rows = gradients
    for name, error, variance in (
        ("minus log p", 0.94, 30.6),
        ("expected", 0.097, 1.11),
        ("score function", 0, 241.9),
        ("reward to go", 0, 13.5),
    ):
        mean, trace = moments(p, rows[name])
        np.testing.assert_allclose(np.abs(mean - exact).max(), error, atol=5e-3)
        np.testing.assert_allclose(trace, variance, rtol=5e-3)
    np.testing.assert_allclose(p @ rows["minus log p"], 0, atol=1e-12)


def test_what_is_drawn_from_a_key(gradients, x64):
    """The public function: its gradient near the exact one, and an entropy without gradient."""

    def loss(weights, key):
        return generation.entropy_surrogate(models.network(weights), 4, 50, key=key)

    @jax.jit
    def run(weights, keys):
        many = jax.vmap(jax.grad(loss, has_aux=True), (None, 0))(weights, keys)
        return *many, jax.grad(lambda weights: loss(weights, keys[0]).entropy.value)(weights)

    gradient, entropy, nothing = run(models.three_units(), jax.random.split(jax.random.key(0), 60))
    rows, (_, exact, _) = flat(gradient), gradients
    error = rows.std(0, ddof=1) / np.sqrt(60)
    assert np.all(np.abs(rows.mean(0) - exact) < 5 * error + 1e-12)
    assert np.all(np.abs(entropy.value - 2.015014393215938) < 6 * entropy.standard_error)
    for leaf in jax.tree.leaves(nothing):
        np.testing.assert_array_equal(leaf, 0)


def test_gradients_are_finite_where_symbols_are_impossible():
    logits = jnp.array([[1.0, -jnp.inf, 0.0], [0.0, 2.0, -jnp.inf], [0.0, -jnp.inf, -jnp.inf]])

    def loss(logits, stop):
        model = generation.SequenceModel(partial(_look_up, logits), stop=stop)
        return generation.entropy_surrogate(model, 5, 8, key=jax.random.key(0)).surrogate

    for gradient in jax.jit(lambda z: [jax.grad(loss)(z, stop) for stop in (None, 2)])(logits):
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(gradient[logits == -jnp.inf], 0)


def _look_up(logits, carry, symbol):
    return carry, logits[symbol]


def test_errors():
    model = models.flip(0.1)
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="samples must be at least 2, got 1"):
        generation.entropy_surrogate(model, 3, 1, key=key)
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        generation.entropy_surrogate(model, 0, 5, key=key)
