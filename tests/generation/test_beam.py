"""Beam search against all sequences there are."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import generation
from jaxrnn.generation import SequenceModel, beam_search

V, T = 3, 4
ROWS = np.random.default_rng(0).dirichlet(np.ones(V), (V + 1, V + 1))


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def step(rows, carry, symbol):
    """What comes next depends on the last two symbols."""
    return symbol, jnp.log(rows)[carry, symbol]


def model(rows=ROWS, stop=None):
    bound = jax.tree_util.Partial(step, jnp.asarray(rows))
    return SequenceModel(bound, carry=jnp.int32(V), start=jnp.int32(V), stop=stop)


def enumerated(rows, stop, penalty):
    """All sequences with their scores, the best first."""
    found = {}
    for string in itertools.product(range(V), repeat=T):
        log_p, before, last = 0.0, V, V
        written = []
        for symbol in string:
            with np.errstate(divide="ignore"):
                log_p += np.log(rows[before, last, symbol])
            before, last = last, symbol
            written.append(symbol)
            if symbol == stop:
                break
        found[tuple(written)] = log_p
    scores = [(value / ((5 + len(key)) / 6) ** penalty, key) for key, value in found.items()]
    return sorted([row for row in scores if row[0] > -np.inf], reverse=True)


@pytest.mark.parametrize("stop", [None, 0])
@pytest.mark.parametrize("penalty", [0.0, 0.6, 3.0])
def test_as_wide_as_the_space_it_is_exact(stop, penalty):
    wanted = enumerated(ROWS, stop, penalty)
    found = beam_search(model(stop=stop), T, width=len(wanted), length_penalty=penalty)
    np.testing.assert_allclose(found.score, [score for score, _ in wanted], rtol=1e-12)
    for row, count, (_, string) in zip(found.symbols, found.lengths, wanted, strict=True):
        assert tuple(np.asarray(row)[:count].tolist()) == string
        assert np.all(np.asarray(row)[count:] == stop)


def test_a_narrow_beam_returns_exact_log_probabilities():
    every = {string: score for score, string in enumerated(ROWS, 0, 0.0)}
    found = beam_search(model(stop=0), T, width=3)
    for row, count, log_p in zip(found.symbols, found.lengths, found.log_p, strict=True):
        assert every[tuple(np.asarray(row)[:count].tolist())] == pytest.approx(float(log_p))
    assert np.all(np.diff(found.score) <= 0)


def test_what_has_ended_is_held():
    """The first symbol ends it with 0.4; all that goes on is less probable in the end."""
    rows = np.full((V + 1, V + 1, V), [0.01, 0.495, 0.495])
    rows[V, V] = [0.4, 0.3, 0.3]
    found = beam_search(model(rows, stop=0), T, width=1)
    assert found.symbols.tolist() == [[0, 0, 0, 0]] and found.lengths.tolist() == [1]
    assert float(jnp.exp(found.log_p[0])) == pytest.approx(0.4)


def test_without_a_stop_width_one_is_greedy():
    rows = jnp.asarray(ROWS)
    symbol, before, wanted = V, V, []
    for _ in range(T):
        before, symbol = symbol, int(jnp.argmax(rows[before, symbol]))
        wanted.append(symbol)
    assert beam_search(model(), T, width=1).symbols.tolist() == [wanted]


def test_impossible_sequences_are_not_found():
    rows = ROWS.copy()
    rows[..., 2] = 0
    rows /= rows.sum(-1, keepdims=True)
    wanted = enumerated(rows, None, 0.0)
    found = beam_search(model(rows), T, width=20)
    np.testing.assert_allclose(found.score[:16], [score for score, _ in wanted], rtol=1e-12)
    assert np.all(np.asarray(found.score[16:]) == -np.inf)


def test_a_penalty_that_overflows_makes_nothing_possible():
    """The impossible would be minus infinity over infinity."""
    rows = np.zeros((V + 1, V + 1, V))
    rows[..., 1] = 1
    found = beam_search(model(rows, stop=0), T, width=2, length_penalty=1e5)
    assert found.symbols[0].tolist() == [1] * T and found.score.tolist() == [0, -np.inf]


def test_numpy_sizes_count_as_python_ones():
    """Of 32 bits, `3 ** 40` would wrap."""
    found = beam_search(model(), np.int32(40), width=np.uint8(2))
    assert found.symbols.shape == (2, 40)


@pytest.mark.slow
def test_many_models_at_once():
    many = jnp.stack([jnp.asarray(ROWS), jnp.asarray(ROWS[::-1])])
    both = jax.jit(jax.vmap(lambda rows: beam_search(model(rows, 0), T, width=4)))(many)
    for rows, row in zip(many, range(2), strict=True):
        one = beam_search(model(rows, 0), T, width=4)
        assert one.symbols.tolist() == both.symbols[row].tolist()
        np.testing.assert_allclose(one.score, both.score[row], rtol=1e-12)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"width": 82}, "width=82 is beyond the 81 sequences of up to 4 of 3 symbols .*width=81"),
        ({"width": 10**9, "length": 50}, r"the beam would be float32\[1000000000,50\]"),
        ({"width": 32, "stop": 0}, "width=32 is beyond the 31 sequences"),
        ({"width": 0}, "width must be at least 1"),
        ({"width": 1, "length_penalty": -1.0}, "length_penalty"),
        ({"width": 1, "rows": ROWS * np.nan}, "the logits are NaN"),
    ],
)
def test_bad_input(arguments, message):
    given = dict(arguments)
    what = model(given.pop("rows", ROWS), given.pop("stop", None))
    with pytest.raises(ValueError, match=f"beam_search: .*{message}"):
        beam_search(what, given.pop("length", T), **given)


def test_a_layer_is_no_model():
    with pytest.raises(TypeError, match="beam_search: model"):
        beam_search(generation.Greedy(), 3, width=1)
