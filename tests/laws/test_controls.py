"""Laws of `unroll`: splitting, causality, masks, lengths, resets, reverse, padding."""

import chex
import jax
import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxrnn import cells, engines, unroll
from jaxrnn.engines._unroll import _starts
from tests import zoo
from tests.laws.conftest import BATCH, T, masked, problem

NAN, INF = jnp.nan, jnp.inf


def same(got, wanted):
    """Equal, bit for bit."""
    chex.assert_trees_all_equal(got, wanted)


def near(got, wanted):
    chex.assert_trees_all_close(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", zoo.CELLS)
def test_split_anywhere_equals_whole(name, x64, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    last, ys = unroll(cell, params, xs, carry)
    for cut in (1, 4):
        middle, head = unroll(cell, params, xs[:cut], carry)
        end, tail = unroll(cell, params, xs[cut:], middle)
        near((end, jnp.concatenate([head, tail])), (last, ys))


@pytest.mark.parametrize("name", ["lstm", "lru", "learned_carry"])
@pytest.mark.parametrize("reverse", [False, True])
def test_split_anywhere_equals_whole_under_every_control(name, reverse, x64, key, controls):
    """At every step: beside a reset, beside one at a masked step, and in the padding."""
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    valid = controls["mask"] & (jnp.arange(T)[:, None, None] < controls["lengths"][None])

    def run(part, carry):
        flags = {"mask": valid[part], "resets": controls["resets"][part]}
        return unroll(cell, params, xs[part], carry, reverse=reverse, **flags)

    last, ys = run(slice(None), carry)
    for cut in range(1, T):
        early, late = slice(cut), slice(cut, None)
        middle, first = run(late if reverse else early, carry)
        end, second = run(early if reverse else late, middle)
        near((end, jnp.concatenate([second, first] if reverse else [first, second])), (last, ys))


@pytest.mark.parametrize("name", zoo.CELLS)
@pytest.mark.parametrize("reverse", [False, True])
def test_causality(name, reverse, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    at = 3
    ys = unroll(cell, params, xs, carry, reverse=reverse)[1]
    changed = unroll(cell, params, xs.at[at].add(1.0), carry, reverse=reverse)[1]
    before = slice(at + 1, None) if reverse else slice(at)
    same(changed[before], ys[before])
    assert bool((changed[at] != ys[at]).any())


def pieces(flags, valid):
    """The times of each sequence that a column of resets and a mask describe, in order."""
    groups, fresh = [[]], [False]
    for t in range(len(flags)):
        if flags[t]:
            groups.append([])
            fresh.append(True)
        if valid[t]:
            groups[-1].append(t)
    return groups, fresh


@pytest.mark.parametrize("name", zoo.CELLS)
@pytest.mark.parametrize("reverse", [False, True])
def test_everything_combined_equals_separate_sequences(name, reverse, x64, key, controls):
    """Cut each sequence into its pieces, drop the masked steps, and run each piece alone."""
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    last, ys = unroll(cell, params, xs, carry, reverse=reverse, **controls)
    valid = controls["mask"] & (jnp.arange(T)[:, None, None] < controls["lengths"][None])
    run = jax.jit(lambda xs, carry: unroll(cell, params, xs, carry, reverse=reverse))
    for b in [(i, j) for i in range(BATCH[0]) for j in range(BATCH[1])]:
        groups, fresh = pieces(controls["resets"][:, *b], valid[:, *b])
        wanted = jnp.zeros_like(ys[:, *b])
        state = jax.tree.map(lambda c, b=b: c[b], carry)
        order = list(zip(groups, fresh, strict=True))
        for times, begins in order[::-1] if reverse else order:
            if begins and not reverse:
                state = cell.carry(params)
            if times:
                state, out = run(xs[jnp.array(times), *b], state)
                wanted = wanted.at[jnp.array(times)].set(out)
            if begins and reverse:
                state = cell.carry(params)  # what lies before it in time is another sequence
        near(ys[:, *b], wanted)
        near(jax.tree.map(lambda c, b=b: c[b], last), state)


DISTINCT = [
    "scan",
    "bptt",
    "associative",
    "chunkwise",
    "chunked_bptt",
]  # `chunked` repeats their programs


@pytest.mark.parametrize(
    "name, engine", [(n, e) for n in zoo.CELLS for e in zoo.engines_for(n) if e in DISTINCT]
)
def test_padding_reaches_nothing(name, engine, key, controls):
    """NaN and infinity in the padding: outputs and gradients are those of zeros, bit for bit."""
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    valid = controls["mask"] & (jnp.arange(T)[:, None, None] < controls["lengths"][None])

    @jax.jit
    def run(xs):
        def loss(params, xs, carry):
            last, ys = unroll(cell, params, xs, carry, engine=zoo.ENGINES[engine], **controls)
            total = sum(jnp.abs(leaf).sum() for leaf in jax.tree.leaves(last))
            return (ys * jnp.cos(ys)).sum() + total, (last, ys)

        return jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True)(params, xs, carry)

    clean = run(masked(valid, xs))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(clean))
    garbage = jnp.resize(jnp.array([NAN, INF, -INF, 1e30, NAN]), xs.shape)
    same(run(masked(valid, xs, garbage)), clean)
    (_, (_, ys)), (_, d_xs, _) = clean
    assert not bool(masked(~valid, ys).any())
    assert not bool(masked(~valid, d_xs).any())


@pytest.mark.parametrize("name", zoo.CELLS)
def test_lengths_equal_shorter_sequences(name, x64, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key, batch=(3,))
    last, ys = unroll(cell, params, xs, carry, lengths=jnp.array([T, 4, 0]))
    short, some = unroll(cell, params, xs[:4], carry)
    near(ys[:4, 1], some[:, 1])
    near(jax.tree.map(lambda c: c[1], last), jax.tree.map(lambda c: c[1], short))
    same(jax.tree.map(lambda c: c[2], last), jax.tree.map(lambda c: c[2], carry))  # length 0


@pytest.mark.parametrize(
    "name, engine", [(n, e) for n in zoo.CELLS for e in zoo.engines_for(n) if e in DISTINCT]
)
def test_a_reset_kills_a_nan_in_the_old_state(name, engine, x64, key):
    cell, engine = zoo.CELLS[name], zoo.ENGINES[engine]
    params, xs, _ = problem(cell, key, batch=())
    poisoned = xs.at[1].set(NAN)
    ys = unroll(cell, params, poisoned, resets=jnp.arange(T) == 3, engine=engine)[1]
    assert bool(jnp.isnan(ys[1:3]).any(-1).all())  # a slow unit may not have read it yet
    near(ys[3:], unroll(cell, params, xs[3:], engine=engine)[1])


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


def test_a_reset_at_a_masked_end_reaches_the_next_call(key):
    cell = zoo.CELLS["gru"]
    params, xs, _ = problem(cell, key, batch=())
    mask, resets = jnp.arange(T) != 3, jnp.arange(T) == 3
    ys = unroll(cell, params, xs, mask=mask, resets=resets)[1]
    carry, _ = unroll(cell, params, xs[:4], mask=mask[:4], resets=resets[:4])
    rest = unroll(cell, params, xs[4:], carry, mask=mask[4:], resets=resets[4:])[1]
    chex.assert_trees_all_close(rest, ys[4:], rtol=1e-6, atol=1e-6)


def test_reverse_leaves_outputs_at_their_time(key):
    cell = zoo.CELLS["gru"]
    params, xs, carry = problem(cell, key)
    last, ys = unroll(cell, params, xs, carry, reverse=True)
    other, flipped = unroll(cell, params, xs[::-1], carry)
    same((last, ys), (other, flipped[::-1]))


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
