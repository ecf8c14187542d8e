"""Memories in chunks: long sequences, sharp decays, resets, poison, types, and what is kept."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from jaxrnn import cells, engines, unroll
from jaxrnn._numerics import decayed_products, inverse_of_unit_lower, summed_angles
from tests import zoo
from tests.quick import some_of

RANDOM = np.random.default_rng(0)


def normal(*shape):
    return jnp.asarray(RANDOM.normal(size=shape))


def test_decayed_products_against_a_plain_sum(x64):
    """Also where one step forgets everything, before and after which nothing is lost."""
    q, k = normal(7, 3), normal(7, 3)
    for size in (1, 3):
        decay = (-jnp.abs(normal(7, size))).at[4].set(-1e4)
        table = np.asarray(decay)
        (got, twice), since, until = decayed_products((q, 2 * q), k, decay)
        wanted = np.zeros((7, 7))
        for t in range(7):
            for s in range(t + 1):
                between = np.broadcast_to(np.sum(table[s + 1 : t + 1], 0), 3)
                wanted[t, s] = np.sum(np.asarray(q[t] * k[s]) * np.exp(between))
        np.testing.assert_allclose(got, wanted, rtol=1e-14, atol=1e-14)
        np.testing.assert_allclose(twice, 2 * wanted, rtol=1e-14, atol=1e-14)
        np.testing.assert_allclose(since, np.cumsum(table, 0), rtol=1e-14)
        np.testing.assert_allclose(until, np.sum(table, 0) - np.cumsum(table, 0), atol=1e-11)


def test_inverse_of_unit_lower_against_numpy(x64):
    lower = jnp.tril(normal(2, 5, 5), -1)
    wanted = np.linalg.inv(np.eye(5) + np.asarray(lower))
    np.testing.assert_allclose(inverse_of_unit_lower(lower), wanted, rtol=1e-13, atol=1e-13)
    direction = jnp.tril(normal(2, 5, 5), -1)
    got = jax.jvp(inverse_of_unit_lower, (lower,), (direction,))[1]
    np.testing.assert_allclose(got, -wanted @ direction @ wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_summed_angles_stay_exact():
    """Over 100,000 steps in float32: between near steps, to the rounding of an angle."""
    angles = np.full(100_000, 0.7, np.float32)
    exact = np.cumsum(angles, dtype=float)
    got = np.asarray(summed_angles(jnp.asarray(angles)), float)
    assert abs(got).max() <= np.pi + 1e-6
    apart = (got[100:] - got[:-100]) - (exact[100:] - exact[:-100])
    assert abs(np.angle(np.exp(1j * apart))).max() <= 1e-4


def random_problem(cell, steps):
    """Parameters not far from where they start, and inputs of two sequences."""
    params = cell.init(jax.random.key(0))
    params = jax.tree.map(lambda p: jnp.asarray(p + 0.2 * RANDOM.normal(size=p.shape)), params)
    return params, normal(steps, 2, *cell.input_shape)


def far(got, wanted):
    """The largest difference, relative to the largest number of each leaf."""
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True)
    return max(
        float(np.abs(np.asarray(a) - np.asarray(b)).max() / np.abs(b).max()) for a, b in pairs
    )


def results(cell, engine, params, xs):
    """Outputs, the last carry, and the gradients of a lopsided loss."""

    @jax.jit
    def run(params, xs):
        def loss(params, xs):
            last, ys = unroll(cell, params, xs, engine=engine)
            weights = jnp.cos(jnp.arange(1.0 * xs.shape[0])).astype(ys.dtype)
            return (ys.sum((1, 2)) * weights).sum(), (last, ys)

        return jax.grad(loss, (0, 1), has_aux=True)(params, xs)

    return run(params, xs)


@pytest.mark.parametrize("name", some_of(["mlstm", "kda"], {"mlstm"}))
def test_several_blocks_agree_with_scan(name, x64):
    """Long enough for blocks of blocks, and a last chunk that is filled up."""
    cell = zoo.CELLS[name]
    problem = random_problem(cell, 37)
    wanted = results(cell, engines.Scan(), *problem)
    assert far(results(cell, engines.Chunkwise(10), *problem), wanted) <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.MEMORY_CELLS)
def test_long_sequences_agree_with_scan(name, x64):
    """In float32 with a scan in float64. Heads have eight features.

    With two values a head, which are all but zero at some of the steps, the norm of what is read
    magnifies what rounding there is, step by step too.
    """
    cell = dataclasses.replace(zoo.CELLS[name], inputs=8, hidden=16, key_size=None)
    problem = random_problem(cell, 4096)
    wanted = results(cell, engines.Scan(), *problem)
    assert far(results(cell, engines.Chunkwise(64), *problem), wanted) <= 1e-10
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), problem)
    for size in (16, 128):
        assert far(results(cell, engines.Chunkwise(size), *narrow), wanted) <= 1e-4


@pytest.mark.slow
def test_chunks_that_erase_stay_exact(x64):
    """In float32, with many more updates than features of a key, in chunks of any size."""
    cell = zoo.CELLS["delta_product"]
    problem = random_problem(cell, 4096)
    wanted = results(cell, engines.Scan(), *problem)
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), problem)
    assert far(results(cell, engines.Chunkwise(128), *narrow), wanted) <= 1e-4


@pytest.mark.parametrize("engine", [engines.Scan(), engines.Chunkwise(3)])
def test_angles_that_depend_on_the_input(engine, x64):
    """Against the memory that turns: with several updates that erase, a mask and a reset."""
    cell, xs = Turning(), normal(9, 1, 2 * 29)
    mask = jnp.ones((9, 1), bool).at[2].set(False)
    resets = jnp.zeros((9, 1), bool).at[5].set(True)

    def at_once(xs):
        return unroll(cell, jnp.zeros(()), xs, mask=mask, resets=resets, engine=engine)

    def one_by_one(xs):
        memory, outs = cell.carry(jnp.zeros(()), (1,)), []
        for x, valid, begins in zip(xs, mask[:, 0], resets[:, 0], strict=True):
            before = jnp.where(begins, 0, memory)
            new, out = cell.step(jnp.zeros(()), before, x)
            memory = jnp.where(valid, new, before)
            outs.append(jnp.where(valid, out, 0))
        return memory, jnp.stack(outs)

    def both(run):
        def loss(xs):
            results = run(xs)
            return sum(jnp.cos(leaf).sum() for leaf in results), results

        return jax.jit(jax.grad(loss, has_aux=True))(xs)

    assert far(both(at_once), both(one_by_one)) <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kda"])
def test_every_transform(name, x64):
    """Those of the law about the default engine, which is a scan for cells as small as these."""
    cell = zoo.CELLS[name]
    params, xs = random_problem(cell, 5)

    def loss(xs):
        return (unroll(cell, params, xs, engine=engines.Chunkwise(3))[1] ** 2).sum()

    @jax.jit
    def transforms(xs, direction):
        pushed = jax.jvp(loss, (xs,), (direction,))[1]
        pulled = (jax.grad(loss)(xs) * direction).sum()
        forward = (jax.jacfwd(loss)(xs) * direction).sum()
        curvature = jax.jvp(jax.grad(loss), (xs,), (direction,))[1]
        again = jax.grad(lambda xs: jax.jvp(loss, (xs,), (direction,))[1])(xs)
        remat = (jax.grad(jax.checkpoint(loss))(xs) * direction).sum()
        return (pulled, forward, remat, again), (pushed, pushed, pushed, curvature)

    assert far(*transforms(xs, jnp.cos(xs))) <= 1e-12


@pytest.mark.parametrize("name", some_of(["mlstm", "gla"], {"gla"}))
def test_a_step_that_is_not_finite_reaches_what_it_reaches_in_a_scan(name):
    """Nothing before it, no other sequence, and nothing after a reset, in its own chunk too."""
    cell = zoo.CELLS[name]
    params, xs = random_problem(cell, 9)
    poisoned = xs.at[2, 0].set(jnp.nan).at[7, 1].set(jnp.nan)
    resets = jnp.zeros((9, 2), bool).at[4, 0].set(True)
    for flags in ({}, {"resets": resets}):
        wanted = unroll(cell, params, poisoned, engine=engines.Scan(), **flags)[1]
        got = unroll(cell, params, poisoned, engine=engines.Chunkwise(6), **flags)[1]
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)  # NaN where it is NaN
    assert bool(jnp.isfinite(got[4:, 0]).all())


def test_no_states_are_stacked():
    """The largest array of a forward pass is smaller than the states of all steps would be."""
    steps, batch = 256, 2
    for cell in (cells.GatedDelta(4, 32, 2), cells.GLA(4, 32, 2, 16)):
        params = jax.eval_shape(cell.init, jax.random.key(0))
        xs = jax.ShapeDtypeStruct((steps, batch, 4), jnp.float32)
        for engine in (engines.Scan(), engines.Chunkwise(16)):
            jaxpr = jax.make_jaxpr(lambda p, xs, c=cell, e=engine: unroll(c, p, xs, engine=e))
            largest = max(sizes_in(jaxpr(params, xs).jaxpr))
            assert largest < steps * batch * np.prod(cell.memory_shape)


def sizes_in(jaxpr):
    """The sizes of all arrays that a program computes."""
    for equation in jaxpr.eqns:
        yield from (var.aval.size for var in equation.outvars)
        for inner in jaxprs_in_params(equation.params):
            yield from sizes_in(inner)


@pytest.mark.parametrize("name", ["gla", "mlstm"])
def test_gates_wide_open_or_shut_have_finite_gradients(name):
    cell = zoo.CELLS[name]
    params, xs = random_problem(cell, 9)

    @jax.jit
    def gradients(params, xs):
        def loss(params, xs):
            return (unroll(cell, params, xs, engine=engines.Chunkwise(8))[1] ** 2).mean()

        return jax.grad(loss, (0, 1))(params, xs)

    for factor in (1e3, -1e3):
        large = jax.tree.map(lambda p, factor=factor: factor * p, params)
        assert all(bool(jnp.isfinite(g).all()) for g in jax.tree.leaves(gradients(large, xs)))


def test_what_is_refused():
    with pytest.raises(ValueError, match="Chunkwise: size must be at least 1, got 0"):
        engines.Chunkwise(0)
    with pytest.raises(TypeError, match=r"`Chunkwise` runs a `MemoryCell`, got `GRU`"):
        unroll(cells.GRU(3, 4), (), jnp.ones((5, 3)), engine=engines.Chunkwise())
    with pytest.raises(ValueError, match="GLA: hidden must be a multiple of heads, got 4 and 3"):
        cells.GLA(3, 4, 3)
    with pytest.raises(ValueError, match="RetNet: the features of a key are turned in pairs"):
        cells.RetNet(3, 6, 2)
    with pytest.raises(ValueError, match=r"DeltaNet: scale must lie in \[0, 2\], got 2.5"):
        cells.DeltaNet(3, 4, 2, scale=2.5)
    with pytest.raises(ValueError, match="DeltaProduct: updates must be at least 1, got 0"):
        cells.DeltaProduct(3, 4, 2, updates=0)


class Turning(cells.MemoryCell):
    """A memory of 2 heads of 4 x 3 numbers, which the inputs turn and update twice a step."""

    @property
    def memory_shape(self):
        return 2, 4, 3

    def init(self, key):
        return jnp.zeros(())

    def project(self, params, x):
        x = 0.5 * x.reshape(*x.shape[:-1], 2, 29)
        query, key, value, erase, turn, decay = jnp.split(x, (4, 12, 18, 26, 28), -1)
        key, value, erase = (x.reshape(*x.shape[:-1], 2, -1) for x in (key, value, erase))
        return cells.MemoryStep(query, key, value, -(decay**2), erase=erase, turn=turn)

    def read(self, params, out, x):
        return out.reshape(*out.shape[:-2], -1)


class Odd(cells.MemoryCell):
    """A cell whose step is what a test says."""

    step_of: cells.MemoryStep

    @property
    def memory_shape(self):
        return 2, 3, 4

    def init(self, key):
        return jnp.zeros(())

    def project(self, params, x):
        return self.step_of

    def read(self, params, out, x):
        return out


def test_steps_that_do_not_fit_are_refused():
    def refused(match, **fields):
        parts = {"query": 3, "key": 3, "value": 4, "log_decay": 1}
        step = cells.MemoryStep(**{n: jnp.zeros((5, 2, size)) for n, size in parts.items()})
        with pytest.raises(ValueError, match=match):
            unroll(Odd(step._replace(**fields)), jnp.zeros(()), jnp.ones((5, 1)))

    refused("Odd: the memory is 2 heads of .* query must be 3, got", query=jnp.zeros((5, 2, 4)))
    refused("log_decay must be 1 or 3", log_decay=jnp.zeros((5, 2, 2)))
    refused("has no erase", erase=jnp.zeros((5, 2, 3)), log_gate=jnp.zeros((5, 2)))
    refused("turned must decay alike", turn=jnp.zeros((5, 2, 1)), log_decay=jnp.zeros((5, 2, 3)))


def test_when_chunks_are_the_default_on_a_cpu():
    choose = engines.Auto().choose
    chunks, scan = engines.Chunkwise(32), engines.Scan()
    assert choose(cells.RetNet(4, 60, 4, 16)) == scan  # 16 x 15 numbers a head
    assert choose(cells.RetNet(4, 64, 4, 16)) == chunks
    assert choose(cells.DeltaNet(4, 64, 4, 16)) == scan  # which erases
    assert choose(cells.DeltaNet(4, 128, 4, 32)) == chunks
