"""Linear cells over a long sequence: in parallel they are what they are step by step."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, engines, unroll
from tests import zoo

STEPS = 16_384
ONE_OF_EACH_FORM = ["lru", "linoss", "s6", "slice"]
"""Complex and in pairs, of every step its own, and dense."""
LINEAR = [name for name, cell in zoo.CELLS.items() if issubclass(cell.kind, cells.LinearCell)]


def long_problem(name, dtype):
    """A cell with parameters as they start, and a long sequence of noise."""
    cell = zoo.CELLS[name]
    if name == "slice":  # which nothing bounds: at the zoo's step it overflows
        cell = dataclasses.replace(cell, step_size=1e-3)
    xs = jax.random.normal(jax.random.key(1), (STEPS, zoo.I))
    return cell, *jax.tree.map(lambda leaf: leaf.astype(dtype), (cell.init(jax.random.key(0)), xs))


def difference(run, *arguments):
    """The largest one between both engines, relative to the largest number of each result."""
    got, wanted = (
        jax.jit(partial(run, engine=engine))(*arguments)
        for engine in (engines.Associative(), engines.Scan())
    )
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(got))
    return max(
        float(np.abs(a - b).max() / np.abs(b).max())
        for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True)
    )


@pytest.mark.slow  # long programs, which take long to compile
@pytest.mark.parametrize("name", LINEAR)
def test_associative_is_scan_in_float32(name):
    """Outputs. Gradients of decays and frequencies are further off than that, in a scan too."""
    cell, params, xs = long_problem(name, jnp.float32)

    def outputs(params, xs, engine):
        return unroll(cell, params, xs, engine=engine)[1]

    assert difference(outputs, params, xs) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_OF_EACH_FORM)
def test_associative_is_scan_in_float64(name, x64):
    """Outputs, last carry and gradients; the laws say so of every cell, over few steps."""
    cell, params, xs = long_problem(name, jnp.float64)

    def everything(params, xs, engine):
        def loss(params, xs):
            last, ys = unroll(cell, params, xs, engine=engine)
            return (ys * jnp.cos(jnp.arange(1.0 * STEPS))[:, None]).sum(), (last, ys)

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, xs)

    assert difference(everything, params, xs) <= 1e-10


@pytest.mark.parametrize("name", ["s4d", "s6"])
def test_blocks_of_linear_scan_are_the_whole(name, x64, monkeypatch):
    """With a last block that is shorter, padding, and resets at a border and inside.

    In a shape of its own: how JAX has traced a recurrence of one shape it remembers.
    """
    cell, batch = zoo.CELLS[name], 5
    xs = jax.random.normal(jax.random.key(1), (7, batch, zoo.I))
    params, xs = jax.tree.map(lambda leaf: leaf.astype(float), (cell.init(jax.random.key(0)), xs))
    resets = jnp.zeros((7, batch), bool).at[3, 0].set(True).at[4, 1].set(True)
    lengths = jnp.array([7, 5, 7, 0, 1])

    def differentiated(engine):
        def loss(params, xs):
            last, ys = unroll(cell, params, xs, lengths=lengths, resets=resets, engine=engine)
            return sum((abs(leaf) ** 2).sum() for leaf in jax.tree.leaves((last, ys)))

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))

    whole = differentiated(engines.Scan())(params, xs)
    state = sum(leaf.nbytes for leaf in jax.tree.leaves(cell.carry(params, (batch,))))
    monkeypatch.setattr(engines._linear_scan, "_BLOCK", 3 * state)
    monkeypatch.setattr(engines._linear_scan, "_LARGER", 0)
    run = differentiated(engines.LinearScan())
    assert str(jax.make_jaxpr(run)(params, xs)).count("scan[") > 4
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12), run(params, xs), whole
    )
