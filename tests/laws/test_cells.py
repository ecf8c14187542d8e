"""Every cell keeps every law; and what the library's own cells keep besides."""

import jax
import jax.numpy as jnp
import pytest

from jaxrnn import cells, engines, testing, unroll
from tests import zoo
from tests.laws.conftest import problem
from tests.quick import some_of

NOT_OWED = dict.fromkeys(zoo.OF_FUNCTIONS, ("carries",))
"""The laws that a cell need not keep: those of plain functions keep what types they like."""

ONE_OF_EACH_KIND = {"lstm", "lru", "mlstm", "functions", "learned_carry"}


@pytest.mark.parametrize("name", some_of(zoo.CELLS, ONE_OF_EACH_KIND))
def test_every_law(name, key):
    testing.check_cell(
        zoo.CELLS[name],
        zoo.CELL_INPUTS.get(name),
        skip=NOT_OWED.get(name, ()),
        key=key,
    )


def test_the_laws_run_every_engine_of_the_zoo():
    for name in zoo.CELLS:
        wanted = [zoo.ENGINES[engine] for engine in zoo.engines_for(name)]
        assert list(testing.exact_engines(zoo.CELLS[name])) == wanted, name


@pytest.mark.parametrize("name", zoo.CELLS)
def test_auto_chooses_an_engine_that_is_held_to_the_laws(name):
    chosen = engines.Auto().choose(zoo.CELLS[name])
    assert type(chosen) in {type(zoo.ENGINES[engine]) for engine in zoo.engines_for(name)}


@pytest.mark.parametrize("name", ["lstm", "gru", "leaky"])
def test_bfloat16_is_near_float32_over_many_steps(name, key):
    cell = zoo.CELLS[name]
    params, xs, _ = problem(cell, key, steps=200)
    wide = unroll(cell, params, xs)[1]
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (params, xs))
    error = jnp.abs(unroll(cell, *narrow)[1].astype(jnp.float32) - wide).max()
    assert error < 0.1  # eight bits of input and weights; no drift over 200 steps


def test_another_forget_bias_draws_others(key):
    init = jax.jit(lambda cell, key: cell.init(key))
    biases = [init(cells.LSTM(3, 4, forget_bias=b), key).bias[4:8] for b in (0.0, 1.0, 5.0)]
    assert [float(b[0]) for b in biases] == [0.0, 1.0, 5.0]
    assert init._cache_size() == 1


@pytest.mark.parametrize("name", ["elman_tanh", "lstm", "gru", "reset_before_gru", "ugrnn"])
def test_recurrent_blocks_are_orthogonal_per_gate(name, key):
    recurrent = zoo.CELLS[name].init(key).recurrent
    for block in jnp.split(recurrent, recurrent.shape[1] // zoo.H, axis=1):
        assert jnp.allclose(block @ block.T, jnp.eye(zoo.H), atol=1e-6)


def test_the_forget_bias_starts_at_one(key):
    bias = cells.LSTM(3, 4).init(key).bias
    assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


def test_lru_eigenvalues_start_on_the_ring(x64, key):
    cell = cells.LRU(3, 500, min_radius=0.4, max_radius=0.9, max_phase=1.0)
    params = cell.init(key)
    a, _ = cell.coefficients(params, jnp.ones(3))
    assert jnp.abs(a).min() >= 0.4 and jnp.abs(a).max() <= 0.9
    assert jnp.angle(a).min() >= 0 and jnp.angle(a).max() <= 1.0
    assert jnp.allclose(jnp.exp(params.log_scale) ** 2, 1 - jnp.abs(a) ** 2, rtol=1e-10, atol=0)


def test_activations_may_be_any_function(key):
    cell = cells.Elman(3, 4, activation=jax.nn.relu)
    params = cell.init(key)
    assert float(unroll(cell, params, jnp.ones((5, 3)))[1].min()) >= 0.0
