"""Entropies of sequences by enumeration, by states, and what must not be confused with them."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, generation, networks
from jaxrnn import information as info
from tests.generation import models

BITS = np.log(2)
ALL = generation.Enumeration()


def hidden_markov():
    """Emits from the state that it is in, then moves."""
    move, emit = np.array([[0.7, 0.3], [0.4, 0.6]]), np.array([[0.9, 0.1], [0.2, 0.8]])
    return models.hidden([np.diag(emit[:, x]) @ move for x in (0, 1)], [0.6, 0.4])


def even():
    return models.hidden([[[0.5, 0], [0, 0]], [[0, 0.5], [1, 0]]], [2 / 3, 1 / 3])


def sns():
    return models.hidden([[[0, 0], [0.5, 0]], [[0.5, 0.5], [0, 0.5]]], [0.5, 0.5])


def test_reference_values(x64):
    """In nats, by enumeration and by states."""
    golden_mean, flip = models.golden_mean(), models.flip(0.1)
    three = models.independent(0.7, 0.2, 0.1)
    cases = [
        (golden_mean, 5, 2.4849066498),
        (golden_mean, 10, 4.7953972517),
        (flip, 10, 3.6188939411),
        (three, 6, 4.8109113153),
    ]
    for expectation in (ALL, generation.FiniteState(1)):
        got = jax.jit(
            lambda e=expectation: [generation.sequence_entropy(m, n, e) for m, n, _ in cases]
        )()
        for (value, error), (*_, wanted) in zip(got, cases, strict=True):
            np.testing.assert_allclose(value, wanted, atol=1e-10)
            assert error == 0


def test_long_sequences_in_closed_form(x64):
    """The first symbol, and then two thirds of a bit each; a rate has no first symbol."""
    model, by_states = models.golden_mean(), generation.FiniteState(1)
    value, rate = jax.jit(
        lambda: (
            generation.sequence_entropy(model, 1000, by_states).value,
            generation.entropy_rate(model, 300, by_states, burn_in=1).value,
        )
    )()
    first = np.log(3) - 2 / 3 * np.log(2)
    np.testing.assert_allclose(value, first + 999 * 2 / 3 * BITS, rtol=1e-12)
    np.testing.assert_allclose(rate, 0.462098120373, atol=1e-12)


def test_blocks_and_their_differences_in_bits(x64):
    """Of machines whose states do not show; the last step is the difference of two blocks."""

    def last(model, length):
        return generation.entropy_rate(model, length, ALL, burn_in=length - 1).value

    def values():
        whole = [generation.sequence_entropy(hidden_markov(), n, ALL).value for n in (1, 4, 5)]
        rest = generation.entropy_rate(hidden_markov(), 5, ALL, burn_in=1).value
        steps = last(even(), 3), last(even(), 10), last(sns(), 10), last(models.flip(0.1), 5)
        return jnp.stack([*whole, rest, *steps])

    got = jax.jit(values)() / BITS
    np.testing.assert_allclose(got[:3], [0.95804202, 3.81699926, 4.77129247], atol=1e-8)
    np.testing.assert_allclose(got[3], (got[2] - got[0]) / 4, rtol=1e-12)
    wanted = [0.792481250, 0.679636589, 0.677868062, 0.468995593589]
    np.testing.assert_allclose(got[4:], wanted, atol=1e-9)


def entropy_of_table(log_p):
    """Of all sequences: `log_p [V ** T]`."""
    return -(np.exp(log_p) * log_p).sum()


def test_a_small_network_against_a_plain_loop(x64):
    weights = models.three_units()
    w, total = jax.tree.map(np.asarray, weights), 0.0
    for string in itertools.product((0, 1), repeat=4):
        h, log_p = np.tanh(w.embedding[2]), 0.0
        for y in string:
            logits = h @ w.output
            log_p += logits[y] - np.log(np.exp(logits).sum())
            h = np.tanh(w.recurrent @ h + w.embedding[y])
        total -= np.exp(log_p) * log_p
    got = jax.jit(lambda: generation.sequence_entropy(models.network(weights), 4, ALL).value)()
    np.testing.assert_allclose(got, total, rtol=1e-12)
    np.testing.assert_allclose(got, 2.015014393215938, rtol=1e-12)


def test_a_network_of_the_library(key):
    """A model is `partial(network.step, params)`; other parameters are not compiled anew."""
    network = networks.stack(
        networks.Embedding(4, 5), networks.Recurrent(cells.Elman(5, 6)), networks.Dense(6, 3)
    )
    traced = []

    def step(params, carry, symbol):
        traced.append(symbol)
        return network.step(params, carry, symbol)

    drawn, values, counts = jax.jit(network.init)(key), [], []
    for scale in (1, 4):
        params = jax.tree.map(lambda leaf, s=scale: s * leaf, drawn)
        model = generation.SequenceModel(partial(step, params), network.carry(params), start=3)
        values.append(generation.sequence_entropy(model, 3, ALL).value)
        counts.append(len(traced))
    assert counts[0] == counts[1] and values[0] > values[1]
    strings = models.all_strings(3, 3)
    read = np.concatenate([np.full((1, 27), 3), strings[:-1]])
    _, logits = jax.jit(network.apply)(params, read)
    log_p = np.take_along_axis(np.asarray(info.log_softmax(logits)), strings[..., None], -1)
    np.testing.assert_allclose(values[1], entropy_of_table(log_p.sum((0, 2))), rtol=1e-5)
    unknown = generation.SequenceModel(model.step, model.carry, start=4)
    with pytest.raises(ValueError, match="does not know its start symbol"):
        generation.sequence_entropy(unknown, 3, ALL)


def test_the_derivative_of_enumeration_is_that_of_states(x64):
    def entropy(table, expectation):
        model = generation.SequenceModel(partial(models._row, jax.nn.softmax(table)), 0)
        return generation.sequence_entropy(model, 5, expectation).value

    table = jnp.array([[0.3, -1.0, 0.0], [2.0, 0.0, -0.5], [0.0, 0.0, 1.0]])
    (value, gradient), (other, wanted) = jax.jit(
        lambda table: [
            jax.value_and_grad(entropy)(table, e) for e in (ALL, generation.FiniteState(1))
        ]
    )(table)
    np.testing.assert_allclose(value, other, rtol=1e-12)
    np.testing.assert_allclose(gradient, wanted, atol=1e-12)


def counter(table, carry, symbol):
    """A carry that counts to three and begins again."""
    return (carry + 1) % 3, table[carry, symbol]


def test_states_that_the_symbols_do_not_show(x64):
    table = 2 * jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 2, 2)))
    p, q = (generation.SequenceModel(partial(counter, rows), 0) for rows in table)

    def values(expectation):
        of_p = generation.sequence_entropy(p, 6, expectation).value
        return jnp.stack([of_p, generation.sequence_kl(p, q, 6, expectation).value])

    np.testing.assert_allclose(*jax.jit(lambda: [values(generation.FiniteState(3)), values(ALL)])())
    with pytest.raises(ValueError, match="carry leaves the range"):
        generation.sequence_entropy(p, 6, generation.FiniteState(2))
    inside = jax.jit(lambda: generation.sequence_entropy(p, 2, generation.FiniteState(2)).value)()
    assert np.isfinite(inside)


def test_divergence(x64):
    uniform, golden_mean, p, q = (
        models.independent(0.5, 0.5),
        models.golden_mean(),
        hidden_markov(),
        models.flip(0.3),
    )
    first, second, infinite, third, kl, none, sums = jax.jit(
        lambda: (
            generation.sequence_kl(golden_mean, uniform, 2, ALL).value,
            generation.sequence_kl(golden_mean, uniform, 2, generation.FiniteState(1)).value,
            generation.sequence_kl(uniform, golden_mean, 3, ALL).value,
            generation.sequence_kl(uniform, golden_mean, 3, generation.FiniteState(1)).value,
            generation.sequence_kl(p, q, 5, ALL).value,
            generation.sequence_kl(p, p, 5, ALL).value,
            [models.sums((model,), 2, 5).p for model in (p, q)],
        )
    )()
    np.testing.assert_allclose([first, second], 0.2876820725, atol=1e-10)
    assert infinite == third == jnp.inf
    of_p, of_q = map(np.asarray, sums)
    np.testing.assert_allclose(kl, (of_p * np.log(of_p / of_q)).sum(), rtol=1e-12)
    assert abs(none) < 1e-15


def stopping(start):
    """Ends after every symbol with probability a half."""
    row = jnp.log(jnp.array([0.5, 0.5]))
    return generation.SequenceModel(lambda carry, symbol: (carry, row), 0, start=start, stop=1)


def test_after_the_stop_symbol_nothing_is_uncertain(x64):
    """A length of `n` has `2 ** -n`, so its entropy tends to 2 bits; a start may be a stop."""
    values = jax.jit(
        lambda: [
            generation.sequence_entropy(stopping(start), 8, expectation).value
            for start in (0, 1)
            for expectation in (ALL, generation.FiniteState(1))
        ]
    )()
    np.testing.assert_allclose(np.array(values) / BITS, 2 * (1 - 2.0**-8), rtol=1e-12)


def test_three_names_for_three_quantities(x64):
    """One table of predictions: alone, along data, and fed with what it writes."""
    model = models.golden_mean()
    read = jnp.array([2, 0, 1, 0])  # the data 0, 1, 0, 0 after the start

    def three():
        _, logits = jax.lax.scan(model.step, model.carry, read)
        alone = info.factorized_joint_entropy(logits), info.teacher_forced_entropy(logits)
        return *alone, generation.sequence_entropy(model, 4, ALL).value

    first, half = np.log(3) - 2 / 3 * np.log(2), np.log(2)
    wanted = first + 2 * half, (first + 2 * half) / 4, first + 3 * 2 / 3 * half
    np.testing.assert_allclose(jax.jit(three)(), wanted, rtol=1e-12)


ROW = np.zeros(3, np.float32)


def step(carry, symbol):
    return carry, jnp.asarray(ROW)


MODEL = generation.SequenceModel(step)


def enumerate_(model=MODEL, length=3, expectation=ALL):
    return lambda: generation.sequence_entropy(model, length, expectation)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            enumerate_(length=40),
            ValueError,
            r"3\*\*40 = 1.216e\+19 sequences, more than the limit of 262144.*ControlVariate",
        ),
        (enumerate_(expectation=generation.Enumeration(26)), ValueError, "limit of 26"),
        (enumerate_(length=10**9), ValueError, r"3\*\*1000000000 = 10\*\*477121255 sequences"),
        (
            enumerate_(generation.SequenceModel(lambda c, y: (c, ROW[:1])), 10**9),
            ValueError,
            r"1\*\*1000000000 = 1 sequences, more than the limit",
        ),
        (
            enumerate_(generation.SequenceModel(step, 0), 3, generation.FiniteState(10**9)),
            ValueError,
            "are 9,000,000,000 probabilities, more than the limit",
        ),
        (enumerate_(length=0), ValueError, "length must be at least 1, got 0"),
        (
            enumerate_(expectation=generation.FiniteState(2)),
            TypeError,
            r"whole number in \[0, 2\), got none. Use `Enumeration",
        ),
        (
            enumerate_(generation.SequenceModel(step, np.ones(4)), 3, generation.FiniteState(2)),
            TypeError,
            r"got float\d+\[4\]",
        ),
        (enumerate_(expectation="mc"), TypeError, "`Expectation` such as .*'mc'"),
        (
            enumerate_(step),
            TypeError,
            r"expected a `SequenceModel.*got function.*partial\(network.step, params\)",
        ),
        (lambda: generation.SequenceModel(3), TypeError, "step must be a function, got 3"),
        (
            lambda: generation.SequenceModel(networks.Dense(2, 3)),
            TypeError,
            "got a layer. Bind its parameters",
        ),
        (
            enumerate_(generation.SequenceModel(lambda c, y: (c, ROW[None]))),
            ValueError,
            r"logits \[V\] .*float32\[1,3\]",
        ),
        (
            enumerate_(generation.SequenceModel(lambda c, y: (c + 0.5, ROW), 0)),
            ValueError,
            r"carry like the one .*int32\[\], got float32\[\]",
        ),
        (
            enumerate_(generation.SequenceModel(step, stop=3)),
            ValueError,
            r"stop must .* \[0, 3\), got 3",
        ),
        (
            lambda: generation.sequence_kl(MODEL, generation.SequenceModel(step, stop=1), 3, ALL),
            ValueError,
            r"same symbols .*\[3, 3\] symbols with stop \[None, 1\]",
        ),
        (
            lambda: generation.entropy_rate(MODEL, 3, ALL, burn_in=3),
            ValueError,
            r"burn_in must be a whole number in \[0, length=3\), got 3",
        ),
        (
            lambda: generation.entropy_rate(MODEL, 3, ALL, burn_in=1.0),
            TypeError,
            "entropy_rate: burn_in must be an integer, got 1.0",
        ),
        (
            lambda: generation.sequence_entropy(MODEL, 3, generation.MonteCarlo(3), key=0),
            TypeError,
            "sequence_entropy: key must be .*got 0",
        ),
        (
            lambda: generation.entropy_surrogate(MODEL, 10**13, 3, key=jax.random.key(0)),
            ValueError,
            r"entropy_surrogate: what is written would be float32\[10000000000000,3\]",
        ),
        (
            lambda: generation.entropy_drift(MODEL, 3, 3, key=None),
            TypeError,
            "entropy_drift: key must be",
        ),
        (
            lambda: generation.memory_profile(MODEL, [[1], [2, 3]], [1]),
            TypeError,
            "memory_profile: symbols must be an array of numbers",
        ),
        (lambda: generation.Enumeration(0), ValueError, "limit must be at least 1"),
        (lambda: generation.FiniteState(0), ValueError, "states must be at least 1"),
    ],
)
def test_errors(call, error, says, as_users_run_it):
    with pytest.raises(error, match=says):
        call()
