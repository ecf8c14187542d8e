"""What every layer owes: streaming, blindness to padding, resets, keys, types, vmap, pickling."""

import copy
import pickle

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, engines, networks
from tests import zoo

T, B = 6, 3
EVERY = pytest.mark.parametrize("name", zoo.LAYERS)
STREAMING = [name for name in zoo.LAYERS if name not in zoo.NEED_THE_FUTURE]
DROPOUTS = {"dropout", "variational_dropout"}
WITHOUT_PARAMETERS = DROPOUTS | {"activation", "last_pool", "mean_pool", "max_pool"}
POOLING = [name for name, layer in zoo.LAYERS.items() if layer.pools]


def problem(name, key):
    """Random parameters, inputs `[T, B, ...]` and carry, drawn by NumPy, which compiles nothing."""
    layer, draw = zoo.LAYERS[name], np.random.default_rng(0)

    def random(leaf):
        return jnp.asarray(0.5 * draw.normal(size=leaf.shape), leaf.dtype)

    params = jax.tree.map(random, jax.eval_shape(layer.init, key))
    carry = jax.tree.map(random, jax.eval_shape(lambda p: layer.carry(p, (B,)), params))
    if name in zoo.READ_SYMBOLS:
        xs = jnp.asarray(draw.integers(zoo.SYMBOLS, size=(T, B)))
    else:
        xs = jnp.asarray(draw.normal(size=(T, B, zoo.I)), float)
    return layer, params, xs, carry


def numbers(tree):
    """The leaves that have a derivative; a carry may also hold flags."""
    return [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def with_numbers(tree, leaves):
    """The tree with these in the place of its numbers."""
    leaves = iter(leaves)

    def put(leaf):
        return next(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(put, tree)


def near(got, wanted):
    chex.assert_trees_all_close(got, wanted, rtol=1e-12, atol=1e-12)  # by NumPy


def with_rate(layer, rate):
    """The layer with another rate in every dropout."""

    def leaf(path, value):
        return rate if jax.tree_util.keystr(path).endswith(".rate") else value

    return jax.tree_util.tree_map_with_path(leaf, layer)


@pytest.mark.parametrize("name", STREAMING)
def test_streaming_equals_the_whole(name, x64, key):
    layer, params, xs, carry = problem(name, key)

    @jax.jit
    def both(params, carry, xs):
        streamed = jax.lax.scan(lambda c, x: layer.step(params, c, x), carry, xs)
        return streamed, layer.apply(params, xs, carry)

    near(*both(params, carry, xs))


@pytest.mark.parametrize("name", sorted(zoo.NEED_THE_FUTURE))
def test_layers_that_need_the_future_refuse_to_stream(name, key):
    layer, params, xs, carry = problem(name, key)
    with pytest.raises(TypeError, match=r"cannot stream.*Use `apply`"):
        layer.step(params, carry, xs[0])


@EVERY
def test_padding_reaches_nothing(name, key):
    """Whatever stands in it, bit for bit, also under dropout and where a whole row is padding."""
    layer, params, xs, carry = problem(name, key)
    mask = jnp.arange(T)[:, None] < jnp.array([[T, 4, 0]])
    mask = mask.at[2, 0].set(False)
    wide = mask if name in zoo.READ_SYMBOLS else mask[..., None]

    @jax.jit
    def run(params, carry, xs):
        def loss(params, state, xs):
            old = with_numbers(carry, state)
            last, ys = layer.apply(params, xs, old, key=key, mask=mask)
            leaves = numbers((last, ys))
            return sum((jnp.abs(leaf) * jnp.cos(jnp.abs(leaf))).sum() for leaf in leaves), ys

        argnums = (0, 1) if name in zoo.READ_SYMBOLS else (0, 1, 2)
        return jax.value_and_grad(loss, argnums, has_aux=True)(params, numbers(carry), xs)

    clean = run(params, carry, jnp.where(wide, xs, 0))
    chex.assert_tree_all_finite(clean)
    bad = [-(10**6), 10**6] if name in zoo.READ_SYMBOLS else [jnp.nan, jnp.inf, -jnp.inf, 1e30]
    garbage = jnp.resize(jnp.array(bad, xs.dtype), xs.shape)
    chex.assert_trees_all_equal(run(params, carry, jnp.where(wide, xs, garbage)), clean)
    if name not in zoo.READ_SYMBOLS:
        assert not bool(jnp.where(wide, 0, clean[1][2]).any())


@pytest.mark.parametrize("name", [name for name in zoo.LAYERS if name not in POOLING])
def test_resets_equal_separate_sequences(name, x64, key):
    layer, params, xs, _ = problem(name, key)
    cut = 2
    resets = jnp.zeros((T, B), bool).at[cut].set(True)

    @jax.jit
    def run(params, xs):
        whole = layer.apply(params, xs, resets=resets)[1]
        parts = [layer.apply(params, part)[1] for part in (xs[:cut], xs[cut:])]
        return whole, jnp.concatenate(parts)

    near(*run(params, xs))


@EVERY
def test_no_carry_is_the_initial_one_and_lengths_are_a_mask(name, key):
    """One program holds both calls, so that they are equal bit for bit."""
    layer, params, xs, _ = problem(name, key)
    lengths = [T, 4, 0]
    mask = np.arange(T)[:, None] < np.array(lengths)

    @jax.jit
    def both(params, xs):
        fresh = layer.carry(params, (B,))
        every = np.ones((T, B), bool).tolist()
        return (
            layer.apply(params, xs, lengths=lengths),
            layer.apply(params, xs, lengths=lengths, mask=every),
            layer.apply(params, xs, fresh, mask=mask),
        )

    first, second, third = both(params, xs)
    chex.assert_trees_all_equal(first, third)
    chex.assert_trees_all_equal(second, third)


@pytest.mark.parametrize("name", STREAMING)
def test_a_step_starts_afresh_where_it_is_told(name, x64, key):
    """By selection: what the old state holds, NaN too, is gone."""
    layer, params, xs, carry = problem(name, key)
    resets = [True, False, True]

    @jax.jit
    def run(params, carry, x):
        ruined = with_numbers(carry, [leaf.at[0].set(jnp.nan) for leaf in numbers(carry)])
        return (
            layer.step(params, ruined, x, resets=resets),
            layer.step(params, None, x),
            layer.step(params, carry, x),
        )

    some, fresh, old = run(params, carry, xs[0])
    for row, wanted in enumerate([fresh, old, fresh]):
        near(*jax.tree.map(lambda leaf, row=row: leaf[row], (some, wanted)))


@pytest.mark.parametrize("name", POOLING)
def test_pooling_refuses_resets(name, key):
    layer, params, xs, carry = problem(name, key)
    with pytest.raises(ValueError, match="cannot pool over several sequences in a row"):
        jax.eval_shape(lambda xs: layer.apply(params, xs, carry, resets=jnp.ones((T, B), bool)), xs)


@EVERY
def test_no_key_equals_rate_zero(name, x64, key):
    layer, params, xs, carry = problem(name, key)
    drops = name in DROPOUTS | {"language_model", "classifier"}

    @jax.jit
    def run(layer, key):
        return layer.apply(params, xs, carry, key=key)

    plain = jax.jit(lambda layer: layer.apply(params, xs, carry))(layer)
    near(run(with_rate(layer, 0.0), key), plain)
    changed = jnp.abs(run(with_rate(layer, 0.5), key)[1] - plain[1]).max() > 1e-3
    assert bool(changed) == drops


@pytest.mark.parametrize("name", [name for name in zoo.LAYERS if name not in WITHOUT_PARAMETERS])
def test_vmap_over_parameters_equals_a_loop(name, x64, key):
    layer, params, xs, carry = problem(name, key)
    several = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf, -leaf]), params)

    @jax.jit
    def run(several):
        def apply(params):
            return layer.apply(params, xs, carry)

        return jax.vmap(apply)(several), jax.lax.map(apply, several)

    near(*run(several))


@EVERY
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("rate_key", [None, 0])
def test_types_and_carries_are_kept(name, dtype, rate_key, key):
    layer, params, xs, _ = problem(name, key)
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
    xs = xs if name in zoo.READ_SYMBOLS else xs.astype(dtype)
    carry = layer.carry(params, (B,))
    mask, rate_key = jnp.ones((T, B), bool), None if rate_key is None else key

    def apply(params, carry, xs):
        return layer.apply(params, xs, carry, key=rate_key, mask=mask)

    calls = [(apply, xs)]
    if name in STREAMING:
        calls.append((layer.step, xs[0]))
    for call, inputs in calls:
        last, ys = jax.eval_shape(call, params, carry, inputs)
        chex.assert_trees_all_equal_shapes_and_dtypes(last, carry)
        assert ys.dtype == dtype
        time = 1 if call is apply and name not in POOLING else 0
        assert ys.ndim == 2 + time
        assert layer.output_shape in (None, ys.shape[-1:])


@EVERY
def test_layers_survive_pickling_and_repr(name):
    layer = zoo.LAYERS[name]
    assert pickle.loads(pickle.dumps(layer)) == layer
    assert copy.deepcopy(layer) == layer
    functions = {"tanh": jnp.tanh, "gelu": jax.nn.gelu, "zeros": jax.nn.initializers.zeros}
    namespace = {**vars(networks), **vars(cells), **vars(engines), **functions}
    assert eval(repr(layer), namespace) == layer


@EVERY
def test_equal_layers_trace_once(name, key):
    layer, params, xs, carry = problem(name, key)

    traces = []

    @jax.jit
    def shape(layer):
        traces.append(layer)
        return jnp.zeros(layer.apply(params, xs, carry, key=key)[1].shape)

    for rate in (0.1, 0.9):
        shape(with_rate(layer, rate))
    assert len(traces) == 1
