"""Models that weigh symbols by the uncertainty after them, and the weight that fits data."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.analysis import fit_temperature
from jaxrnn.generation import Enumeration, SequenceModel, fit_lookahead, lookahead, sequence_entropy
from tests.generation import models

RNG = np.random.default_rng(0)
WEIGHTS = models.Weights(*(RNG.normal(size=shape) for shape in ((4, 4), (4, 4), (4, 3))))


def entropies(rows):
    return -(rows * np.log(np.where(rows > 0, rows, 1))).sum(-1)


def predict(read):
    """What the network predicts after the symbols that it has read."""
    h = np.zeros(4)
    for symbol in (3, *read):
        h = np.tanh(WEIGHTS.recurrent @ h + WEIGHTS.embedding[symbol])
    p = np.exp(h @ WEIGHTS.output)
    return p / p.sum()


def ahead(read):
    """The entropy of the prediction after one more symbol, for each symbol."""
    return np.array([entropies(predict((*read, symbol))) for symbol in range(3)])


def tilted(read, a):
    p = predict(read) * np.exp(-a * ahead(read))
    return p / p.sum()


def test_every_string_has_the_probability_of_the_formula(x64):
    model, a = models.network(WEIGHTS), 1.7
    found = sequence_entropy(lookahead(model, a), 3, Enumeration()).value
    p = [
        np.prod([tilted(string[:t], a)[string[t]] for t in range(3)])
        for string in itertools.product(range(3), repeat=3)
    ]
    np.testing.assert_allclose(sum(p), 1, rtol=1e-12)
    np.testing.assert_allclose(found, entropies(np.array(p)), rtol=1e-12)


def test_the_best_weight_over_data_with_padding(x64):
    """Against a plain loop; at the best, expected and found uncertainty are equal."""
    symbols, lengths = RNG.integers(0, 3, (5, 2)), (5, 3)
    mask = np.arange(5)[:, None] < np.array([lengths])
    a = fit_lookahead(models.network(WEIGHTS), np.where(mask, symbols, -7), mask=mask)
    contexts = [(symbols[:t, b], symbols[t, b]) for b in (0, 1) for t in range(lengths[b])]

    def gap(a):
        return np.mean([(tilted(read, a) - np.eye(3)[y]) @ ahead(read) for read, y in contexts])

    def loss(a):
        return np.mean([-np.log(tilted(read, a)[y]) for read, y in contexts])

    np.testing.assert_allclose(gap(a), 0, atol=1e-13)
    assert abs(gap(0)) > 0.01
    assert loss(a) <= loss(0) - 2 * gap(0) ** 2 / np.log(3) ** 2
    assert loss(a) < min(loss(a - 0.01), loss(a + 0.01))


CALM, LOST = np.array([0.483, 0.279, 0.148, 0.09]), np.full(4, 0.25)
"""A chain that is lost once it has written a 3, which it does more often than its data."""


def chain():
    return models.markov(*[CALM] * 3, LOST, start=CALM)


def test_one_context_in_closed_form(x64):
    """The odds of the 3 shrink from the model's to the data's."""
    data = np.repeat(np.arange(4), (26, 15, 8, 1))
    a = fit_lookahead(chain(), data[None])
    odds = 0.09 / 0.91 / (0.02 / 0.98)
    np.testing.assert_allclose(a, np.log(odds) / (np.log(4) - entropies(CALM)), rtol=1e-12)


def test_drift_falls_and_the_cross_entropy_more_than_by_a_temperature(x64):
    truth = np.array([[0.52, 0.3, 0.16, 0.02]] * 3 + [LOST])
    data = np.zeros((100, 100), int)
    for t in range(1, len(data)):
        data[t] = (RNG.random((100, 1)) > truth[data[t - 1]].cumsum(-1)[:, :-1]).sum(-1)
    data = data[1:]
    before = np.concatenate([np.full_like(data[:1], 4), data[:-1]])
    rows = np.array([*[CALM] * 3, LOST, CALM])

    def loss(rows):
        """Cross-entropy on the data."""
        return -np.log(rows[before, data]).mean()

    def drift(rows):
        """By how much the entropy of what a chain writes in the long run is above that."""
        return np.linalg.matrix_power(rows[:4], 200)[0] @ entropies(rows[:4]) - loss(rows)

    t = np.asarray(fit_temperature(np.log(rows)[before], data))
    scaled = rows ** (1 / t) / (rows ** (1 / t)).sum(-1, keepdims=True)
    a = fit_lookahead(chain(), data)
    logits = jax.jit(jax.vmap(lookahead(chain(), a).step, (None, 0)))(0, jnp.arange(5))[1]
    shunned = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert drift(rows) > 0.1
    assert abs(drift(shunned)) < 0.1 * drift(rows)
    assert loss(shunned) < loss(scaled) - 0.02 < loss(rows) - 0.03


def test_weights_that_are_no_number_and_none(x64):
    """Data that always takes the most or least certain way, and a model that is indifferent."""
    fit = jax.vmap(fit_lookahead, (None, 0))
    data = np.array([[0, 1, 2, 0], [0, 3, 3, 3]])
    np.testing.assert_array_equal(fit(chain(), data)[0], np.inf)
    same = models.markov([0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7], start=[0.1, 0.2, 0.7])
    np.testing.assert_array_equal(fit_lookahead(same, data[0] % 3), 0)


def test_impossible_symbols_stay_so_and_the_end_is_certain(x64):
    """A machine whose belief is NaN after an impossible symbol; a weight of 0 changes nothing."""
    even = models.hidden([[[0.5, 0], [0, 0]], [[0, 0.5], [1, 0]]], [0.0, 1.0])
    run = jax.jit(jax.vmap(lambda a: lookahead(even, a).step(even.carry, jnp.array(2))[1]))
    wanted = [[-np.inf, 0], [-np.inf, -np.log(2)]]  # of one symbol alone, any logit will do
    np.testing.assert_allclose(run(jnp.array([0.0, 1.0])), wanted, atol=1e-15)
    model = chain()
    model = SequenceModel(model.step, model.carry, model.start, stop=3)
    _, logits = lookahead(model, 2.0).step(0, jnp.array(0))
    odds = logits[3] - logits[2] - np.log(0.09 / 0.148)
    np.testing.assert_allclose(odds, 2 * entropies(CALM), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: lookahead(chain(), np.inf), ValueError, "weight must be finite, got inf"),
        (lambda: lookahead(chain(), "x"), TypeError, "lookahead: weight must be an array of"),
        (
            lambda: sequence_entropy(lookahead(chain(), np.ones(4)), 2, Enumeration()),
            ValueError,
            r"lookahead: weight must be one number, got an array \(4,\)",
        ),
        (lambda: lookahead("chain", 1.0), TypeError, "expected a `SequenceModel"),
        (lambda: fit_lookahead(chain(), [0.5]), TypeError, "symbols must be integers"),
        (lambda: fit_lookahead(chain(), np.zeros(0, int)), ValueError, "there are no symbols"),
        (lambda: fit_lookahead(chain(), [0, 4]), ValueError, r"symbols must lie in \[0, 4\)"),
        (lambda: fit_lookahead(chain(), [0], mask=np.zeros(1, bool)), ValueError, "no step counts"),
        (lambda: fit_lookahead(chain(), [0], mask=np.ones(2, bool)), ValueError, "mask must be"),
        (lambda: fit_lookahead(models.golden_mean(), [1, 1]), ValueError, "deems a symbol"),
    ],
)
def test_errors(call, error, says, monkeypatch):
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)
    with pytest.raises(error, match=says):
        call()
