"""Values against exact ones, in float32 too, and derivatives against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info
from tests.information import exact

ORDERS = (0, 1e-3, 0.5, 1 - 1e-6, 1, 1 + 1e-6, 1.5, 2, 20)
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}
precisions = pytest.mark.parametrize("dtype", TOLERANCE)


def draws(dtype, rows=30):
    """Rows of logits from nearly uniform to nearly certain, in pairs from near to far."""
    rng = np.random.default_rng(0)
    p, step = rng.normal(size=(2, rows, 4))
    p *= np.geomspace(1e-3, 15, rows)[:, None]
    step *= rng.permutation(np.geomspace(1e-3, 10, rows))[:, None]
    p, q = p.astype(np.float32), (p + step).astype(np.float32)  # the same numbers for any dtype
    return p.astype(dtype), q.astype(dtype)


@jax.jit
def functions(p, q):
    members = jnp.stack([p, q, 2 * p - q])
    return {
        "entropy": info.entropy(p),
        "varentropy": info.varentropy(p),
        "min_entropy": info.min_entropy(p),
        "cross_entropy": info.cross_entropy(p, q),
        "kl_divergence": info.kl_divergence(p, q),
        "js_divergence": info.js_divergence(p, q),
        "ensemble": info.ensemble_uncertainty(members).epistemic,
        "reversed": info.kl_divergence(q, p),
    }


@precisions
def test_functions_of_logits(dtype, x64):
    p, q = draws(dtype)
    got = functions(p, q)
    for name in ("entropy", "varentropy", "min_entropy"):
        wanted = [*map(getattr(exact, name), p)]
        assert exact.relative_error(got[name], wanted) < TOLERANCE[dtype], name
    divergences = {
        "cross_entropy": exact.cross_entropy,
        "kl_divergence": exact.kl_divergence,
        "js_divergence": exact.epistemic,
        "ensemble": lambda p, q: exact.epistemic(p, q, 2 * p - q),
        "reversed": lambda p, q: exact.kl_divergence(q, p),
    }
    for name, function in divergences.items():
        assert exact.relative_error(got[name], [*map(function, p, q)]) < TOLERANCE[dtype], name


@jax.jit
def of_orders(z, orders):
    rows = jnp.broadcast_to(z, (len(orders), *z.shape))
    orders = jnp.broadcast_to(orders[:, None], rows.shape[:-1])
    return info.renyi_entropy(rows, orders), info.tsallis_entropy(rows, orders)


@precisions
def test_entropies_of_all_orders(dtype, x64):
    z, orders = draws(dtype, rows=12)[0], np.array(ORDERS, dtype)
    renyi, tsallis = of_orders(z, orders)
    wanted = [exact.renyi_entropy(row, order) for order in orders for row in z]
    assert exact.relative_error(renyi, wanted) < TOLERANCE[dtype]
    wanted = [exact.tsallis_entropy(row, order) for order in orders for row in z]
    assert exact.relative_error(tsallis, wanted) < TOLERANCE[dtype]


def every(p, q, orders):
    joint = jax.nn.softmax(p, axis=(0, 1))
    values = [
        [f(p, q) for f in (info.cross_entropy, info.kl_divergence, info.js_divergence)],
        info.ensemble_uncertainty(jnp.stack([p, q, p / 2])),
        [f(p, orders) for f in (info.renyi_entropy, info.tsallis_entropy)],
        info.min_entropy(p),
        info.mutual_information(joint),
        info.conditional_entropy(joint, given=0),
    ]
    return jnp.concatenate([value.ravel() for value in jax.tree.leaves(values)])


@pytest.mark.slow
def test_derivatives_equal_finite_differences(x64):
    """First and second ones, along a line through all arguments; `jax.vjp` transposes the same."""
    p, step = np.random.default_rng(0).normal(size=(2, 4, 4))
    q = p + np.array([1.0, 0.1, 1e-2, 1e-3])[:, None] * step  # from far to near
    p[0, 0] = q[0, 0] = p[1, 1] = -np.inf  # impossible under both, and under one
    point = p, q, np.array([0.3, 1 - 1e-4, 1.0, 30.0])
    direction = *np.random.default_rng(1).normal(size=(2, 4, 4)), np.array([1.0, -1, 0.5, 2])

    def along(t):
        return every(*(x + t * d for x, d in zip(point, direction, strict=True)))

    derivatives = jax.jit(lambda t: [f(t) for f in (along, slope, jax.jacfwd(slope))])
    slope, at = jax.jacfwd(along), 1e-5
    before, (_, first, second), after = (derivatives(t) for t in (-at, 0.0, at))
    np.testing.assert_allclose(first, (after[0] - before[0]) / (2 * at), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(second, (after[1] - before[1]) / (2 * at), rtol=1e-6, atol=1e-8)


@jax.jit
def derivatives(z, d, order):
    """Of functions of logits, the gradient and its change along a direction."""

    def values(z):
        alone = info.entropy(z), info.min_entropy(z), info.log_softmax(z)[0]
        return jnp.stack([*alone, info.renyi_entropy(z, order), info.tsallis_entropy(z, order)])

    return jax.jvp(jax.vmap(jax.jacrev(values)), (z,), (d,))


def test_derivatives_keep_their_digits(x64):
    """Where all classes are nearly as likely, and where one is almost certain."""
    near = [[1e-4, 0.0, 3e-4], [0.0, 2e-3, -1e-3]]
    z = np.array([*near, [20.0, 1.0, 0.0], [0.0, 35.0, -np.inf], [1.0, 0.0, 2.0]], np.float32)
    d, order = np.random.default_rng(0).normal(size=z.shape).astype(np.float32), np.float32(8)
    single = derivatives(z, d, order)
    double = derivatives(z.astype(float), d.astype(float), order.astype(float))
    for got, wanted in zip(single, double, strict=True):
        largest = np.maximum(np.abs(wanted).max(-1, keepdims=True), 1e-30)
        np.testing.assert_allclose(np.asarray(got) / largest, wanted / largest, atol=3e-6)
