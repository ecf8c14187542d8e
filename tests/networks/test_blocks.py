"""Layers side by side, and blocks made of layers."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, networks

T, B, F = 7, 2, 4
DRAW = np.random.default_rng(0)


def drawn(layer):
    shapes = jax.eval_shape(layer.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: 0.5 * DRAW.normal(size=leaf.shape), shapes)


def test_a_hybrid_streams_as_the_whole(x64):
    """With resets, in a residual stack of both memories."""
    attention = networks.CausalAttention(F, 2, context=2)
    block = networks.hybrid_block(cells.Elman(3, 5), attention, 6, jax.nn.silu)
    params, xs, resets = drawn(block), DRAW.normal(size=(T, B, F)), DRAW.random((T, B)) < 0.3

    @jax.jit
    def run(params, xs, resets):
        streamed = jax.lax.scan(
            lambda carry, x: block.step(params, carry, x[0], resets=x[1]),
            block.carry(params, (B,)),
            (xs, resets),
        )
        return streamed, block.apply(params, xs, resets=resets)

    chex.assert_trees_all_close(*run(params, xs, resets), rtol=1e-12, atol=1e-12)


def test_a_gated_mlp_is_its_equation(x64):
    layer = networks.gated_mlp(F, 3, jnp.tanh)
    params, xs = drawn(layer), DRAW.normal(size=(T, F))
    ((gate, _), value), out = params
    hidden = np.tanh(xs @ gate.kernel + gate.bias) * (xs @ value.kernel + value.bias)
    np.testing.assert_allclose(
        jax.jit(layer.apply)(params, xs)[1], hidden @ out.kernel + out.bias, rtol=1e-12
    )


def test_branches_have_keys_of_their_own_and_a_summary():
    noise = networks.Parallel(networks.Dropout(0.5), networks.Dropout(0.5))
    ys = noise.apply(noise.init(jax.random.key(0)), jnp.ones((50, 1)), key=jax.random.key(0))[1]
    assert {0.0, 2.0, 4.0} == {*ys.ravel().tolist()}  # 2 only where they differ
    layer = networks.Parallel(
        networks.Dense(F, 9), networks.Activation(jnp.tanh), networks.Concatenate()
    )
    table = networks.summary(networks.stack(networks.Dense(3, F), layer))
    assert "second: Activation  [T, *batch, 4]" in table


BACKWARD = networks.Recurrent(cells.GRU(F, F), reverse=True)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: networks.Parallel(networks.Dense(3, F), networks.Dense(F, F)),
            "Parallel: first takes 3 features, second 4 features; they read the same",
        ),
        (
            lambda: networks.Parallel(networks.Dense(F, 3), networks.Dense(F, 2)),
            "Add: cannot merge outputs of shapes",
        ),
        (
            lambda: networks.Parallel(networks.Dense(F, F), networks.MeanPool()),
            "Parallel: second pools. Pool what both give together instead.",
        ),
        (
            lambda: networks.stack(
                networks.Parallel(BACKWARD, networks.CausalAttention(F, 2, 2)), networks.LastPool()
            ),
            "takes the last step",
        ),
        (
            lambda: networks.pre_norm(networks.Dense(F, F), networks.Dense(3, 3)),
            r"pre_norm: all layers must take and give 4 features, layer 1 \(`Dense`\)",
        ),
        (lambda: networks.post_norm(networks.Dropout(0.1)), "post_norm: the layers' inputs must"),
        (networks.pre_norm, "pre_norm: needs at least one layer"),
        (lambda: networks.pre_norm(cells.GRU(F, F)), "Wrap a cell: `networks.Recurrent"),
        (
            lambda: networks.transformer_block(networks.Embedding(3, F), 8),
            r"transformer_block: attention's inputs must have one axis of features.*got \(\)",
        ),
        (
            lambda: networks.gated_recurrence(F, silent_cell()),
            "gated_recurrence: the cell's inputs must have one axis of features",
        ),
    ],
)
def test_wrong_blocks(make, says, as_users_run_it):
    with pytest.raises((TypeError, ValueError), match=says):
        make()


def silent_cell():
    """A cell that does not say what it reads."""
    return cells.from_functions(init=_init, carry=_carry, step=_step)


def _init(key):
    return ()


def _carry(params, batch):
    return jnp.zeros((*batch, F))


def _step(params, carry, x):
    return carry, x
