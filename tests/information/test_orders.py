"""Rényi, Tsallis and min-entropies: limits, derivatives, edges; accuracy in `test_accuracy`."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info

INF = jnp.inf
LEAST = jnp.finfo(jnp.float32).min
EDGES = np.array(
    [
        [-INF, 0.0, 1.0],
        [-INF, -INF, 0.0],
        [-INF, -INF, -INF],
        [0.0, 0.0, 0.0],
        [1e3, 0.0, -1e3],
        [3e38, -3e38, 0.0],
        [LEAST, LEAST, 1.0],
    ],
    np.float32,
)
ORDERS = np.array([0.0, 0.5, 1 - 1e-6, 1.0, 1 + 1e-6, 2.0, 1e30, INF], np.float32)


@jax.jit
def both(z, orders):
    return info.renyi_entropy(z, orders), info.tsallis_entropy(z, orders)


def test_reference_values(x64):
    z = jnp.log(jnp.array([[0.7, 0.2, 0.1, 0.0]] * 2))
    renyi, tsallis = both(z, jnp.array([0.5, 2.0]))
    np.testing.assert_allclose(renyi, [0.9401339895, 0.6161861394], atol=5e-11)
    np.testing.assert_allclose(tsallis[1], 0.46, atol=1e-15)
    np.testing.assert_allclose(info.min_entropy(z), 0.3566749439, atol=5e-11)


def test_limits(x64):
    z = jnp.array([[0.3, -1.0, 2.0, -INF], [0.0, -800.0, -INF, -INF]])
    entropy, least = info.entropy(z), info.min_entropy(z)
    for order, renyis, tsallises in (
        (0.0, np.log([3, 2]), [2, 1]),
        (1.0, entropy, entropy),
        (1e300, least, 0),
        (INF, least, 0),
    ):
        renyi, tsallis = both(z, jnp.full(2, order))
        np.testing.assert_allclose(renyi, renyis, rtol=1e-14)
        np.testing.assert_allclose(tsallis, tsallises, rtol=1e-14, atol=1e-100)


def test_an_order_that_is_known_where_it_is_compiled():
    """Optimised, as it is not in other tests: a product and a sum are rounded once then."""
    z = jnp.array([[5.0, 5.0, 5.0], [0.0, 1.0, -INF]])
    optimised = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 3})
    got = optimised(lambda z: info.renyi_entropy(z, INF))(z)
    np.testing.assert_allclose(got, info.min_entropy(z), rtol=1e-6)


def test_the_derivatives_by_the_order_at_1(x64):
    """By the cumulants of the surprisal: its variance, and its third one."""
    z = jnp.array([0.3, -1.0, 2.0])
    p, log_p = np.asarray(jax.nn.softmax(z)), np.asarray(jax.nn.log_softmax(z))
    deviations = -log_p + np.sum(p * log_p)
    slope = jax.jacfwd(info.renyi_entropy, 1)
    got = jax.jit(lambda order: (slope(z, order), jax.jacfwd(slope, 1)(z, order)))(jnp.array(1.0))
    wanted = -np.sum(p * deviations**2) / 2, np.sum(p * deviations**3) / 3
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@jax.jit
def derivatives(z):
    def of(f, *orders):
        by_all = jax.grad(f, range(1 + len(orders)))
        return [jax.vmap(lambda z, d=d: d(z, *orders))(z) for d in (f, by_all, jax.hessian(f))]

    def at(order):
        return of(info.renyi_entropy, order), of(info.tsallis_entropy, order)

    return of(info.min_entropy), jax.vmap(at)(ORDERS)


@pytest.mark.slow
def test_edges_are_finite_to_the_second_derivative():
    for value in jax.tree.leaves(derivatives(EDGES)):
        assert np.isfinite(value).all()


@jax.jit
def masked(z, classes):
    """Values at all orders, and their gradients."""

    def values(z):
        def at(order):
            f, g = info.renyi_entropy, info.tsallis_entropy
            return f(z, order, classes=classes), g(z, order, classes=classes)

        return jax.vmap(at)(ORDERS), info.min_entropy(z, classes=classes)

    return values(z), jax.jacrev(values)(z)


def test_what_is_impossible_takes_no_part():
    z, classes = jnp.array([1.0, jnp.nan, 2.0, -INF]), jnp.array([True, False, True, True])
    values, gradients = jax.tree.map(np.asarray, masked(z, classes))
    alone, _ = masked(z.at[1].set(-INF), jnp.full(4, True))
    for value, other, gradient in zip(
        *map(jax.tree.leaves, (values, alone, gradients)), strict=True
    ):
        np.testing.assert_array_equal(value, other)
        np.testing.assert_array_equal(gradient[..., [1, 3]], 0)
        assert np.isfinite(gradient).all()


def test_low_precision_and_nan():
    z, orders = jnp.array([[1.0, 2.0, 0.0], [0.0, 0.5, 4.0]]), jnp.array([-1.0, 2.0])
    for low, exact in zip(both(z.astype(jnp.bfloat16), orders), both(z, orders), strict=True):
        assert low.dtype == jnp.float32
        np.testing.assert_array_equal(low, exact)
        np.testing.assert_array_equal(np.isnan(low), [True, False])
    assert np.isnan(both(z.at[0, 0].set(jnp.nan), orders + 1)).tolist() == [[True, False]] * 2


@pytest.mark.parametrize("f", [info.renyi_entropy, info.tsallis_entropy])
@pytest.mark.parametrize(
    ("order", "error", "says"),
    [
        (-0.5, ValueError, r"order must lie in \[0, inf\], got -0.5"),
        (np.nan, ValueError, r"order must lie in \[0, inf\], got nan"),
        (1j, TypeError, "order must be a real number, got complex"),
        (True, TypeError, "order must be a real number, got bool"),
        (np.ones(3), ValueError, r"one for each row of the logits, \(2,\); got shape \(3,\).*vmap"),
    ],
)
def test_errors(f, order, error, says):
    with pytest.raises(error, match=says):
        f(np.zeros((2, 3), np.float32), order)
