"""Wrappers against plain loops over the same draws, and on every engine of the cell inside."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, engines, unroll
from jaxrnn.cells import (
    GRU,
    LRU,
    LSTM,
    DropConnect,
    Elman,
    EmitCarry,
    Highway,
    InputDropout,
    Leaky,
    LearnedCarry,
    LSTMCarry,
    ProcessNoise,
    RecurrentDropout,
    ResetBeforeGRU,
    Skip,
    StateDropout,
    Zoneout,
)
from tests import zoo
from tests.engines.test_bptt import close, lopsided
from tests.quick import some_of
from tests.textbook.wrappers import lstm

T, B, I, H = 6, (2,), zoo.I, zoo.H  # noqa: E741
CONTROLS = {
    "lengths": jnp.array([6, 4]),
    "resets": jnp.zeros((T, *B), bool).at[3, 0].set(True),
}
DRAWS = jax.random.key(7)
NOISE = jax.random.fold_in(DRAWS, 0)  # what is drawn once before the loop


def random(cell):
    draw = np.random.default_rng(0)

    def like(leaf):
        return jnp.asarray(0.5 * draw.normal(size=leaf.shape), leaf.dtype)

    params = jax.tree.map(like, jax.eval_shape(cell.init, jax.random.key(0)))
    return params, jnp.asarray(draw.normal(size=(T, *B, *cell.input_shape)))


NESTED = {
    "gated": EmitCarry(
        Skip(Zoneout(StateDropout(InputDropout(DropConnect(GRU(I, I)), 0.3)), 0.2)),
    ),
    "noisy": LearnedCarry(ProcessNoise(Highway(Elman(I, I)), 0.1)),
    "linear": EmitCarry(LearnedCarry(Skip(InputDropout(LRU(I, I))))),
    "candidate": Skip(Zoneout(RecurrentDropout(GRU(I, I), 0.4))),
    "summand": RecurrentDropout(LRU(I, H), 0.4),
    "plain": Zoneout(Skip(LRU(I, I)), 0.2),
}


@pytest.mark.parametrize("name", some_of(NESTED, {"gated", "linear"}))
def test_they_nest_and_run_on_every_engine(name, x64):
    cell = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), NESTED[name])
    params, xs = random(cell)
    some = ("bptt", "associative", "linear_scan")
    names = [n for n in some if issubclass(cell.kind, zoo.ENGINES[n].takes)]
    assert name == "plain" or names

    @jax.jit
    def results(cell, params, xs):
        def loss(engine, controls, cell, params, xs):
            run = unroll(cell, params, xs, key=DRAWS, engine=engine, **controls)
            return lopsided([leaf.real for leaf in jax.tree.leaves(run)]), run

        def result(engine, controls):
            run = partial(loss, engine, controls)
            return jax.value_and_grad(run, (0, 1, 2), has_aux=True)(cell, params, xs)

        compared = [zoo.ENGINES[n] for n in ("scan", *names)]
        return [[result(engine, controls) for engine in compared] for controls in ({}, CONTROLS)]

    for wanted, *others in results(cell, params, xs):
        for got in others:
            close(got, wanted)


def test_variational_dropout_of_an_lstm(x64):
    """One mask of the inputs and one of the state for all steps; the cell `c` passes whole."""
    cell = InputDropout(StateDropout(LSTM(I, H), 0.4), 0.3)
    params, xs = random(cell)
    dropped = cell.draw(params, xs, DRAWS)
    keep = cell.resolve(params, B, NOISE)[0].keep.hidden
    assert 0 < keep.sum() < keep.size and (dropped == 0).sum() > 0
    kept = dropped[0] != 0
    np.testing.assert_allclose(dropped, jnp.where(kept[None], xs / 0.7, 0), rtol=1e-15)

    def step(carry, x):
        new = LSTMCarry(*lstm(params, (jnp.where(keep, carry.hidden / 0.6, 0), carry.cell), x))
        return new, new.hidden

    with jax.numpy_rank_promotion("allow"):
        wanted = jax.lax.scan(step, cell.carry(params, B), dropped)
    close(unroll(cell, params, xs, key=DRAWS), wanted)
    close(unroll(cell, params, xs), unroll(LSTM(I, H), params, xs))


@pytest.mark.parametrize("inside", [LSTM(I, H), GRU(I, H), ResetBeforeGRU(I, H)])
def test_recurrent_dropout_changes_the_candidate_alone(inside, x64):
    """Without change it is the gate; with no candidate, what the gates keep of the state."""
    params, xs = random(inside)
    carry = jax.tree.map(lambda c: c + 0.5, inside.carry(params, B))
    u, r = inside.project(params, xs[0]), inside.mix(params, carry)
    gate = partial(inside.gate_through, params, carry, u, r)
    close(gate(lambda candidate: candidate), inside.gate(params, carry, u, r))
    kept, _ = gate(jnp.zeros_like)
    gates = inside.gates(params, carry, xs[0])
    share = gates["forget"] if isinstance(inside, LSTM) else gates["update"]
    close(jax.tree.leaves(kept)[-1], share * jax.tree.leaves(carry)[-1])


def test_recurrent_dropout_of_an_lstm(x64):
    cell = RecurrentDropout(LSTM(I, H), 0.4)
    params, xs = random(cell)
    keep = cell.draw(params, xs, DRAWS).noise
    assert keep.shape == (T, *B, H) and 0 < keep.sum() < keep.size

    def step(carry, at):
        x, keep = at
        change = lambda g: jnp.where(keep, g / 0.6, 0)  # noqa: E731
        u, r = cell.cell.project(params, x), cell.cell.mix(params, carry)
        return cell.cell.gate_through(params, carry, u, r, change)

    wanted = jax.lax.scan(step, cell.carry(params, B), (xs, keep))
    close(unroll(cell, params, xs, key=DRAWS), wanted)
    close(unroll(cell, params, xs), unroll(cell.cell, params, xs))


def test_process_noise_enters_the_state_and_what_is_seen_of_it(x64):
    cell = ProcessNoise(Leaky(I, H, 0.2), 0.3)
    params, xs = random(cell)
    noise = cell.draw(params, xs, DRAWS).noise
    assert abs(float(noise.std()) / 0.3 - 1) < 0.3

    def step(h, at):
        x, e = at
        drive = jnp.tanh(x @ params.kernel + params.bias[None] + h @ params.recurrent)
        h = 0.8 * h + 0.2 * drive + e
        return h, h

    close(unroll(cell, params, xs, key=DRAWS), jax.lax.scan(step, jnp.zeros((*B, H)), (xs, noise)))
    slope = jax.grad(lambda s: unroll(ProcessNoise(cell.cell, s), params, xs, key=DRAWS)[1].sum())
    assert float(jnp.abs(slope(0.0))) > 0


@pytest.mark.parametrize("inside", [LSTM(I, H), LRU(I, H), LearnedCarry(GRU(I, H))])
def test_drop_connect_drops_weights_once(inside, x64):
    where = "recurrent" if inside.kind is cells.GatedCell else "output"
    cell = DropConnect(inside, 0.5, where)
    assert cell.kind is inside.kind
    params, xs = random(cell)
    resolved, left = cell.resolve(params, B, NOISE)
    assert resolved == inside
    changed = 0
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(left), jax.tree.leaves(params), strict=True
    ):
        if where in jax.tree_util.keystr(path):
            changed += 1
            assert bool(((a == 0) | (a == 2 * b)).all()) and 0 < (a == 0).sum() < a.size
        else:
            np.testing.assert_array_equal(a, b)
    assert changed == 1
    close(unroll(cell, params, xs, key=DRAWS), unroll(inside, left, xs))


def test_the_zoned_state_is_what_is_seen(key):
    """In bfloat16 as well, where the output is the state in another type."""
    cell = Zoneout(LSTM(I, H), LSTMCarry(0.5, 0.5))
    params, xs = random(cell)
    params, xs = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (params, xs))
    last, ys = unroll(cell, params, xs, key=key)
    np.testing.assert_array_equal(ys[-1], last.hidden.astype(jnp.bfloat16))


def test_every_carry_is_emitted(x64):
    """Under resets the fresh carry is seen, and a masked step gives zeros."""
    for inside, engine in [(LSTM(I, H), engines.BPTT()), (LRU(I, H), engines.Associative())]:
        cell = EmitCarry(inside)
        params, xs = random(cell)
        start = jax.tree.map(lambda c: c + 0.5, cell.carry(params, B))
        last, (ys, before, after) = unroll(cell, params, xs, start, engine=engine, **CONTROLS)
        close((last, ys), unroll(inside, params, xs, start, **CONTROLS))
        for c, b, a, end in zip(*map(jax.tree.leaves, (start, before, after, last)), strict=True):
            np.testing.assert_array_equal(b[0], c)
            np.testing.assert_array_equal(b[1:3], a[:2])
            assert not b[3, 0].any() and bool((b[3, 1] == a[2, 1]).all())
            assert not a[4:, 1].any() and not b[4:, 1].any()
            np.testing.assert_allclose(end, jnp.stack([a[5, 0], a[3, 1]]), rtol=1e-15)


def test_what_cannot_be_wrapped(as_users_run_it):
    with pytest.raises(TypeError, match="StateDropout: cell must be a `GatedCell`, got `LRU`"):
        StateDropout(LRU(I, H))
    with pytest.raises(TypeError, match=r"RecurrentDropout: cell must be .* got `Elman`"):
        RecurrentDropout(Elman(I, H))
    with pytest.raises(ValueError, match=r"Skip: cell must be .* takes \(3,\) and gives \(4,\)"):
        Skip(GRU(I, H))
    with pytest.raises(ValueError, match=r"Highway: cell must be .* takes \(3,\) and gives \(4,\)"):
        Highway(LSTM(I, H))
    with pytest.raises(ValueError, match=r"DropConnect: where .* 'weights'. .*recurrent \(4, 16\)"):
        DropConnect(LSTM(I, H), 0.5, "weights")
    with pytest.raises(ValueError, match="Zoneout: rate must be a number or a tree like the carry"):
        cell = Zoneout(LSTM(I, H), {"hidden": 0.1})
        unroll(cell, cell.init(jax.random.key(0)), jnp.ones((T, I)))
    with pytest.raises(ValueError, match="ProcessNoise: scale must be finite and at least 0"):
        ProcessNoise(GRU(I, H), -1.0)
    for wrapper in (Zoneout, StateDropout, InputDropout, DropConnect, RecurrentDropout):
        for rate in (-0.1, 1.0, jnp.nan):
            with pytest.raises(ValueError, match=rf"{wrapper.__name__}: rate must .*\[0, 1\), got"):
                wrapper(GRU(I, H), rate)
