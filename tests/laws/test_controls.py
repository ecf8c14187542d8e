"""What `unroll` keeps beside the laws of cells: resets bit for bit, trees, lengths under `jit`."""

import chex
import jax
import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxrnn import cells, engines, unroll
from jaxrnn.engines._unroll import _starts
from tests import zoo
from tests.laws.conftest import T, problem


def same(got, wanted):
    """Equal, bit for bit."""
    chex.assert_trees_all_equal(got, wanted)


@pytest.mark.parametrize("make", [cells.GRU, cells.LRU])
def test_resets_select_bit_for_bit(make, key):
    """Against the same program without a reset, at sizes that fill vector registers.

    Across different programs XLA is free to round otherwise; there the law holds to rounding.
    """
    cell = make(32, 64)
    params, xs = cell.init(key), jax.random.normal(key, (9, 8, 32))
    resets = jnp.zeros((9, 8), bool).at[jnp.array([2, 5])].set(True)
    last, ys = unroll(cell, params, xs, resets=resets)
    never = jnp.zeros_like(resets)
    parts = [unroll(cell, params, xs[i:j], resets=never[i:j]) for i, j in ((0, 2), (2, 5), (5, 9))]
    same((last, ys), (parts[-1][0], jnp.concatenate([p[1] for p in parts])))


flags = st.lists(st.booleans(), min_size=T, max_size=T)


@given(flags, flags, st.booleans())
def test_starts_against_a_plain_loop(resets, valid, reverse):
    got, pending = _starts(jnp.array(resets)[:, None], jnp.array(valid)[:, None], reverse=reverse)
    number, numbers = 0, []
    for flag in resets:
        number += flag
        numbers.append(number)
    before, wanted = (number if reverse else 0), [False] * T
    for t in reversed(range(T)) if reverse else range(T):
        if valid[t]:
            wanted[t] = numbers[t] != before
            before = numbers[t]
    assert got[:, 0].tolist() == wanted
    assert bool(pending[0]) == (before != (0 if reverse else numbers[-1]))


def test_trees_of_inputs_and_several_batch_axes(key):
    def step(params, h, x):
        h = jnp.tanh(x["a"] + x["b"].sum(-1, keepdims=True) + h * params)
        return h, {"y": h, "twice": 2 * h}

    cell = cells.from_functions(
        init=lambda key: jnp.ones(()),
        carry=lambda params, batch: jnp.zeros((*batch, 4)),
        step=step,
    )
    xs = {"a": jnp.ones((T, 2, 3, 2, 4)), "b": jnp.ones((T, 2, 3, 2, 5))}
    mask = jnp.ones((T, 2, 3, 2), bool).at[4:, 1].set(False)
    for engine in (engines.Scan(), engines.Chunked(engines.Scan(), 3)):
        carry, ys = unroll(cell, jnp.float32(0.5), xs, mask=mask, reverse=True, engine=engine)
        assert carry.shape == (2, 3, 2, 4)
        assert not bool(ys["twice"][4:, 1].any())
        same(ys["twice"], 2 * ys["y"])


def test_lengths_under_jit_need_no_recompilation(key):
    cell = zoo.CELLS["gru"]
    params, xs, _ = problem(cell, key, batch=(2,))

    @jax.jit
    @chex.assert_max_traces(n=1)
    def run(lengths):
        return unroll(cell, params, xs, lengths=lengths)[1]

    for lengths in ([7, 0], [3, 5]):
        ys = run(jnp.array(lengths))
        assert bool((jnp.abs(ys).sum(-1) > 0).sum(0).tolist() == lengths)
