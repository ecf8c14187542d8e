"""Weights of equinox, and jaxrnn inside its modules, held to the library itself."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, interop, networks
from tests.quick import some

eqx = pytest.importorskip("equinox")


@pytest.mark.parametrize("kind", ["GRUCell", "LSTMCell"])
@pytest.mark.parametrize("use_bias", some(True, slow=(False,)))
def test_the_numbers_of_its_cells(kind, use_bias, x64, key):
    module = getattr(eqx.nn, kind)(2, 3, use_bias=use_bias, dtype=jnp.float64, key=key)
    cell = interop.equinox.network(module)
    params = interop.equinox.load(cell, module)
    weights = interop.equinox.dump(cell, params)
    for name, value in weights.items():
        np.testing.assert_array_equal(value, getattr(module, name))
    xs = jax.random.normal(key, (5, 2), jnp.float64)

    def theirs(module, xs):
        state = (jnp.zeros(3),) * 2 if kind == "LSTMCell" else jnp.zeros(3)

        def step(state, x):
            state = module(x, state)
            return state, state[0] if kind == "LSTMCell" else state

        ys = jax.lax.scan(step, state, xs)[1]
        return (jnp.cos(ys) * jnp.arange(15.0).reshape(5, 3)).sum(), ys

    def ours(params, xs):
        ys = networks.Recurrent(cell).apply(params, xs)[1]
        return (jnp.cos(ys) * jnp.arange(15.0).reshape(5, 3)).sum(), ys

    (_, wanted), (d_module, d_wanted) = jax.jit(jax.value_and_grad(theirs, (0, 1), has_aux=True))(
        module, xs
    )
    (_, got), (d_params, d_got) = jax.jit(jax.value_and_grad(ours, (0, 1), has_aux=True))(
        params, xs
    )
    near = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(got, wanted, **near)
    np.testing.assert_allclose(d_got, d_wanted, **near)
    for name, value in interop.equinox.dump(cell, d_params).items():
        np.testing.assert_allclose(value, getattr(d_module, name), **near)


class Tagger(eqx.Module):
    embed: eqx.nn.Embedding
    rnn: eqx.nn.GRUCell
    norm: eqx.nn.LayerNorm
    readout: eqx.nn.Linear


def test_a_module_of_ones_own(key):
    keys = jax.random.split(key, 3)
    module = Tagger(
        eqx.nn.Embedding(5, 2, key=keys[0]),
        eqx.nn.GRUCell(2, 3, key=keys[1]),
        eqx.nn.LayerNorm(3),
        eqx.nn.Linear(3, 4, key=keys[2]),
    )
    names = ("embed", "rnn", "norm", "readout")
    layers = {name: interop.equinox.network(getattr(module, name)) for name in names}
    network = networks.stack(**{**layers, "rnn": networks.Recurrent(layers["rnn"])})
    params = interop.equinox.load(network, module)
    weights = interop.equinox.dump(network, params)

    def places(module):  # as the page has it
        return [operator.attrgetter(name)(module) for name in weights]

    again = jax.tree.map(jnp.zeros_like, module)
    again = eqx.tree_at(places, again, list(weights.values()))
    jax.tree.map(np.testing.assert_array_equal, again, module)
    got = network.layers[0].apply(params["embed"], jnp.array([1, 4]))[1]
    np.testing.assert_array_equal(got, jax.vmap(module.embed)(jnp.array([1, 4])))


def test_wrong_calls(key):
    module = eqx.nn.LSTMCell(2, 3, key=key)
    with pytest.raises(ValueError, match=r"weight_ih is \[12, 2\], the network takes \[9, 2\]"):
        interop.equinox.load(cells.GRU(2, 3), module)
    with pytest.raises(TypeError, match="equinox: MGU has no counterpart there"):
        interop.equinox.load(cells.MGU(2, 3), module)
    for wrong in (eqx.nn.Conv1d(2, 3, 1, key=key), None, 3):
        with pytest.raises(TypeError, match="has no counterpart in jaxrnn"):
            interop.equinox.network(wrong)
    for wrong in (None, 3, [1.0]):
        with pytest.raises(TypeError, match="weights must be a mapping"):
            interop.equinox.load(cells.GRU(2, 3), wrong)
