"""Layers and `generate` exported with a T and a batch that are not known yet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from jaxrnn import cells, generation, networks
from jaxrnn.networks import (
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    LastPool,
    LayerNorm,
    MaxPool,
    MeanPool,
    Recurrent,
    Tied,
    VariationalDropout,
    stack,
)

SIZES = {"T": 5, "B": 2}
NETWORKS = {
    "mean": stack(Dense(3, 4), Recurrent(cells.GRU(4, 4)), LayerNorm(4), MeanPool()),
    "last": stack(Dropout(0.5), Recurrent(cells.LSTM(3, 4)), LastPool(), Dense(4, 2)),
    "max": stack(VariationalDropout(0.5), Bidirectional(*[cells.GRU(3, 4)] * 2), MaxPool()),
    "attention": stack(
        Dense(3, 4),
        networks.CausalAttention(4, heads=2, context=2),
        networks.SelfAttention(4, heads=2, positions=networks.ALiBi()),
    ),
    "residual": networks.Residual(networks.Precision(Dense(3, 3), jnp.float16)),
}


def exported(function, *shapes):
    """The function compiled for symbolic sizes, called with arrays of `SIZES`."""
    symbols = dict(zip("TB", export.symbolic_shape("T, B"), strict=True))
    arguments = [
        jax.ShapeDtypeStruct([symbols.get(size) or int(size) for size in shape], dtype)
        for shape, dtype in shapes
    ]
    return export.export(jax.jit(function))(*arguments).call


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_of_any_length_and_batch(name, key):
    network = NETWORKS[name]
    params, lengths = network.init(key), jnp.array([5, 3], jnp.int32)
    xs = jax.random.normal(key, (*SIZES.values(), 3))

    def apply(xs, lengths):
        return network.apply(params, xs, key=key, lengths=lengths)[1]

    run = exported(apply, ("TB3", jnp.float32), ("B", jnp.int32))
    np.testing.assert_allclose(run(xs, lengths), jax.jit(apply)(xs, lengths), rtol=1e-5, atol=1e-6)


def test_a_file_of_a_network_in_both_directions(key):
    """Bytes, read again without the network, with lengths and padding of NaN."""
    network = stack(
        Bidirectional(cells.LSTM(3, 4), cells.LSTM(3, 4)), Recurrent(cells.GRU(8, 4)), Dense(4, 2)
    )
    params, lengths = network.init(key), jnp.array([5, 3], jnp.int32)
    xs = jax.random.normal(key, (*SIZES.values(), 3)).at[3:, 1].set(jnp.nan)

    def apply(xs, lengths):
        return network.apply(params, xs, lengths=lengths)[1]

    steps, batch = export.symbolic_shape("T, B")
    data = export.export(jax.jit(apply), platforms=["cpu", "cuda"])(
        jax.ShapeDtypeStruct((steps, batch, 3), jnp.float32),
        jax.ShapeDtypeStruct((batch,), jnp.int32),
    ).serialize()
    got = export.deserialize(data).call(xs, lengths)
    np.testing.assert_allclose(got, jax.jit(apply)(xs, lengths), rtol=1e-5, atol=1e-6)


def test_a_file_of_one_step(key):
    """A stream without the network: the carry goes in and out as a list of arrays."""
    network = stack(Recurrent(cells.LSTM(3, 4)), Dense(4, 2))
    params, xs = network.init(key), jax.random.normal(key, (*SIZES.values(), 3))
    leaves, structure = jax.tree.flatten(network.carry(params, (SIZES["B"],)))

    def step(leaves, x):
        carry, y = network.step(params, jax.tree.unflatten(structure, leaves), x)
        return jax.tree.leaves(carry), y

    data = export.export(jax.jit(step))(leaves, xs[0]).serialize()
    last, outputs = jax.lax.scan(export.deserialize(data).call, leaves, xs)
    carry, wanted = network.apply(params, xs)
    np.testing.assert_allclose(outputs, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last[1], carry[0].cell, rtol=1e-5, atol=1e-6)


def test_generate_from_prompts_of_any_length_and_number(key):
    network = Tied(Embedding(5, 4), Recurrent(cells.GRU(4, 4)))
    params, prompt = network.init(key), jnp.array([[1, 2]] * 5, jnp.int32)

    def write(prompt, lengths):
        return generation.generate(network, params, prompt, 4, key=key, lengths=lengths).symbols

    run, lengths = (
        exported(write, ("TB", jnp.int32), ("B", jnp.int32)),
        jnp.array([5, 3], jnp.int32),
    )
    np.testing.assert_array_equal(run(prompt, lengths), write(prompt, lengths))
