"""`generate` against a loop written by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells
from jaxrnn.generation import Greedy, Nucleus, Temperature, TopK, generate
from jaxrnn.networks import (
    Activation,
    Dense,
    Embedding,
    Recurrent,
    stack,
)

V, T, LENGTH = 7, 4, 6
NETWORK = stack(Embedding(V, 4), Recurrent(cells.GRU(4, 4)), Dense(4, V))
PROMPTS = np.array([[1, 6, 3], [2, 5, 0], [0, 4, 6], [3, 3, 2]], np.int32)  # [T, B]


@pytest.fixture(scope="module")
def params():
    draw = np.random.default_rng(131)  # three rows that neither repeat nor agree
    shapes = jax.eval_shape(NETWORK.init, jax.random.key(0))
    return jax.tree.map(lambda s: jnp.asarray(2 * draw.normal(size=s.shape), s.dtype), shapes)


@pytest.fixture(scope="module")
def by_hand(params):
    """The greedy continuation of one prompt, one step at a time."""
    step = jax.jit(NETWORK.step)

    def write(prompt):
        carry, written = NETWORK.carry(params), []
        for symbol in prompt:
            carry, logits = step(params, carry, jnp.int32(symbol))
        for _ in range(LENGTH):
            written.append(int(jnp.argmax(logits)))
            carry, logits = step(params, carry, jnp.int32(written[-1]))
        return written

    return write


def greedy(params, prompt, **options):
    return generate(
        NETWORK, params, prompt, LENGTH, key=jax.random.key(0), sampler=Greedy(), **options
    )


def test_greedy_equals_a_loop_by_hand_for_every_row(params, by_hand):
    got = greedy(params, PROMPTS)
    wanted = [by_hand(PROMPTS[:, b]) for b in range(3)]
    assert len({tuple(row) for row in wanted}) == 3  # the rows differ, so that a mix-up shows
    np.testing.assert_array_equal(got.symbols.T, wanted)
    np.testing.assert_array_equal(got.lengths, LENGTH)


def test_one_prompt_without_a_batch(params, by_hand):
    got = greedy(params, PROMPTS[:, 0])
    assert got.symbols.tolist() == by_hand(PROMPTS[:, 0])
    assert int(got.lengths) == LENGTH


def test_ragged_prompts_equal_unpadded_ones(params, by_hand):
    lengths = [4, 1, 2]
    padded = np.where(np.arange(T)[:, None] < lengths, PROMPTS, -1)  # no symbol: read, it gives NaN
    got = greedy(params, padded, lengths=lengths)
    wanted = [by_hand(PROMPTS[:length, b]) for b, length in enumerate(lengths)]
    np.testing.assert_array_equal(got.symbols.T, wanted)


def test_after_the_stop_symbol_it_repeats(params, by_hand):
    wanted = [by_hand(PROMPTS[:, b]) for b in range(3)]
    stop = wanted[0][2]
    for row in wanted:
        if stop in row:
            row[row.index(stop) :] = [stop] * (LENGTH - row.index(stop))
    got = greedy(params, PROMPTS, stop=stop)
    np.testing.assert_array_equal(got.symbols.T, wanted)
    counts = [row.index(stop) + 1 if stop in row else LENGTH for row in wanted]
    assert got.lengths.tolist() == counts
    assert counts == [3, 5, LENGTH]  # in the middle, at another place, never


def test_what_is_forbidden_is_never_drawn(params):
    """Also by the greedy sampler, whose own choice it was; the others keep their ratios."""
    free = greedy(params, PROMPTS)
    assert {0, 1} & {*np.ravel(free.symbols).tolist()}
    mask = np.arange(V) < 2
    for forbid in ([0, 1], jnp.array([1, 0]), mask, np.broadcast_to(mask, (3, V))):
        for sampler in (Greedy(), Temperature(5.0)):
            got = generate(
                NETWORK,
                params,
                PROMPTS,
                30,
                key=jax.random.key(3),
                sampler=sampler,
                forbid=forbid,
            )
            assert int(got.symbols.min()) >= 2
    rows = np.eye(3, V, dtype=bool)  # each row another one
    symbols = greedy(params, PROMPTS, forbid=rows).symbols
    assert not (np.asarray(symbols) == np.arange(3)).any()
    np.testing.assert_array_equal(greedy(params, PROMPTS, forbid=[]).symbols, free.symbols)


@pytest.mark.parametrize("lengths", [None, [4, 1, 2]])
def test_log_probabilities_are_those_of_the_model_and_of_what_was_drawn_from(params, lengths):
    """Against the model read along prompt and continuation, one row at a time."""
    sampler, forbid, stop = Temperature(0.5), [0], 3
    got = generate(
        NETWORK,
        params,
        PROMPTS,
        12,
        key=jax.random.key(5),
        sampler=sampler,
        forbid=forbid,
        stop=stop,
        lengths=lengths,
    )
    assert sorted(got.lengths.tolist()) != [12] * 3
    for b, count in enumerate(got.lengths.tolist()):
        prompt = PROMPTS[: None if lengths is None else lengths[b], b]
        written = np.concatenate([prompt, got.symbols[:count, b]])
        logits = NETWORK.apply(params, jnp.asarray(written))[1][len(prompt) - 1 : -1]
        for name, changed in {
            "log_p": logits,
            "log_q": sampler.adjust(logits.at[:, 0].set(-jnp.inf)),
        }.items():
            table = np.asarray(jax.nn.log_softmax(changed))
            wanted = table[np.arange(count), np.asarray(got.symbols[:count, b])]
            np.testing.assert_allclose(getattr(got, name)[:count, b], wanted, rtol=1e-4, atol=1e-5)
            np.testing.assert_array_equal(getattr(got, name)[count:, b], 0)


def test_weights_of_what_was_drawn_give_the_models_own_expectation(params):
    """Drawn at another temperature, weighed by p / q, the mean is the model's."""
    prompts = np.tile(PROMPTS[:, :1], (1, 20000))
    got = generate(NETWORK, params, prompts, 1, key=jax.random.key(0), sampler=Temperature(3.0))
    p = jax.nn.softmax(NETWORK.apply(params, PROMPTS[:, 0])[1][-1])
    weights = np.exp(np.asarray(got.log_p - got.log_q, float))[0]
    for symbol in range(V):
        hits = np.where(np.asarray(got.symbols)[0] == symbol, weights, 0)
        error = hits.std() / len(hits) ** 0.5
        assert abs(hits.mean() - float(p[symbol])) < 5 * error + 1e-6


def test_it_goes_on_from_a_carry(params, by_hand):
    """The prompt in two parts, the first of them read before."""
    carry, _ = NETWORK.apply(params, PROMPTS[:2])
    got = generate(
        NETWORK,
        params,
        PROMPTS[2:].tolist(),
        LENGTH,
        carry,
        key=jax.random.key(0),
        sampler=Greedy(),
    )
    np.testing.assert_array_equal(got.symbols.T, [by_hand(PROMPTS[:, b]) for b in range(3)])


@pytest.mark.slow
def test_each_row_may_have_its_own_sampler(params):
    """As the rows alone are drawn, of one key: nothing is broadcast over symbols."""
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(3, V)), jnp.float32)
    each = {
        Temperature: [{"temperature": t} for t in (0.1, 1.0, 10.0)],
        TopK: [{"k": k, "temperature": t} for k, t in ((1, 2.0), (3, 1.0), (9, 0.5))],
        Nucleus: [{"mass": m, "temperature": t} for m, t in ((0.1, 2.0), (0.6, 1.0), (1.0, 0.5))],
    }
    for kind, rows in each.items():
        columns = {name: tuple(row[name] for row in rows) for name in rows[0]}
        columns = {name: c if name == "k" else np.array(c) for name, c in columns.items()}
        together = kind(**columns).adjust(logits)
        alone = [kind(**row).adjust(logits[b]) for b, row in enumerate(rows)]
        np.testing.assert_allclose(together, alone, rtol=1e-6)
        got = generate(
            NETWORK, params, PROMPTS, LENGTH, key=jax.random.key(0), sampler=kind(**columns)
        )
        assert got.symbols.shape == (LENGTH, 3)


def test_draws_come_from_the_key(params):
    def write(seed):
        return generate(NETWORK, params, PROMPTS, LENGTH, key=jax.random.key(seed)).symbols.tolist()

    assert write(0) == write(0)
    assert write(0) != write(1)


def test_another_temperature_compiles_nothing():
    traces = []

    def counted(x):
        traces.append(x)
        return x

    network = stack(Embedding(V, V), Activation(counted))
    params = network.init(jax.random.key(0))
    counts = []
    for temperature in (0.5, 2.0):
        sampler = Temperature(temperature)
        generate(network, params, PROMPTS, 3, key=jax.random.key(0), sampler=sampler)
        counts.append(len(traces))
    assert counts[0] == counts[1] > 0


def test_it_runs_inside_jit_and_vmap(params, by_hand):
    prompts = jnp.asarray(PROMPTS)
    got = jax.jit(jax.vmap(lambda prompt: greedy(params, prompt).symbols, in_axes=1))(prompts)
    assert got[0].tolist() == by_hand(PROMPTS[:, 0])
