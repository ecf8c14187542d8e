"""What every metric owes: a monoid with fixed states, blind to padding, splits and shards."""

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

T, B = 6, 8
EVERY = pytest.mark.parametrize("name", zoo.METRICS)
ANY_SPLIT = pytest.mark.parametrize(
    "name", [name for name in zoo.METRICS if name not in zoo.COUNT_UPDATES]
)
SOME = hypothesis.settings(deadline=None, max_examples=15, derandomize=True, database=None)


def problem(name):
    metric, targets = zoo.METRICS[name]
    keys = jax.random.split(jax.random.key(2), 3)
    outputs = 2 * jax.random.normal(keys[0], (T, B, zoo.V))
    where = jax.random.bernoulli(keys[1], 0.7, (T, B)).at[0].set(True)
    return metric, outputs, targets(keys[2], outputs), where


@jax.jit
def state_of(metric, outputs, targets, where):
    return metric.update(metric.init(), outputs, targets, where=where)


def close(got, wanted, rtol=1e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol), got, wanted)


def equal(got, wanted):
    jax.tree.map(np.testing.assert_array_equal, got, wanted)


@EVERY
def test_no_data_is_nan(name):
    metric = zoo.METRICS[name][0]
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(metric.compute(metric.init())))


@EVERY
def test_init_is_the_identity(name):
    metric, *data = problem(name)
    state = state_of(metric, *data)
    equal(metric.merge(metric.init(), state), state)
    equal(metric.merge(state, metric.init()), state)


@EVERY
def test_state_keeps_structure_shape_and_dtype(name):
    metric, outputs, targets, where = problem(name)
    state = metric.init()
    wanted = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), state)

    def check(state):
        assert wanted == jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), state)

    updated = metric.update(state, outputs.astype(jnp.bfloat16), targets, where=where)
    check(updated)
    check(metric.update(state, outputs, targets))
    check(metric.merge(updated, state))


@ANY_SPLIT
@SOME
@hypothesis.given(
    where=hnp.arrays(bool, (T, B)),
    part=hnp.arrays(np.int8, (T, B), elements=strategies.integers(0, 2)),
)
def test_any_split_gives_the_same_value_merged_in_any_order(name, where, part):
    metric, outputs, targets, _ = problem(name)
    whole = metric.compute(state_of(metric, outputs, targets, where))
    a, b, c = (state_of(metric, outputs, targets, where & (part == i)) for i in range(3))
    close(metric.compute(metric.merge(metric.merge(a, b), c)), whole)
    close(metric.compute(metric.merge(a, metric.merge(b, c))), whole)


@ANY_SPLIT
def test_slices_of_the_batch_fold_in_a_scan(name):
    metric, outputs, targets, where = problem(name)

    def slices(leaf):
        return jnp.moveaxis(leaf.reshape(T, 4, B // 4, *leaf.shape[2:]), 1, 0)

    @jax.jit
    def fold(data):
        def body(state, batch):
            outputs, targets, where = batch
            return metric.update(state, outputs, targets, where=where), None

        return metric.compute(jax.lax.scan(body, metric.init(), data)[0])

    whole = metric.compute(metric.update(metric.init(), outputs, targets, where=where))
    close(fold(jax.tree.map(slices, (outputs, targets, where))), whole)


@EVERY
@SOME
@hypothesis.given(
    where=hnp.arrays(bool, (T, B)),
    bad=strategies.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_padding_changes_nothing(name, where, bad):
    metric, outputs, targets, _ = problem(name)
    clean = state_of(metric, outputs, targets, where)
    equal(state_of(metric, *garbage((outputs, targets), where, bad), where), clean)


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

    close(sharded(data), metric.compute(state_of(metric, *data)))


@EVERY
def test_vmap_equals_a_loop(name):
    metric, outputs, targets, where = problem(name)
    temperatures = jnp.array([0.5, 1.0, 2.0])

    @jax.jit
    def value(temperature):
        return metric.compute(
            metric.update(metric.init(), temperature * outputs, targets, where=where)
        )

    each = [value(temperature) for temperature in temperatures]
    close(jax.vmap(value)(temperatures), jax.tree.map(lambda *leaves: jnp.stack(leaves), *each))


@EVERY
def test_no_gradient_passes_the_state(name):
    metric, outputs, targets, where = problem(name)

    def total(outputs):
        state = metric.update(metric.init(), outputs, targets, where=where)
        return sum(jnp.nansum(leaf) for leaf in jax.tree.leaves(metric.compute(state)))

    np.testing.assert_array_equal(jax.grad(total)(outputs), 0)
