"""A function over members gives what single calls give, on however many devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, training, unroll
from tests.quick import some

CELL = cells.GRU(2, 3)


@pytest.fixture(autouse=True, scope="module")
def _float64():
    with jax.enable_x64(True):
        yield


def ensemble(count):
    return jax.vmap(CELL.init)(jax.random.split(jax.random.key(0), count))


def inputs():
    return jax.random.normal(jax.random.key(1), (5, 4, 2))


def loss(params, xs, key):
    carry, ys = unroll(CELL, params, xs + 0.1 * jax.random.normal(key, xs.shape))
    return ys.var(), {"last": carry}


gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))


def close(got, wanted):
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("count", "devices", "used"),
    some((7, 3, 3), (4, 1, 1), slow=[(4, 2, 2), (1, 8, 1), (5, 8, 5), (8, 8, 8), (11, 8, 6)]),
)
def test_members_are_single_calls(count, devices, used):
    params, keys = ensemble(count), jax.random.split(jax.random.key(2), count)
    each = training.over_members(gradient, (0, None, 0), devices=jax.devices()[:devices])
    got = each(params, inputs(), keys)
    if count % used == 0:
        assert len(got[0][0].sharding.device_set) == used
    ones = [jax.tree.map(lambda leaf, i=i: leaf[i], (params, keys)) for i in range(count)]
    one = jax.jit(gradient)
    single = [one(params, inputs(), key) for params, key in ones]
    close(got, jax.tree.map(lambda *leaves: jnp.stack(leaves), *single))


@pytest.mark.slow
def test_it_composes_with_jit_and_grad_and_itself():
    def total(over, params, xs):
        each = over(lambda p, xs: loss(p, xs, jax.random.key(3))[0], (0, None))
        return (each(params, xs) ** 2).sum()

    params = ensemble(5)

    def derivative(over):
        return jax.jit(jax.grad(lambda p, xs: total(over, p, xs), argnums=(0, 1)))(params, inputs())

    close(derivative(training.over_members), derivative(jax.vmap))
    twice = training.over_members(training.over_members(lambda x, y: x * y, (0, None)))
    np.testing.assert_array_equal(
        twice(jnp.ones((9, 2)), jnp.arange(9.0)), np.outer(np.arange(9), np.ones(2))
    )


@pytest.mark.parametrize("members", [training.OneByOne(), training.Vmapped(2)], ids=str)
def test_how_members_are_run_changes_rounding_alone(members):
    def last(params, xs):
        return unroll(CELL, params, xs)[0]

    devices = jax.devices()[:2]
    each = training.over_members(last, (0, None), members=members, devices=devices)
    close(each(ensemble(9), inputs()), jax.vmap(last, (0, None))(ensemble(9), inputs()))


def test_arrays_may_lie_on_one_device():
    placed = jax.device_put(jnp.arange(3.0), jax.devices()[0])
    doubled = training.over_members(lambda x: 2 * x)
    assert doubled(placed).tolist() == [0.0, 2.0, 4.0]
    with jax.default_device(jax.devices()[1]):
        assert doubled(jnp.ones(2)).sharding.device_set == {jax.devices()[1]}


def test_a_mesh_that_is_set_is_left_alone():
    with jax.set_mesh(jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))):
        assert training.over_members(lambda x: x + 1)(jnp.zeros(4)).tolist() == [1.0] * 4


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: training.over_members(3), TypeError, "function must be a function, got 3"),
        (lambda f: training.over_members(f, 1), ValueError, "in_axes must be 0"),
        (lambda f: training.over_members(f, (None, None)), ValueError, "with a 0 among them"),
        (lambda f: training.over_members(f, devices=[]), ValueError, "devices is empty"),
        (lambda f: training.over_members(f, members=3), TypeError, "members must be"),
        (lambda f: training.over_members(f, (0, None))(jnp.ones(2)), ValueError, "2 entries"),
        (lambda f: training.over_members(f)(jnp.ones(2), jnp.ones(3)), ValueError, r"\[1\]: \[3\]"),
        (lambda f: training.over_members(f)(jnp.ones(())), ValueError, r"got \[0\]: \[\]"),
        (lambda f: training.over_members(f)(jnp.ones((0, 2))), ValueError, "at least one"),
        (lambda f: training.over_members(f)(), ValueError, "got no array"),
    ],
)
def test_what_cannot_be_mapped_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(lambda x, y=0: x)
