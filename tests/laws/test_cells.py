"""What every cell keeps: broadcasting, linearity, types, vmap, tracing, pickling."""

import copy
import pickle

import chex
import jax
import jax.numpy as jnp
import pytest

from jaxrnn import cells, unroll
from tests import cells as own
from tests import zoo
from tests.laws.conftest import BATCH, problem

GATED = [name for name, cell in zoo.CELLS.items() if isinstance(cell, cells.GatedCell)]
LINEAR = [name for name, cell in zoo.CELLS.items() if isinstance(cell, cells.LinearCell)]
ASSOCIATIVE = [n for n, cell in zoo.CELLS.items() if isinstance(cell, cells.AssociativeCell)]


def equal(got, wanted, tolerance=1e-12):
    chex.assert_trees_all_close(got, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", GATED)
def test_project_and_mix_broadcast(name, x64, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    us = [cell.project(params, x) for row in xs for x in row[0]]
    one_by_one = jax.tree.map(
        lambda *us: jnp.stack(us).reshape(*xs.shape[:1], -1, *us[0].shape), *us
    )
    equal(jax.tree.map(lambda u: u[:, 0], cell.project(params, xs)), one_by_one)
    over_batch = jax.vmap(jax.vmap(lambda c: cell.mix(params, c)))(carry)
    equal(cell.mix(params, carry), over_batch)


@pytest.mark.parametrize("name", LINEAR)
def test_coefficients_and_read_broadcast(name, x64, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    equal(
        cell.coefficients(params, xs),
        jax.vmap(jax.vmap(jax.vmap(lambda x: cell.coefficients(params, x))))(xs),
    )
    over_batch = jax.vmap(jax.vmap(lambda h, x: cell.read(params, h, x)))(carry, xs[0])
    equal(cell.read(params, carry, xs[0]), over_batch)


@pytest.mark.parametrize("name", ASSOCIATIVE)
def test_elements_compose_as_steps_do(name, x64, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    elements = cell.elements(params, xs)
    first, second, third = (jax.tree.map(lambda e, t=t: e[t], elements) for t in range(3))
    stepped = cell.apply(third, cell.apply(second, cell.apply(first, carry)))
    left = cell.compose(cell.compose(first, second), third)
    right = cell.compose(first, cell.compose(second, third))
    equal(cell.apply(left, carry), stepped)
    equal(right, left)
    equal(cell.compose(elements, elements), jax.vmap(cell.compose)(elements, elements))
    one_by_one = jax.vmap(jax.vmap(lambda h, x: cell.read(params, h, x)))
    equal(cell.read(params, carry, xs[0]), one_by_one(carry, xs[0]))


@pytest.mark.parametrize("name", GATED)
def test_mix_is_affine(name, x64, key):
    cell = zoo.CELLS[name]
    params, _, a = problem(cell, key)
    _, _, b = problem(cell, jax.random.key(1))

    def combined(a, b):
        return jax.tree.map(lambda a, b: 3 * a - 2 * b, a, b)

    mixed = combined(cell.mix(params, a), cell.mix(params, b))
    equal(cell.mix(params, combined(a, b)), mixed)


@pytest.mark.parametrize("name", zoo.CELLS)
def test_step_by_step_equals_unroll(name, x64, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    last, ys = unroll(cell, params, xs, carry)
    step = jax.jit(cell.step)
    for x, y in zip(xs, ys, strict=True):
        carry, got = step(params, carry, x)
        equal(got, y)
    equal(carry, last)


@pytest.mark.parametrize("name", zoo.CELLS)
def test_batch_axes_equal_single_sequences(name, x64, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)
    whole = unroll(cell, params, xs, carry)[1]
    alone = unroll(cell, params, xs[:, 1, 0], jax.tree.map(lambda c: c[1, 0], carry))[1]
    equal(whole[:, 1, 0], alone)


@pytest.mark.parametrize("name", zoo.CELLS)
def test_vmap_over_parameters_equals_a_loop(name, x64):
    cell = zoo.CELLS[name]
    keys = jax.random.split(jax.random.key(0), 3)
    _, xs, _ = problem(cell, jax.random.key(1), steps=5, batch=(2,))

    def last(key):
        return unroll(cell, cell.init(key), xs)

    looped = [last(k) for k in keys]
    equal(jax.vmap(last)(keys), jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped))


@pytest.mark.parametrize("name", zoo.CELLS)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_types_are_kept(name, dtype, key):
    cell = zoo.CELLS[name]
    params, xs, _ = problem(cell, key)
    params, xs = jax.tree.map(lambda leaf: leaf.astype(dtype), (params, xs))
    carry = cell.carry(params, BATCH)
    last, ys = unroll(cell, params, xs, carry)
    chex.assert_trees_all_equal_shapes_and_dtypes(last, carry)
    assert ys.dtype == dtype
    if name not in zoo.OF_FUNCTIONS:  # the library's cells keep their state in at least float32
        assert all(leaf.dtype in (jnp.float32, jnp.complex64) for leaf in jax.tree.leaves(carry))
    gradient = jax.grad(lambda p: unroll(cell, p, xs)[1].astype(jnp.float32).sum())(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(gradient, params)


@pytest.mark.parametrize("name", ["lstm", "gru", "leaky"])
def test_bfloat16_is_near_float32(name, key):
    cell = zoo.CELLS[name]
    params, xs, _ = problem(cell, key, steps=200)
    wide = unroll(cell, params, xs)[1]
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (params, xs))
    error = jnp.abs(unroll(cell, *narrow)[1].astype(jnp.float32) - wide).max()
    assert error < 0.1  # eight bits of input and weights; no drift over 200 steps


def test_equal_cells_trace_once(key):
    @jax.jit
    @chex.assert_max_traces(n=1)
    def run(cell, params, xs):
        return unroll(cell, params, xs)[1]

    xs = jnp.ones((4, zoo.I))
    params = cells.Leaky(3, 4).init(key)
    outputs = [run(cells.Leaky(3, 4, leak), params, xs) for leak in (0.1, 0.5, 0.9)]
    assert float(outputs[0].sum()) != float(outputs[1].sum())


def test_another_forget_bias_does_not_retrace(key):
    init = jax.jit(chex.assert_max_traces(lambda cell, key: cell.init(key), n=1))
    biases = [init(cells.LSTM(3, 4, forget_bias=b), key).bias[4:8] for b in (0.0, 1.0, 5.0)]
    assert [float(b[0]) for b in biases] == [0.0, 1.0, 5.0]


@pytest.mark.parametrize("name", [name for name in zoo.CELLS if name not in zoo.OF_FUNCTIONS])
def test_cells_survive_pickling_and_repr(name):
    cell = zoo.CELLS[name]
    assert pickle.loads(pickle.dumps(cell)) == cell
    assert copy.deepcopy(cell) == cell
    namespace = {
        **vars(cells),
        **vars(own),
        "tanh": jnp.tanh,
        "relu": jax.nn.relu,
        "sigmoid": jax.nn.sigmoid,
        "zeros": jax.nn.initializers.zeros,
    }
    assert eval(repr(cell), namespace) == cell


@pytest.mark.parametrize("name", ["elman_tanh", "lstm", "gru", "reset_before_gru", "ugrnn"])
def test_recurrent_blocks_are_orthogonal_per_gate(name, x64, key):
    cell = zoo.CELLS[name]
    recurrent = cell.init(key).recurrent
    for block in jnp.split(recurrent, recurrent.shape[1] // zoo.H, axis=1):
        equal(block @ block.T, jnp.eye(zoo.H))


def test_the_forget_bias_starts_at_one(key):
    bias = cells.LSTM(3, 4).init(key).bias
    assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


def test_lru_eigenvalues_start_on_the_ring(x64, key):
    cell = cells.LRU(3, 500, min_radius=0.4, max_radius=0.9, max_phase=1.0)
    params = cell.init(key)
    a, _ = cell.coefficients(params, jnp.ones(3))
    assert jnp.abs(a).min() >= 0.4 and jnp.abs(a).max() <= 0.9
    assert jnp.angle(a).min() >= 0 and jnp.angle(a).max() <= 1.0
    equal(jnp.exp(params.log_scale) ** 2, 1 - jnp.abs(a) ** 2, 1e-10)


def test_activations_may_be_any_function(key):
    cell = cells.Elman(3, 4, activation=jax.nn.relu)
    params = cell.init(key)
    assert float(unroll(cell, params, jnp.ones((5, 3)))[1].min()) >= 0.0
