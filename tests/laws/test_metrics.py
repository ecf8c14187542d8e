"""What every metric owes: a monoid with fixed states, blind to padding, splits and shards."""

from functools import cache
from typing import Any, NamedTuple

import hypothesis
import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies
from jax.sharding import Mesh, PartitionSpec

from tests import zoo
from tests.laws.test_objectives import garbage

T, B, PARTS = 6, 8, 3
EVERY = pytest.mark.parametrize("name", zoo.METRICS)
ANY_SPLIT = pytest.mark.parametrize(
    "name", [name for name in zoo.METRICS if name not in zoo.COUNT_UPDATES]
)
SOME = hypothesis.settings(deadline=None, max_examples=15, derandomize=True, database=None)


@cache
def problem(name):
    metric, targets = zoo.METRICS[name]
    keys = jax.random.split(jax.random.key(2), 3)
    outputs = 2 * jax.random.normal(keys[0], (T, B, zoo.V))
    where = jax.random.bernoulli(keys[1], 0.7, (T, B)).at[0].set(True)
    return metric, outputs, targets(keys[2], outputs), np.asarray(where)


class Seen(NamedTuple):
    """All that the laws look at, of one batch and of its parts."""

    state: Any
    with_init: list[Any]
    value: Any
    nothing: Any
    bracketed: list[Any]
    folded: Any
    halved: Any
    gradient: Any


def summarize(metric, outputs, targets, where, part):
    """One program for each metric, since compiling is what takes time."""

    def state_of(outputs, where):
        return metric.update(metric.init(), outputs, targets, where=where)

    def update(state, batch):
        outputs, targets, where = batch
        return metric.update(state, outputs, targets, where=where), None

    def columns(leaf):
        return jnp.moveaxis(leaf.reshape(T, 4, B // 4, *leaf.shape[2:]), 1, 0)

    def total(outputs):
        value = metric.compute(state_of(outputs, where))
        return sum(jnp.nansum(leaf) for leaf in jax.tree.leaves(value))

    wheres = [where, *(where & (part == i) for i in range(PARTS)), where]
    several = [outputs] * (1 + PARTS) + [0.5 * outputs]
    state, a, b, c, halved = apart(jax.vmap(state_of)(stack(several), stack(wheres)))
    init, merge = metric.init(), jax.vmap(metric.merge)
    pairs = merge(stack([init, state, a, b]), stack([state, init, b, c]))
    *with_init, ab, bc = apart(pairs)
    bracketed = apart(merge(stack([ab, a]), stack([c, bc])))
    folded, _ = jax.lax.scan(update, init, jax.tree.map(columns, (outputs, targets, where)))
    values = jax.vmap(metric.compute)(stack([state, init, *bracketed, folded, halved]))
    value, nothing, early, late, folded, halved = apart(values)
    return Seen(
        state, with_init, value, nothing, [early, late], folded, halved, jax.grad(total)(outputs)
    )


def stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def apart(tree):
    leaves, structure = jax.tree.flatten(tree)
    return [jax.tree.unflatten(structure, row) for row in zip(*leaves, strict=True)]


seen = jax.jit(summarize)
WHOLE = np.zeros((T, B), np.int8)


def close(got, wanted, rtol=1e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol), got, wanted)


def equal(got, wanted):
    jax.tree.map(np.testing.assert_array_equal, got, wanted)


@EVERY
def test_no_data_is_nan_and_the_identity(name):
    got = seen(*problem(name), WHOLE)
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(got.nothing))
    equal(got.with_init, [got.state, got.state])


@EVERY
def test_state_keeps_structure_shape_and_dtype(name):
    metric, outputs, targets, where = problem(name)

    def described(state):
        return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), state)

    def after(outputs, low, targets):
        updated = metric.update(state, low, targets, where=where)
        return metric.update(state, outputs, targets), updated, metric.merge(updated, state)

    state = metric.init()
    batch = jax.eval_shape(lambda: (outputs, outputs.astype(jnp.bfloat16), targets))
    for got in jax.eval_shape(after, *batch):
        assert described(got) == described(state)


@ANY_SPLIT
@SOME
@hypothesis.given(
    where=hnp.arrays(bool, (T, B)),
    part=hnp.arrays(np.int8, (T, B), elements=strategies.integers(0, PARTS - 1)),
)
def test_any_split_gives_the_same_value_merged_in_any_order(name, where, part):
    """Steps dealt out at will, and slices of the batch folded in a scan."""
    metric, outputs, targets, _ = problem(name)
    got = seen(metric, outputs, targets, where, part)
    for value in [*got.bracketed, got.folded]:
        close(value, got.value)


@EVERY
@SOME
@hypothesis.given(
    where=hnp.arrays(bool, (T, B)),
    bad=strategies.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_padding_changes_nothing(name, where, bad):
    metric, outputs, targets, _ = problem(name)
    clean = seen(metric, outputs, targets, where, WHOLE)
    equal(seen(metric, *garbage((outputs, targets), where, bad), where, WHOLE), clean)


@EVERY
def test_eight_devices_equal_one(name):
    metric, *data = problem(name)
    mesh = Mesh(np.array(jax.devices()), ("data",))
    columns = PartitionSpec(None, "data")

    @jax.jit
    @jax.shard_map(mesh=mesh, in_specs=columns, out_specs=PartitionSpec())
    def sharded(data):
        outputs, targets, where = data
        state = metric.update(metric.init(), outputs, targets, where=where)
        return metric.compute(metric.all_reduce(state, "data"))

    close(sharded(data), seen(metric, *data, WHOLE).value)


@EVERY
def test_states_can_be_donated(name):
    """No array stands in a state twice, be it made inside `jit` or not."""
    metric, outputs, targets, where = problem(name)

    def step(state):
        return metric.update(state, outputs, targets, where=where)

    donating = jax.jit(step, donate_argnums=0)
    wanted = seen(metric, outputs, targets, where, WHOLE).state
    for init in (metric.init, jax.jit(metric.init)):
        got = donating(init())
        close(got, wanted)
        jax.block_until_ready(donating(got))


@EVERY
def test_vmap_equals_a_loop_and_no_gradient_passes(name):
    """That the states of `summarize`, made under `vmap`, are those made without: see above."""
    metric, outputs, targets, where = problem(name)
    got = seen(metric, outputs, targets, where, WHOLE)
    close(got.halved, seen(metric, 0.5 * outputs, targets, where, WHOLE).value)
    np.testing.assert_array_equal(got.gradient, 0)
