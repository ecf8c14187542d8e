"""Every engine gives the values and the gradients of `Scan`."""

import jax
import jax.numpy as jnp
import pytest
from jax.test_util import check_grads

from jaxrnn import engines, unroll
from tests import zoo
from tests.laws.conftest import problem


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


FLAGS = {
    "plain": lambda controls: {},
    "controls": lambda controls: controls,
    "controls_reversed": lambda controls: {**controls, "reverse": True},
}


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("name", zoo.CELLS)
def test_engines_agree_with_scan(name, flags, x64, key, controls):
    cell = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), zoo.CELLS[name])
    params, xs, carry = problem(cell, key)
    flags = FLAGS[flags](controls)

    @jax.jit  # one program for all engines
    def run(cell, params, xs, carry):
        return {
            engine: values_and_gradients(cell, params, xs, carry, zoo.ENGINES[engine], flags)
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


@pytest.mark.parametrize("name", zoo.CELLS)
def test_auto_chooses_an_engine_that_is_held_to_the_laws(name):
    assert engines.Auto().choose(zoo.CELLS[name]) in zoo.ENGINES.values()


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


@pytest.mark.parametrize("name", zoo.CELLS)
def test_gradients_by_finite_differences(name, x64, key):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key, steps=3, batch=())

    def outputs(params, xs, carry):
        last, ys = unroll(cell, params, xs, carry, resets=jnp.array([False, False, True]))
        return ys, last

    if name == "elman_relu":  # keep away from the kink, where no derivative exists
        params = params._replace(bias=jnp.ones_like(params.bias) * 3)
    order = 2 if name in ("lstm", "lru") else 1  # one cell of each kind twice: it takes long
    check_grads(jax.jit(outputs), (params, xs, carry), order=order, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", zoo.CELLS)
def test_the_default_supports_every_transform(name, x64, key, controls):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, key)

    def loss(xs):
        return (unroll(cell, params, xs, carry, **controls)[1] ** 2).sum()

    @jax.jit
    def transforms(xs, direction):
        pushed = jax.jvp(loss, (xs,), (direction,))[1]
        pulled = (jax.grad(loss)(xs) * direction).sum()
        forward = (jax.jacfwd(loss)(xs) * direction).sum()
        curvature = jax.jvp(jax.grad(loss), (xs,), (direction,))[1]
        again = jax.grad(lambda xs: jax.jvp(loss, (xs,), (direction,))[1])(xs)
        remat = (jax.grad(jax.checkpoint(loss))(xs) * direction).sum()
        return pushed, pulled, forward, curvature, again, remat

    pushed, pulled, forward, curvature, again, remat = transforms(xs, jnp.cos(xs))
    close([pulled, forward, remat], [pushed] * 3, 1e-12)
    close(again, curvature, 1e-12)


def test_hessian_of_the_default(x64, key):
    cell = zoo.CELLS["lstm"]
    params, xs, carry = problem(cell, key, steps=3, batch=())

    def loss(bias):
        return (unroll(cell, params._replace(bias=bias), xs, carry)[1] ** 2).sum()

    hessian = jax.hessian(loss)(params.bias)
    close(hessian, jax.jacrev(jax.jacrev(loss))(params.bias), 1e-12)
