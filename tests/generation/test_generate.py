"""`generate` against a loop written by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells
from jaxrnn.generation import Greedy, Temperature, generate
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
    got = greedy(params, padded, prompt_lengths=np.array(lengths))
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
