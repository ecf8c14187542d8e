"""Functions of logits keep their relative accuracy, in float32 too, down to 1e-16 of a nat."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info
from tests.information import exact
from tests.quick import quick

ORDERS = (0, 1e-3, 0.5, 1 - 1e-6, 1, 1 + 1e-6, 1.5, 2, 20)
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}
precisions = pytest.mark.parametrize("dtype", TOLERANCE)


def draws(dtype, rows=30):
    """Rows of logits from nearly uniform to nearly certain, in pairs from near to far."""
    rng = np.random.default_rng(0)
    p, step = rng.normal(size=(2, rows, 4))
    p *= np.geomspace(1e-3, 10, rows)[:, None]
    step *= rng.permutation(np.geomspace(1e-3, 10, rows))[:, None]
    p, q = p.astype(np.float32), (p + step).astype(np.float32)  # the same numbers for any dtype
    return p.astype(dtype), q.astype(dtype)


@quick
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


@quick
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
