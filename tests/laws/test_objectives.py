"""What every objective owes: the algebra, masks that nothing passes, float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import objectives
from tests import zoo

SHAPE = (4, 3, zoo.V)
WHERE = jnp.array([[True, False, True], [True, True, False], [False, False, True], [True] * 3])
EVERY = pytest.mark.parametrize("name", zoo.OBJECTIVES)


def problem(name):
    objective, targets = zoo.OBJECTIVES[name]
    keys = jax.random.split(jax.random.key(1))
    outputs = 2 * jax.random.normal(keys[0], SHAPE)
    return objective, outputs, targets(keys[1], outputs)


def garbage(tree, where, value):
    """The worst at masked steps: `value` in numbers, a label far out of range in integers."""

    def spoil(leaf):
        if leaf.dtype == bool:
            bad = ~leaf
        else:
            bad = jnp.full_like(
                leaf, value if jnp.issubdtype(leaf.dtype, jnp.floating) else -(10**6)
            )
        mask = where.reshape(where.shape + (1,) * (leaf.ndim - where.ndim))
        return jnp.where(jnp.broadcast_to(mask, leaf.shape), leaf, bad)

    return jax.tree.map(spoil, tree)


def value_and_gradient(objective, outputs, targets, where):
    def loss(outputs):
        return objectives.reduce(objective, outputs, targets, where=where).mean()

    return jax.value_and_grad(loss)(outputs)


@EVERY
def test_one_value_a_step(name):
    objective, outputs, targets = problem(name)
    values = objective(outputs, targets)
    assert values.shape == SHAPE[:-1] and values.dtype == jnp.float32
    assert np.isfinite(values).all()


@EVERY
def test_bfloat16_is_computed_in_float32(name):
    objective, outputs, targets = problem(name)
    outputs = outputs.astype(jnp.bfloat16)
    low, high = objective(outputs, targets), objective(outputs.astype(jnp.float32), targets)
    assert low.dtype == jnp.float32
    np.testing.assert_array_equal(low, high)


@EVERY
def test_all_true_equals_no_mask(name):
    objective, outputs, targets = problem(name)
    everywhere = jnp.ones(SHAPE[:-1], bool)
    for a, b in zip(
        (objective(outputs, targets), *value_and_gradient(objective, outputs, targets, None)),
        (
            objective(outputs, targets, where=everywhere),
            *value_and_gradient(objective, outputs, targets, everywhere),
        ),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


@EVERY
def test_padding_changes_nothing(name):
    objective, outputs, targets = problem(name)
    values = objective(outputs, targets)
    clean = value_and_gradient(objective, outputs, targets, WHERE)
    for bad in (jnp.nan, jnp.inf, -jnp.inf):
        spoiled = garbage((outputs, targets), WHERE, bad)
        got = value_and_gradient(objective, *spoiled, WHERE)
        np.testing.assert_array_equal(got[0], clean[0])
        np.testing.assert_array_equal(got[1], clean[1])
        np.testing.assert_array_equal(got[1][~WHERE], 0)
        np.testing.assert_array_equal(objective(*spoiled, where=WHERE), jnp.where(WHERE, values, 0))


@EVERY
def test_padding_changes_nothing_inside_jit(name):
    objective, outputs, targets = problem(name)
    run = jax.jit(value_and_gradient)
    clean = run(objective, outputs, targets, WHERE)
    got = run(objective, *garbage((outputs, targets), WHERE, jnp.nan), WHERE)
    np.testing.assert_array_equal(got[0], clean[0])
    np.testing.assert_array_equal(got[1], clean[1])


@EVERY
def test_no_step_no_loss(name):
    objective, outputs, targets = problem(name)
    nowhere = jnp.zeros(SHAPE[:-1], bool)
    value, gradient = value_and_gradient(objective, jnp.nan * outputs, targets, nowhere)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@EVERY
def test_algebra(name):
    objective, outputs, targets = problem(name)
    values = objective(outputs, targets, where=WHERE)

    def check(built, wanted):
        np.testing.assert_allclose(built(outputs, targets, where=WHERE), wanted, rtol=1e-6)

    check(objective + objective, 2 * values)
    check(objective - 0.25 * objective, 0.75 * values)
    check(-objective, -values)
    check(objective * np.float32(3), 3 * values)
    check(np.float32(3) * objective, 3 * values)
    check(jnp.float32(3) * objective, 3 * values)


@EVERY
def test_vmap_over_a_weight_equals_a_loop(name):
    objective, outputs, targets = problem(name)
    weights = jnp.array([0.0, 0.5, -2.0])
    swept = jax.vmap(lambda w: (w * objective + objective)(outputs, targets))(weights)
    alone = objective(outputs, targets)
    for weight, values in zip(weights, swept, strict=True):
        np.testing.assert_allclose(values, (1 + weight) * alone, rtol=1e-5)


@EVERY
def test_batches_add(name):
    objective, outputs, targets = problem(name)
    whole = objectives.reduce(objective, outputs, targets, where=WHERE)
    parts = []
    for half in (slice(0, 2), slice(2, 4)):
        data = jax.tree.map(lambda leaf, half=half: leaf[half], (outputs, targets))
        parts.append(objectives.reduce(objective, *data, where=WHERE[half]))
    assert (float(whole.weight) == int(WHERE.sum())) == (name not in zoo.WEIGH_STEPS)
    np.testing.assert_allclose(parts[0].weight + parts[1].weight, whole.weight, rtol=1e-6)
    np.testing.assert_allclose((parts[0] + parts[1]).mean(), whole.mean(), rtol=1e-5)
