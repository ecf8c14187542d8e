"""What engines keep beside the laws of cells: segments of any length, borders, a Hessian."""

import jax
import jax.numpy as jnp
import pytest

from jaxrnn import engines, unroll
from tests import zoo
from tests.laws.conftest import problem
from tests.quick import some_of


def close(got, wanted, tolerance, who=""):
    """Equal to `tolerance`, relative to the largest number of each leaf."""
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype
        assert jnp.abs(a - b).max() <= tolerance * jnp.maximum(jnp.abs(b).max(), 1e-3), who


def values_and_gradients(cell, params, xs, carry, engine, controls):
    """Outputs, last carry, and the gradient of a lopsided loss with respect to everything."""

    def loss(cell, params, xs, carry):
        last, ys = unroll(cell, params, xs, carry, engine=engine, **controls)
        leaves = [ys, *jax.tree.leaves(last)]
        weighted = [
            (leaf * jnp.cos(jnp.arange(leaf.size).reshape(leaf.shape)).astype(leaf.dtype)).sum()
            for leaf in leaves
        ]
        return sum(w.real + 0.3 * w.imag for w in weighted), (last, ys)

    return jax.value_and_grad(loss, argnums=(0, 1, 2, 3), has_aux=True)(cell, params, xs, carry)


@pytest.mark.parametrize(
    "name", some_of(["lstm", "lru", "functions", "gated_delta"], {"lru", "functions"})
)
def test_segments_need_not_divide_the_steps(name, x64, key, controls):
    """One cell of each kind, with a segment left over at the end."""
    cell = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), zoo.CELLS[name])
    params, xs, carry = problem(cell, key)
    assert len(xs) % 3 and len(xs) % 2

    @jax.jit  # one program for all engines
    def run(cell, params, xs, carry):
        return {
            engine: values_and_gradients(cell, params, xs, carry, zoo.ENGINES[engine], controls)
            for engine in zoo.engines_for(name)
        }

    results = run(cell, params, xs, carry)
    for engine, result in results.items():
        close(result, results["scan"], 1e-12, engine)


def test_an_unrolled_loop_changes_nothing(x64, key, controls):
    cell = zoo.CELLS["gru"]
    params, xs, carry = problem(cell, key)
    wanted = unroll(cell, params, xs, carry, engine=engines.Scan(), **controls)
    close(unroll(cell, params, xs, carry, engine=engines.Scan(unroll=3), **controls), wanted, 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("engine", [engines.Scan(), engines.BPTT()])
@pytest.mark.parametrize("size", [1, 3, 9])
def test_truncated_stops_gradients_at_borders(engine, size, x64, key, controls):
    cell = zoo.CELLS["gru"]
    params, xs, carry = problem(cell, key, batch=())

    def truncated(params, carry):
        return unroll(cell, params, xs, carry, engine=engines.Truncated(engine, size))[1].sum()

    def by_hand(params, carry):
        total = 0.0
        for start in range(0, len(xs), size):
            carry = jax.lax.stop_gradient(carry) if start else carry
            carry, ys = unroll(cell, params, xs[start : start + size], carry)
            total += ys.sum()
        return total

    got = jax.value_and_grad(truncated, (0, 1))(params, carry)
    close(got, jax.value_and_grad(by_hand, (0, 1))(params, carry), 1e-12)


@pytest.mark.slow
def test_hessian_of_the_default(x64, key):
    cell = zoo.CELLS["lstm"]
    params, xs, carry = problem(cell, key, steps=3, batch=())

    def loss(bias):
        return (unroll(cell, params._replace(bias=bias), xs, carry)[1] ** 2).sum()

    hessian = jax.hessian(loss)(params.bias)
    close(hessian, jax.jacrev(jax.jacrev(loss))(params.bias), 1e-12)
