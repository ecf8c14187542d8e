"""`Fused`: a kernel that is interpreted gives what `Scan` gives, and compiles where it can."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from jax.sharding import PartitionSpec

from jaxrnn import cells, engines, unroll
from jaxrnn.engines import _grid, _kernel
from jaxrnn.engines._tiles import Pair, Tiling
from tests import zoo
from tests.laws.conftest import problem
from tests.laws.test_engines import close, values_and_gradients

T, BATCH = 5, (5,)  # of which a group has two, so that one is filled up
FUSED, SCAN = engines.Fused(rows=2), engines.Scan()
MASK = jnp.ones((T, *BATCH), bool).at[2, 0].set(False).at[4, 1].set(False)
RESETS = jnp.zeros((T, *BATCH), bool).at[3, 0].set(True).at[2, 0].set(True).at[1, 3].set(True)
CONTROLS = {"mask": MASK, "resets": RESETS}


def both(name, key, controls):
    """What both engines give, in one program."""
    cell = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), zoo.CELLS[name])
    args = problem(cell, key, T, BATCH)

    @jax.jit
    def results(*args):
        return [values_and_gradients(*args, engine, controls) for engine in (FUSED, SCAN)]

    return results(cell, *args)


@pytest.mark.parametrize("name", ["elman_tanh", "gru", "lstm", "lru"])
def test_values_and_gradients_are_those_of_scan(name, x64, key):
    close(*both(name, key, CONTROLS), 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(zoo.CELLS) - {"elman_tanh", "gru", "lstm", "lru"}))
def test_every_cell_runs_in_a_kernel(name, x64, key):
    for controls in ({}, CONTROLS):
        close(*both(name, key, controls), 1e-12, str(controls))


@pytest.mark.slow
def test_derivatives_and_maps(x64, key):
    cell = zoo.CELLS["gru"]
    params, xs, carry = problem(cell, key, 3, BATCH)
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf]), params)

    def results(engine, params, xs, carry):
        def loss(params, xs, carry):
            last, ys = unroll(cell, params, xs, carry, engine=engine)
            return (ys**2).sum() + jnp.sin(last).sum()

        gradient, direction = jax.grad(loss), jax.tree.map(jnp.cos, params)

        def here(params):
            return gradient(params, xs, carry)

        def length(params):
            return sum((g**2).sum() for g in jax.tree.leaves(here(params)))

        return {
            "tangents": jax.jvp(partial(loss, xs=xs, carry=carry), (params,), (direction,)),
            "forward over reverse": jax.jvp(here, (params,), (direction,)),
            "reverse over reverse": jax.grad(length)(params),
            "data": jax.vmap(gradient, (None, 1, 0))(params, xs, carry),
            "weights": jax.vmap(gradient, (0, None, None))(many, xs, carry),
        }

    got, wanted = jax.jit(lambda *args: [results(engine, *args) for engine in (FUSED, SCAN)])(
        params, xs, carry
    )
    close(got, wanted, 1e-12)


# --- the kernel -----------------------------------------------------------------------------------


def step(carry, x):
    """Two states, a flag and an integer, the inputs with and without features."""
    (h, count), (u, flag) = carry, x
    new = jnp.where(flag[:, None], jnp.tanh(h + u), h)
    return (new, count + flag.astype(count.dtype)), (new[:, :2], flag & (count > 0))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("memory", [None, 1, 200])  # all steps at once, one, and some
def test_the_carry_passes_from_one_chunk_of_time_to_the_next(memory, reverse, key):
    carry = jnp.ones((4, 3)), jnp.arange(4)
    xs = jax.random.normal(key, (6, 4, 3)), jax.random.bernoulli(key, 0.5, (6, 4))
    run = partial(_kernel.scan_rows, step, rows=2, reverse=reverse)
    (equation,) = jax.make_jaxpr(run)(carry, xs).eqns
    kernel = equation.params["kernel"]
    target = _grid.Target("TPU", interpret=True, memory=memory)
    chunk = _grid.steps_at_once(target, kernel, _grid.Slots.of(kernel))
    assert chunk == {None: 6, 1: 1, 200: 3}[memory]
    got = _grid.call(target, kernel, *jax.tree.leaves((carry, xs)))
    wanted = jax.lax.scan(step, carry, xs, reverse=reverse)
    for a, b in zip(got, jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6)


def pieces(x, y):
    """What cells do to blocks of units, and its transpose."""
    a, b, c = jnp.split(x @ y, 3, axis=-1)
    d = jnp.concatenate([a * b, jax.nn.sigmoid(c), a[:, 2:]], -1)
    return d.sum(), jnp.pad(b, ((0, 0), (4, 8))) + 1, x.T, d[:, 4:8], d.reshape(-1, 2)


def waves(x, y):
    z = jax.lax.complex(x @ y, 1 - x @ y)
    return (z * jnp.conj(z) - 2j * z).real.sum(0), jnp.abs(z), jnp.where(z.real > 0, z, -z).imag


@pytest.mark.parametrize("function", [pieces, waves])
@pytest.mark.parametrize("unit", [None, 2, 4])
def test_a_function_of_tiles_is_the_function(function, unit, x64, key):
    x, y = jax.random.normal(key, (3, 4)), jax.random.normal(key, (4, 12))

    def derivative(x, y):
        results, pull = jax.vjp(function, x, y)
        return results, pull(jax.tree.map(jnp.sin, results))

    jaxpr, tiling = jax.make_jaxpr(derivative)(x, y), Tiling(unit)
    made = tiling.run(jaxpr.jaxpr, tiling.cut(x), tiling.cut(y))
    assert not any(isinstance(tiles, Pair) for tiles in made)
    for tiles, b in zip(made, jax.tree.leaves(derivative(x, y)), strict=True):
        assert tiles.shape == tiling.counts(b.shape)
        np.testing.assert_allclose(tiling.joined(tiles), b, rtol=1e-12, atol=1e-14)


# --- devices --------------------------------------------------------------------------------------

KERNELS = {"cuda": "__gpu$xla.gpu.triton", "tpu": "tpu_custom_call"}


def lowered(cell, platform, engine=engines.Fused(), dtype="float32"):  # noqa: B008
    def loss(params, xs):
        resets = jnp.broadcast_to(jnp.arange(xs.shape[0])[:, None] == 2, xs.shape[:2])
        return unroll(cell, params, xs, resets=resets, engine=engine)[1].sum()

    params = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype),
        jax.eval_shape(cell.init, jax.random.key(0)),
    )
    xs = jax.ShapeDtypeStruct((4, 20, cell.inputs), dtype)
    traced = jax.jit(jax.grad(loss)).trace(params, xs)
    return traced.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.slow
@pytest.mark.parametrize("platform", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "cell", [cells.Elman, cells.GRU, cells.LSTM, cells.ResetBeforeGRU, cells.LRU, cells.MinGRU]
)
def test_it_compiles_to_two_kernels_for_accelerators(cell, dtype, platform):
    """As far as this goes without a device: to the code for Triton's and Mosaic's compilers."""
    text = lowered(cell(16, 32), platform, dtype=dtype)
    assert text.count(f"@{KERNELS[platform]}") == 2


@pytest.mark.parametrize(
    "cell, engine, error, message",
    [
        (cells.GRU(3, 10), engines.Fused(), ValueError, "multiples of 16, got .10,."),
        (cells.GRU(3, 16), engines.Fused(12), ValueError, "power of two and at least 16, got 12"),
        (cells.BlockLSTM(3, 32, 2), engines.Fused(), NotImplementedError, "to a kernel for a GPU"),
    ],
)
def test_what_a_gpu_cannot_run_is_said(cell, engine, error, message):
    with pytest.raises(error, match=message):
        lowered(cell, "cuda", engine)


@pytest.mark.slow
def test_several_devices_run_it_under_shard_map(key):
    cell = zoo.CELLS["lstm"]
    params, xs, _ = problem(cell, key, T, (8,))

    def loss(params, xs):
        return (unroll(cell, params, xs, engine=FUSED)[1] ** 2).sum()

    everywhere, columns = PartitionSpec(), PartitionSpec(None, "data")
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))

    def summed(params, xs):
        return jax.lax.psum(jax.value_and_grad(loss)(params, xs), "data")

    specs = {"mesh": mesh, "in_specs": (everywhere, columns), "out_specs": everywhere}
    sharded = jax.jit(jax.shard_map(summed, **specs, check_vma=False))
    close(sharded(params, xs), jax.value_and_grad(loss)(params, xs), 1e-5)
    with pytest.raises(ValueError, match="check_vma=False"):
        jax.jit(jax.shard_map(summed, **specs)).trace(params, xs)


# --- what it cannot run ---------------------------------------------------------------------------


def test_arrays_that_are_not_for_a_kernel(key):
    cell = zoo.CELLS["gru"]
    params, xs, _ = problem(cell, key, T, (8,))

    def run(params, xs):
        return unroll(cell, params, xs, engine=FUSED)[1]

    any_size = export.symbolic_args_specs((params, xs), (None, "t, b, _"))
    with pytest.raises(ValueError, match="sizes that are numbers"):
        jax.eval_shape(run, *any_size)
    with jax.set_mesh(jax.make_mesh((4,), ("data",))):
        divided = jax.device_put(xs, PartitionSpec(None, "data"))
        with pytest.raises(ValueError, match=r"Use `jax.shard_map"):
            run(params, divided)


def test_cells_that_are_not_for_a_kernel(key):
    cell = zoo.OTHERS["state_dropout"]
    params, xs, _ = problem(cell, key, T, BATCH)
    with pytest.raises(ValueError, match=r"holds numbers for every sequence, use `Auto\(\)`"):
        unroll(cell, params, xs, key=key, engine=FUSED)

    def start(params, batch):
        return jax.random.split(jax.random.key(0), batch)

    def nothing(params, batch):
        return ()

    def kept(params, carry, x):
        return carry, x

    for carry, error, message in (
        (start, TypeError, "a carry with key<fry>"),
        (nothing, ValueError, "nothing recurs"),
    ):
        cell = cells.from_functions(init=zoo._init, carry=carry, step=kept)
        with pytest.raises(error, match=message):
            unroll(cell, params, xs, engine=FUSED)


def test_rows_have_to_be_some():
    with pytest.raises(ValueError, match="Fused: rows"):
        engines.Fused(rows=0)
