"""`Bidirectional` on rows of several lengths, `Residual`, `Stack`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, engines, networks, unroll
from jaxrnn.networks import (
    Activation,
    Bidirectional,
    Dense,
    Directions,
    Embedding,
    LayerNorm,
    Recurrent,
    Residual,
    stack,
)

T, B, I, H = 5, 3, 3, 4  # noqa: E741
LENGTHS = [5, 3, 1]
MASK = jnp.arange(T)[:, None] < jnp.array([LENGTHS])


def near(got, wanted):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), got, wanted)


@pytest.mark.parametrize("engine", [engines.Scan(), engines.BPTT()])
def test_bidirectional_rows_equal_each_row_alone(engine, x64, key):
    layer = Bidirectional(cells.GRU(I, H), cells.LSTM(I, H), engine)
    params = jax.jit(layer.init)(key)
    xs = jax.random.normal(key, (T, B, I))
    carry = jax.tree.map(lambda leaf: leaf + 0.3, layer.carry(params, (B,)))

    @jax.jit
    def run(params, carry, xs):
        whole = layer.apply(params, xs, carry, mask=MASK)
        rows = [
            layer.apply(params, xs[:length, b], jax.tree.map(lambda c, b=b: c[b], carry))
            for b, length in enumerate(LENGTHS)
        ]
        return whole, rows

    (last, ys), rows = jax.tree.map(np.asarray, run(params, carry, xs))
    for b, (length, (row_last, row)) in enumerate(zip(LENGTHS, rows, strict=True)):
        near(ys[:length, b], row)
        near(jax.tree.map(lambda c, b=b: c[b], last), row_last)
        np.testing.assert_array_equal(ys[length:, b], 0)


def test_bidirectional_is_two_unrolls_side_by_side(x64, key):
    forward, backward = cells.GRU(I, H), cells.Elman(I, 2)
    layer = Bidirectional(forward, backward)
    params = jax.jit(layer.init)(key)
    xs = jax.random.normal(key, (T, I))

    @jax.jit
    def run(params, xs):
        ahead = unroll(forward, params.forward, xs)
        behind = unroll(backward, params.backward, xs, reverse=True)
        return layer.apply(params, xs), ahead, behind

    (last, ys), ahead, behind = run(params, xs)
    near(ys, np.concatenate([ahead[1], behind[1]], axis=-1))
    near(last, Directions(ahead[0], behind[0]))
    assert (layer.input_shape, layer.output_shape) == ((I,), (H + 2,))


@pytest.mark.parametrize(
    "merge, wanted",
    [
        (networks.Concatenate(), lambda a, b: np.concatenate([a, b], -1)),
        (networks.Add(), lambda a, b: a + b),
        (networks.Average(), lambda a, b: (a + b) / 2),
        (networks.Multiply(), lambda a, b: a * b),
        (networks.Both(), Directions),
    ],
)
def test_both_directions_are_merged(merge, wanted, x64, key):
    """Against two layers, one of them in reverse, with padding."""
    layer = Bidirectional(cells.GRU(I, H), cells.Elman(I, H), merge=merge)
    ahead, behind = Recurrent(layer.forward), Recurrent(layer.backward, reverse=True)
    params = jax.jit(layer.init)(key)
    xs = jax.random.normal(key, (T, B, I))

    @jax.jit
    def run(params, xs):
        given = {"xs": xs, "lengths": LENGTHS}
        one = ahead.apply(params.forward, **given)[1]
        other = behind.apply(params.backward, **given)[1]
        return layer.apply(params, **given)[1], one, other

    got, one, other = run(params, xs)
    near(got, wanted(one, other))
    if layer.output_shape is not None:
        assert got.shape[-1:] == layer.output_shape
    assert abs(one - other).max() > 0.1


def test_a_layer_in_reverse_reads_from_the_last_step_that_counts(x64, key):
    layer = Recurrent(cells.LSTM(I, H), engines.Scan(), reverse=True)
    params = jax.jit(layer.init)(key)
    xs = jax.random.normal(key, (T, B, I))
    carry, ys = layer.apply(params, xs, lengths=LENGTHS)
    for b, length in enumerate(LENGTHS):
        last, row = Recurrent(layer.cell).apply(params, xs[:length, b][::-1])
        near(ys[:length, b], row[::-1])
        near(jax.tree.map(lambda c, b=b: c[b], carry), last)


def test_residual_adds_its_input(key):
    inner = Recurrent(cells.GRU(I, I))
    layer = Residual(inner)
    params = jax.jit(layer.init)(key)
    xs = jax.random.normal(key, (T, I))

    @jax.jit
    def run(params, xs):
        whole = layer.apply(params, xs)[1]
        return whole, xs + inner.apply(params, xs)[1]

    np.testing.assert_array_equal(*run(params, xs))


def test_stack_threads_every_part(key):
    """Parameters and carries are tuples in the order of the layers, each layer with its own key."""
    layer = stack(Embedding(5, I), Recurrent(cells.LSTM(I, H)), LayerNorm(H), Dense(H, 2))
    params = jax.eval_shape(layer.init, key)
    assert [type(p).__name__ for p in params[1:]] == [
        "LSTMParams",
        "LayerNormParams",
        "DenseParams",
    ]
    carry = jax.eval_shape(lambda params: layer.carry(params, (B,)), params)
    assert [len(jax.tree.leaves(c)) for c in carry] == [0, 2, 0, 0]
    assert layer.output_shape == (2,)
    twins = stack(Dense(I, I), Dense(I, I)).init(key)
    assert float(jnp.abs(twins[0].kernel - twins[1].kernel).max()) > 0.1


def test_sizes_pass_through_layers_that_keep_them():
    assert stack(Dense(2, 3), Activation(jnp.tanh), Dense(3, 4)).output_shape == (4,)
    with pytest.raises(ValueError, match="layer 2 takes 4 inputs, layer 0 gives 3"):
        stack(Dense(2, 3), Activation(jnp.tanh), Dense(4, 4))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "int32"])
def test_symbols_of_any_integer_type_are_looked_up(dtype, key):
    """A byte cannot hold the vocabulary's size, 300: nothing may wrap around it."""
    layer = Embedding(300, 2)
    params = jnp.arange(600.0).reshape(300, 2)
    run = jax.jit(lambda xs: layer.apply(params, xs)[1])
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    got = np.asarray(run(np.array([0, 1, 127, least, most], dtype)))
    np.testing.assert_array_equal(got[:3], np.asarray(params)[[0, 1, 127]])
    for symbol, vector in zip((least, most), got[3:], strict=True):
        assert np.isnan(vector).all() == (not 0 <= symbol < 300)


def test_layer_norm_against_numpy(x64):
    xs = np.random.default_rng(0).normal(3, 2, (T, B, I))
    xs[0, 0] = 7.0  # a step without variance
    layer = LayerNorm(I, epsilon=1e-3)
    params = layer.init(jax.random.key(0))._replace(scale=jnp.arange(1.0, 4), bias=jnp.ones(I))
    wanted = (xs - xs.mean(-1, keepdims=True)) / np.sqrt(xs.var(-1, keepdims=True) + 1e-3)
    near(layer.apply(params, jnp.asarray(xs))[1], wanted * [1, 2, 3] + 1)


def test_sizes_of_a_stack():
    symbols, numbers = networks.Embedding(9, 3), networks.Dense(3, 5)
    assert networks.stack(networks.Dropout(0.1), numbers).input_shape == (3,)
    assert networks.stack(symbols, numbers).input_shape == ()  # symbols have no features
    assert networks.stack(symbols, numbers, networks.Dropout(0.1)).output_shape == (5,)
