"""`Tied`, `Dense` and its options, `Precision`, `summary`."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, networks
from jaxrnn.networks import (
    Activation,
    Bidirectional,
    Dense,
    Embedding,
    MeanPool,
    Precision,
    Recurrent,
    Tied,
    parameter_count,
    stack,
    summary,
)

T, B, V, F = 5, 3, 7, 4
SYMBOLS = np.random.default_rng(0).integers(V, size=(T, B))


def halves(key, shape, dtype):
    return jnp.full(shape, 0.5, dtype)


def test_a_tied_table_has_the_gradient_of_reading_and_of_writing(x64, key):
    """Against the network with two tables: the tied one's gradient is the sum of theirs."""
    body = Recurrent(cells.GRU(F, F))
    tied, apart = Tied(Embedding(V, F), body), stack(Embedding(V, F), body, Dense(F, V))
    params = tied.init(key)
    params = params._replace(bias=jnp.arange(1.0 * V))

    def loss(network, params):
        return jnp.cos(network.apply(params, SYMBOLS, lengths=[5, 2, 0])[1]).sum()

    def untied(table, kernel):
        readout = networks.DenseParams(kernel.T, params.bias)
        return loss(apart, (table, params.network, readout))

    value, gradient = jax.jit(jax.value_and_grad(lambda p: loss(tied, p)))(params)
    wanted, (read, written) = jax.jit(jax.value_and_grad(untied, (0, 1)))(
        params.table, params.table
    )
    np.testing.assert_allclose(value, wanted, rtol=1e-12)
    np.testing.assert_allclose(gradient.table, read + written, rtol=1e-12, atol=1e-12)
    assert abs(read).max() > 0.1 and abs(written).max() > 0.1
    assert parameter_count(params) == parameter_count(apart.init(key)) - F * V


def test_a_dense_layer_without_a_bias(key):
    layer = Dense(3, 5, use_bias=False)
    params = layer.init(key)
    xs = jax.random.normal(key, (T, B, 3))
    assert params.bias is None and parameter_count(params) == 15
    np.testing.assert_array_equal(params.kernel, Dense(3, 5).init(key).kernel)
    np.testing.assert_allclose(layer.apply(params, xs)[1], xs @ params.kernel, rtol=1e-6)
    tied = dataclasses.replace(Tied(Embedding(V, 3), Activation(jnp.tanh)), use_bias=False)
    assert tied.init(key).bias is None
    assert tied.apply(tied.init(key), SYMBOLS)[1].shape == (T, B, V)


def test_initial_weights_are_drawn_as_told(key, x64):
    draw = jax.nn.initializers.truncated_normal(0.1)
    params = Dense(3, 5, kernel_init=draw, bias_init=halves).init(key)
    np.testing.assert_array_equal(params.kernel, draw(key, (3, 5), jnp.float64))
    np.testing.assert_array_equal(params.bias, np.full(5, 0.5))
    assert (Embedding(V, F, table_init=halves).init(key) == 0.5).all()
    assert params.kernel.dtype == params.bias.dtype == jnp.float64


@pytest.mark.slow
def test_master_weights_stay_wide_while_the_network_computes_in_bfloat16(key):
    network = stack(Embedding(V, F), Recurrent(cells.LSTM(F, F)), Dense(F, V))
    mixed, params = Precision(network), network.init(key)
    seen = []

    def loss(params, layer):
        ys = layer.apply(params, SYMBOLS, lengths=[5, 3, 0])[1]
        seen.append(ys.dtype)
        return jnp.square(ys).sum()

    wide = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    value, gradient = jax.jit(jax.value_and_grad(lambda p: loss(p, mixed)))(params)
    narrow = jax.jit(lambda p: network.apply(p, SYMBOLS, lengths=[5, 3, 0])[1])(wide)
    assert seen == [jnp.float32] and narrow.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(value, np.square(np.asarray(narrow, np.float32)).sum(), rtol=1e-2)
    exact = jax.jit(jax.grad(lambda p: loss(p, network)))(params)
    for got, wanted in zip(jax.tree.leaves(gradient), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(got, wanted, atol=0.05 * abs(wanted).max())

    carry, y = mixed.step(params, None, SYMBOLS[0])
    assert y.dtype == jnp.float32 and {c.dtype for c in jax.tree.leaves(carry)} == {
        np.dtype(np.float32)
    }


def test_what_wraps_says_what_it_wraps():
    both_ways = Bidirectional(cells.GRU(F, F), cells.GRU(F, F))
    mixed = Precision(stack(both_ways, MeanPool()))
    assert mixed.pools and not mixed.causal and mixed.output_shape == (2 * F,)
    with pytest.raises(ValueError, match=r"`Recurrent`\) runs over time, which layer 0 has pooled"):
        stack(mixed, Recurrent(cells.GRU(2 * F, F)))
    with pytest.raises(ValueError, match="takes the last step, when `Bidirectional`"):
        stack(Precision(both_ways), networks.LastPool())


def test_a_summary_counts_what_is_there():
    network = stack(
        Embedding(V, F),
        networks.Residual(Recurrent(cells.GRU(F, F))),
        Bidirectional(cells.GRU(F, F), cells.GRU(F, F), merge=networks.Both()),
    )
    lines = [line.split("  ") for line in summary(network).splitlines()]
    rows = [tuple(cell.strip() for cell in line if cell.strip()) for line in lines]
    one = parameter_count(cells.GRU(F, F).init(jax.random.key(0)))
    assert rows == [
        ("layer", "gives", "parameters"),
        ("Stack", "[T, *batch, ?]", f"{V * F + 3 * one}"),
        ("0: Embedding", f"[T, *batch, {F}]", f"{V * F}"),
        ("1: Residual", f"[T, *batch, {F}]", f"{one}"),
        ("layer: Recurrent (GRU)", f"[T, *batch, {F}]", f"{one}"),
        ("2: Bidirectional (GRU, GRU)", "[T, *batch, ?]", f"{2 * one}"),
    ]
    huge = Dense(10**6, 10**6)
    assert summary(huge).endswith("1,000,001,000,000")
