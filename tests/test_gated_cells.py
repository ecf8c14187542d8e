"""Gated cells: what they refuse, what they start from, and what some of them are of others."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, unroll
from tests import zoo

I, H = zoo.I, zoo.H  # noqa: E741
KEY = jax.random.key(0)

WRONG = [
    (lambda: cells.BlockLSTM(I, 4, 3), "BlockLSTM: heads must divide hidden, got heads = 3"),
    (lambda: cells.BlockGRU(I, 4, 3), "BlockGRU: heads must divide hidden, got heads = 3"),
    (lambda: cells.SLSTM(I, 4, 8), "SLSTM: heads must divide hidden, got heads = 8"),
    (lambda: cells.M2RNN(I, 4, 3), "M2RNN: heads must divide hidden, got heads = 3"),
    (lambda: cells.M2RNN(I, 4, 2, 0), "M2RNN: key_size must be at least 1, got 0"),
    (lambda: cells.SLSTM(I, 4, 0), "SLSTM: heads must be at least 1, got 0"),
    (lambda: cells.RHN(I, H, 0), "RHN: depth must be at least 1, got 0"),
    (lambda: cells.Jordan(I, H, 0), "Jordan: outputs must be at least 1, got 0"),
    (lambda: cells.ProjectedLSTM(I, H, 0), "ProjectedLSTM: projected must be at least 1, got 0"),
    (lambda: cells.SCRN(I, H, 2, 1.0), r"SCRN: decay must lie in \[0, 1\), got 1.0"),
    (lambda: cells.JANET(I, H, max_time=1.0), "JANET: max_time must be at least 2 steps, got 1.0"),
    (lambda: cells.Antisymmetric(I, H, 0.0), "Antisymmetric: step_size must be above 0, got 0.0"),
    (
        lambda: cells.GatedAntisymmetric(I, H, 0.1, -1.0),
        "GatedAntisymmetric: diffusion must be finite and at least 0, got -1.0",
    ),
    (
        lambda: cells.LayerNormGRU(I, H, epsilon=-1.0),
        "LayerNormGRU: epsilon must be finite and at least 0, got -1.0",
    ),
    (
        lambda: cells.Elman(I, H, recurrent_init=lambda key, shape, dtype: jnp.zeros(3)).init(KEY),
        r"Elman: recurrent_init must give an array \(4, 4\), got \(3,\)",
    ),
]


@pytest.mark.parametrize("make, message", WRONG)
def test_wrong_definitions(make, message, as_users_run_it):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_irnn_starts_from_the_identity():
    params = cells.Elman(I, H, jax.nn.relu, recurrent_init=cells.identity).init(KEY)
    np.testing.assert_array_equal(params.recurrent, np.eye(H))


def test_chrono_biases_are_logarithms_of_times():
    bias = cells.JANET(I, 400, max_time=50.0).init(KEY).bias
    times = np.exp(bias[:400])
    assert 1 <= times.min() < 2 and 48 < times.max() <= 49 and not bias[400:].any()


def test_forget_biases_of_every_head_of_slstm():
    params = cells.SLSTM(I, 8, 2).init(KEY)
    forget = params.bias.reshape(4, 2, 4)[1]
    np.testing.assert_allclose(forget[0], 5 - 12 * (np.arange(4) / 3) ** 0.3, rtol=1e-6)
    np.testing.assert_array_equal(forget[0], forget[1])
    assert np.count_nonzero(params.bias) == 8 and not params.recurrent.any()


def test_an_antisymmetric_flow_turns_the_state():
    cell = cells.Antisymmetric(I, 6, diffusion=0.0)
    params = cell.init(KEY)
    carry = jax.random.normal(KEY, (6,))
    flow = cell.mix(params, carry)
    assert jnp.abs(flow @ carry) < 1e-5 and jnp.abs(flow).max() > 0.1


def drawn(cell):
    """Parameters far from their start, and a step's inputs."""
    draw = np.random.default_rng(0)

    def random(leaf):
        return jnp.asarray(0.5 * draw.normal(size=leaf.shape), leaf.dtype)

    params = jax.tree.map(random, jax.eval_shape(cell.init, KEY))
    carry = jax.tree.map(random, jax.eval_shape(lambda p: cell.carry(p, (2,)), params))
    return params, carry, jnp.asarray(draw.normal(size=(2, I)), jnp.float32)


BIASED = {n: c for n, c in zoo.GATED_CELLS.items() if hasattr(c, "use_bias")}


# One of those that `DenseCell` projects, and all that add their biases themselves.
OWN = ["ugrnn", "ran", "cfn", "atr", "minimal_rnn", "block_gru", "scrn", "rhn", "jordan", "m2rnn"]
OWN += ["multiplicative_lstm"]


def test_without_a_bias_is_a_bias_of_zero():
    @jax.jit
    def both(params, carry, x):
        results = {}
        for name in OWN:
            cell = BIASED[name]
            zeros = {f: 0 * v for f, v in params[name]._asdict().items() if "bias" in f}
            none = dict.fromkeys(zeros)
            results[name] = [
                cell.step(params[name]._replace(**biases), carry[name], x)
                for biases in (zeros, none)
            ]
        return results

    problems = {name: drawn(BIASED[name]) for name in OWN}
    params, carry = ({n: p[k] for n, p in problems.items()} for k in (0, 1))
    for name, (with_zeros, with_none) in both(params, carry, problems["ugrnn"][2]).items():
        for a, b in zip(jax.tree.leaves(with_zeros), jax.tree.leaves(with_none), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", BIASED)
def test_use_bias_says_whether_there_is_one(name):
    cell = BIASED[name]
    bare = dataclasses.replace(cell, use_bias=False)
    with_bias, without = (jax.eval_shape(c.init, KEY) for c in (cell, bare))
    for field, leaf in without._asdict().items():
        assert (leaf is None) == ("bias" in field)
        assert getattr(with_bias, field) is not None


def test_one_head_is_no_heads():
    block, whole = cells.BlockLSTM(I, H, 1), cells.LSTM(I, H)
    params, carry, x = drawn(block)
    same = cells.LSTMParams(params.kernel, params.recurrent[0], params.bias)
    np.testing.assert_allclose(block.step(params, carry, x)[1], whole.step(same, carry, x)[1], 1e-5)


def test_the_output_gate_of_peepholes_sees_the_new_cell():
    cell = cells.PeepholeLSTM(I, H)
    params, carry, x = drawn(cell)
    new, y = cell.step(params, carry, x)
    np.testing.assert_allclose(cell.gates(params, carry, x)["output"] * jnp.tanh(new.cell), y, 1e-5)


def test_slstm_takes_sums_whose_exponentials_overflow():
    cell = cells.SLSTM(I, H, 2)
    params, _, _ = drawn(cell)
    xs = jnp.array([0.0, 1e4, -1e4, 1e4, 0.0])[:, None] * jnp.ones((5, I))

    def total(params):
        last, ys = unroll(cell, params, xs)
        return ys.sum(), (last, ys)

    gradient, (last, ys) = jax.grad(total, has_aux=True)(params)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((gradient, last, ys)))
    assert jnp.abs(ys).max() <= 1
