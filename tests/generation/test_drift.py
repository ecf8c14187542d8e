"""The entropy of a model's predictions in what it writes, step by step."""

import jax
import numpy as np
import pytest

from jaxrnn.generation import SequenceModel, entropy_drift
from tests.generation import models

ROWS = np.array([[0.7, 0.2, 0.1], [0.1, 0.9, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.25, 0.25]])


def chain(stop=None):
    """The last row is the distribution of the first symbol."""
    model = models.markov(*ROWS[:-1], start=ROWS[-1])
    return SequenceModel(model.step, model.carry, model.start, stop)


def rows_read(symbols, stop):
    """The distribution of every symbol, and which sequences go on before it."""
    before = np.concatenate([np.full((1, symbols.shape[1]), 3), symbols[:-1]])
    ended = np.cumsum(symbols == stop, axis=0) > 0
    going = np.concatenate([np.ones_like(ended[:1]), ~ended[:-1]])
    return ROWS[before], going


@pytest.mark.parametrize("stop", [None, 1])
def test_against_the_symbols_that_were_written(x64, key, stop):
    drift = entropy_drift(chain(stop), 9, 12, key=key)
    symbols = np.asarray(drift.symbols)
    p, going = rows_read(symbols, stop)
    safe = np.where(p > 0, p, 1)
    entropy = -(p * np.log(safe)).sum(-1)
    surprisal = -np.log(np.take_along_axis(p, symbols[..., None], -1))[..., 0]
    np.testing.assert_array_equal(drift.going, going.sum(1))
    for t in range(9):
        for values, mean, error in [
            (entropy, drift.entropy, drift.entropy_error),
            (surprisal, drift.surprisal, drift.surprisal_error),
        ]:
            seen = values[t][going[t]]
            wanted = seen.mean() if seen.size else np.nan
            spread = seen.std(ddof=1) / np.sqrt(seen.size) if seen.size > 1 else np.nan
            np.testing.assert_allclose(mean[t], wanted, rtol=1e-12)
            np.testing.assert_allclose(error[t], spread, rtol=1e-9, atol=1e-9)
    if stop is not None:
        assert drift.going[-1] < 2  # the case without an error is there
        assert (symbols[~going] == stop).all()


def test_it_estimates_the_entropy_of_every_step(key):
    drift = entropy_drift(chain(), 5, 4000, key=key)
    entropies = -(ROWS * np.log(np.where(ROWS > 0, ROWS, 1))).sum(-1)
    before, moves = np.array([0, 0, 0, 1.0]), np.pad(ROWS, ((0, 0), (0, 1)))
    for t in range(5):
        exact = before @ entropies
        # The first prediction has one and the same entropy in all sequences.
        assert abs(drift.entropy[t] - exact) < 4 * drift.entropy_error[t] + 1e-6
        assert abs(drift.surprisal[t] - exact) < 4 * drift.surprisal_error[t]
        assert drift.surprisal_error[t] < 0.02
        before = before @ moves


def test_how_many_are_drawn_at_once_changes_nothing(x64, key):
    whole = entropy_drift(chain(), 9, 12, key=key)
    parts = entropy_drift(chain(), 9, 12, key=key, at_once=5)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_it_refuses_derivatives(key):
    def last(scale):
        model = SequenceModel(lambda carry, symbol: (carry, scale * np.arange(3.0, dtype="f")))
        return entropy_drift(model, 2, 2, key=key).entropy[-1]

    with pytest.raises(TypeError, match="estimate from samples is biased"):
        jax.eval_shape(jax.grad(last), 1.0)


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"length": 0}, "length must be at least 1"),
        ({"samples": 1}, "samples must be at least 2"),
        ({"at_once": 0}, "at_once must be at least 1"),
    ],
)
def test_errors(key, sizes, says):
    with pytest.raises(ValueError, match=f"entropy_drift: {says}"):
        entropy_drift(chain(), **{"length": 3, "samples": 4, **sizes}, key=key)
