"""Dropout: what is dropped, how often, and what remains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.networks import Dropout, VariationalDropout, stack

T, B, F = 40, 20, 30
ONES = jnp.ones((T, B, F))


@jax.jit
def dropped(layer, key):
    return layer.apply((), ONES, key=key)[1]


@pytest.mark.parametrize("kind", [Dropout, VariationalDropout])
@pytest.mark.parametrize("rate", [0.2, 0.75])
def test_rate_and_expectation(kind, rate, key):
    ys = np.asarray(dropped(kind(rate), key))
    kept = ys != 0
    np.testing.assert_allclose(ys[kept], 1 / (1 - rate), rtol=1e-6)
    draws = T * B * F if kind is Dropout else B * F
    deviation = (rate * (1 - rate) / draws) ** 0.5
    assert abs(float(kept.mean()) - (1 - rate)) < 5 * deviation
    assert abs(float(ys.mean()) - 1) < 5 * deviation / (1 - rate)


def test_dropout_changes_in_time(key):
    ys = dropped(Dropout(0.5), key)
    assert bool((ys[1:] != ys[:-1]).any(axis=(1, 2)).all())


def test_variational_dropout_is_constant_in_time_and_differs_in_the_batch(key):
    ys = dropped(VariationalDropout(0.5), key)
    np.testing.assert_array_equal(ys, jnp.broadcast_to(ys[:1], ys.shape))
    assert bool((ys[0, 1:] != ys[0, :-1]).any(axis=1).all())


def test_each_layer_of_a_stack_draws_its_own(key):
    layer = stack(Dropout(0.5), Dropout(0.5))
    ys = layer.apply(((), ()), ONES, key=key)[1]
    assert abs(float((ys != 0).mean()) - 0.25) < 0.02  # one mask twice would keep a half


def test_gradient_is_zero_where_dropped(key):
    gradient = jax.jit(jax.grad(lambda xs: Dropout(0.5).apply((), xs, key=key)[1].sum()))(ONES)
    np.testing.assert_array_equal(gradient, dropped(Dropout(0.5), key))


def test_the_rate_is_a_leaf(key):
    kept = jax.vmap(lambda rate: (dropped(Dropout(rate), key) != 0).mean())(jnp.array([0.0, 0.5]))
    assert float(kept[0]) == 1.0 and abs(float(kept[1]) - 0.5) < 0.02
