"""Devices: donated carries, explicit meshes, export, lowering for other platforms.

Of data parallelism under `jit` and inside `shard_map` see `tests/laws/test_devices.py`.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from jax.sharding import PartitionSpec

from jaxrnn import cells, engines, unroll
from tests import zoo
from tests.laws.conftest import problem

ENGINES = {
    **zoo.ENGINES,
    "truncated_bptt": engines.Truncated(engines.BPTT(), 2),
    "auto": engines.Auto(),
    "newton": engines.Newton(),
    "offloaded": engines.Offloaded(engines.BPTT(), 2),
}
T, B = 6, 4
EVERY = pytest.mark.parametrize(
    "name, engine",
    [
        *(
            ("lstm", e)
            for e in ("scan", "bptt", "chunked_bptt", "truncated_bptt", "newton", "auto")
        ),
        *(("learned_carry", e) for e in ("bptt", "truncated_bptt")),
        *(("lru", e) for e in ("scan", "associative", "chunked", "auto")),
        ("linoss", "associative"),
        *((cell, "chunkwise") for cell in ("mlstm", "kda")),
    ],
)
COLUMNS = PartitionSpec(None, "data")


@functools.cache
def small(name):
    cell = zoo.CELLS[name]
    params, xs, carry = problem(cell, jax.random.key(0), steps=T, batch=(B,))
    return cell, params, xs, carry


def loss_and_gradient(cell, engine):
    """With lengths and resets, which the batch's every sequence has others of."""

    def loss(params, xs, lengths, resets):
        flags = {"lengths": lengths, "resets": resets, "engine": ENGINES[engine]}
        last, ys = unroll(cell, params, xs, **flags)
        return (ys**2).sum() + sum((jnp.abs(c) ** 2).sum() for c in jax.tree.leaves(last))

    return jax.value_and_grad(loss)


@functools.cache
def compiled(name, engine):
    """On one device. What is compared with it is compiled for several."""
    return jax.jit(loss_and_gradient(small(name)[0], engine))


LENGTHS = jnp.array([6, 3, 0, 5])
RESETS = jnp.zeros((T, B), bool).at[2, :2].set(True).at[4, 3].set(True)


def near(got, wanted):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@EVERY
def test_a_mesh_of_explicit_axes(name, engine):
    """The default of `jax.make_mesh`; lengths and resets may be whole on every device."""
    _, params, xs, _ = small(name)
    run = compiled(name, engine)
    with jax.set_mesh(jax.make_mesh((4,), ("data",))):
        divided = jax.device_put(xs, COLUMNS)
        whole = jax.device_put(params, PartitionSpec())
        got = jax.device_get(run(whole, divided, LENGTHS, RESETS))
    near(got, run(params, xs, LENGTHS, RESETS))


@pytest.mark.slow
@EVERY
def test_export_for_any_batch_and_any_number_of_steps(name, engine):
    cell, params, xs, _ = small(name)

    def outputs(params, xs):
        resets = jnp.broadcast_to(jnp.arange(xs.shape[0])[:, None] % 4 == 3, xs.shape[:2])
        return unroll(cell, params, xs, resets=resets, engine=ENGINES[engine])[1]

    outputs = jax.jit(outputs)

    def exported(symbols):
        shape = export.symbolic_shape(symbols, constraints=["t >= 1"] if "t" in symbols else [])
        return export.export(outputs)(params, jax.ShapeDtypeStruct(shape, xs.dtype))

    anything = exported("t, b, 3")
    for some in (xs[:1], jnp.concatenate([xs, xs, xs[:1]]), xs[:, :1]):
        near(anything.call(params, some), outputs(params, some))
    if engine == "auto":
        near(exported("6, b, 3").call(params, xs[:, :2]), outputs(params, xs[:, :2]))
        near(exported("t, 4, 3").call(params, xs[:5]), outputs(params, xs[:5]))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["bptt", "chunked_bptt", "truncated_bptt"])
@pytest.mark.parametrize("padded", [False, True])
def test_export_of_gradients_for_any_number_of_steps(engine, padded):
    """The gradient stops at the borders, and nowhere else."""
    cell, params, xs, _ = small("lstm")

    def gradient(params, xs):
        def loss(params, xs):
            mask = (
                jnp.arange(xs.shape[0])[:, None] % jnp.array([[9, 2, 3, 4]]) < 2 if padded else None
            )
            last, ys = unroll(cell, params, xs, mask=mask, engine=ENGINES[engine])
            return (ys**2).sum() + last.hidden.sum()

        return jax.grad(loss, (0, 1))(params, xs)

    shape = export.symbolic_shape("t,4,3", constraints=["t >= 1"])
    gradient = jax.jit(gradient)
    exported = export.export(gradient)(params, jax.ShapeDtypeStruct(shape, xs.dtype))
    for some in (xs, xs[:5], xs[:1]):
        near(exported.call(params, some), gradient(params, some))


@EVERY
def test_the_carry_can_be_donated(name, engine):
    cell, params, xs, _ = small(name)
    run = jax.jit(lambda c: unroll(cell, params, xs, c, engine=ENGINES[engine]), donate_argnums=0)
    carry = cell.carry(params, (B,))
    carry, _ = run(carry)
    run(carry)


def text(function, platform, *args):
    return jax.jit(function).trace(*args).lower(lowering_platforms=(platform,)).as_text()


def test_loops_are_lowered_by_platform():
    """Blocks, barriers and turned matrices are for a CPU, whatever the tracing machine is."""
    cell, params, _, _ = small("lstm")
    long = jnp.zeros((4096, 64, 3))
    gradient = jax.grad(lambda p, xs: unroll(cell, p, xs, engine=engines.BPTT())[1].sum())
    for platform, on_cpu in (("cpu", True), ("cuda", False), ("tpu", False)):
        program = text(gradient, platform, params, long)
        assert ("optimization_barrier" in program) == on_cpu
        assert ("tensor<16x256x64x16xf32>" in program) == on_cpu  # 16 blocks of 256 steps


def test_a_loop_traced_for_another_platform_is_run_as_this_one(monkeypatch):
    cell = cells.GRU(3, 5)  # of a size that no other test has traced already
    params, xs, _ = problem(cell, jax.random.key(0), steps=T, batch=(B,))

    def gradient(engine):
        loss = lambda p: (unroll(cell, p, xs, engine=engine)[1] ** 2).sum()  # noqa: E731
        return jax.jit(jax.grad(loss))(params)

    wanted = gradient(engines.Scan())
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    near(gradient(engines.BPTT()), wanted)
