"""`BPTT` under every transformation of JAX, run in blocks, against `Scan`."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from jaxrnn import cells, engines, unroll
from jaxrnn.engines import _sets
from tests import zoo
from tests.laws.conftest import problem

T, BATCH = 6, (2,)
SCAN, BPTT = engines.Scan(), engines.BPTT(block=2)


def close(got, wanted, tolerance=1e-12):
    """Equal to `tolerance`, relative to the largest number of each leaf."""
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    paths = jax.tree_util.tree_leaves_with_path(got)
    for (path, a), b in zip(paths, jax.tree.leaves(wanted), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), path
        if a.dtype != jax.dtypes.float0:
            assert jnp.abs(a - b).max() <= tolerance * jnp.maximum(jnp.abs(b).max(), 1e-3), path


def agree(function, *args):
    """The results of `function(engine, *args)` are those with `Scan`; both in one program."""
    got, wanted = jax.jit(lambda *args: (function(BPTT, *args), function(SCAN, *args)))(*args)
    close(got, wanted)


def lopsided(tree):
    """A number to which every entry of the tree contributes differently."""
    return sum(
        (leaf * jnp.cos(1 + jnp.arange(leaf.size)).reshape(leaf.shape).astype(leaf.dtype)).sum()
        for leaf in jax.tree.leaves(tree)
    )


def run(engine, cell, params, xs, carry=None, **controls):
    return unroll(cell, params, xs, carry, engine=engine, **controls)


def holes(steps=T):
    """A mask with holes, and resets at steps that count and at one that does not."""
    mask = jnp.ones((steps, *BATCH), bool).at[2, 0].set(False).at[5, 1].set(False)
    resets = jnp.zeros((steps, *BATCH), bool).at[3, 0].set(True).at[2, 0].set(True)
    return {"mask": mask, "resets": resets.at[1, 1].set(True).at[4, 1].set(True)}


# --- blocks -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_size_of_block_gives_the_same(x64, key):
    cell = zoo.CELLS["leaky"]
    params, xs, carry = problem(cell, key, T, BATCH)

    @jax.jit
    def results(*args):
        def result(engine):
            def loss(*args):
                results = run(engine, cell, *args, **holes())
                return lopsided(results), results

            return jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(*args)

        return result(SCAN), [result(engines.BPTT(block)) for block in (1, 2, 3, 6)]

    wanted, each = results(params, xs, carry)
    for got in each:
        close(got, wanted)


def test_a_block_has_to_divide_the_steps(key):
    cell = zoo.CELLS["gru"]

    def impossible():
        return run(engines.BPTT(block=4), cell, cell.init(key), jnp.ones((6, zoo.I)))

    with pytest.raises(ValueError, match=r"block = 4 does not divide T = 6"):
        jax.eval_shape(impossible)


# --- derivatives ------------------------------------------------------------------------------


def test_derivatives_of_first_and_second_order(x64, key):
    cell = zoo.CELLS["gru"]
    args = problem(cell, key, 4, ())

    def derivatives(engine, *args):
        def results(*args):
            return run(engine, cell, *args)

        def loss(*args):
            return lopsided(jax.tree.map(jnp.square, results(*args)))

        def length(*args):  # of the gradient
            gradient = jax.grad(loss, (0, 1, 2))(*args)
            return sum((leaf**2).sum() for leaf in jax.tree.leaves(gradient))

        direction = jax.tree.map(jnp.cos, args)
        return {
            "jvp": jax.jvp(results, args, direction),
            "jacfwd": jax.jacfwd(results, 2)(*args),
            "jacrev": jax.jacrev(results, 2)(*args),
            "forward over reverse": jax.jvp(jax.grad(loss, (0, 1, 2)), args, direction),
            "reverse over reverse": jax.grad(length, (0, 1, 2))(*args),
        }

    agree(derivatives, *args)


def test_parts_of_the_arguments_and_of_the_results(x64, key):
    cell = zoo.CELLS["lstm"]
    params, xs, carry = problem(cell, key, T, BATCH)

    def gradients(engine, params, xs, carry):
        def loss(part, params, xs, carry):
            return lopsided(part(run(engine, cell, params, xs, carry)))

        def last(results):
            return results[0]

        def outputs(results):
            return results[1]

        def kernel_alone(kernel):
            return loss(outputs, params._replace(kernel=kernel), xs, carry)

        args = params, xs, carry
        return {
            "last": jax.grad(partial(loss, last), (0, 1, 2))(*args),
            "hidden": jax.grad(partial(loss, lambda r: r[0].hidden), (0, 1, 2))(*args),
            "outputs": jax.grad(partial(loss, outputs), (0, 1, 2))(*args),
            "carry": jax.grad(partial(loss, last), 2)(*args),
            "params": jax.grad(partial(loss, outputs))(*args),
            "kernel": jax.grad(kernel_alone)(params.kernel),
        }

    agree(gradients, params, xs, carry)


# --- vmap -------------------------------------------------------------------------------------


def test_vmap(x64, key, monkeypatch):
    monkeypatch.setattr(_sets, "_BUSY", 0)  # in turn; the laws run sets as tiny as these at once

    def cell_of(leak):
        return cells.Leaky(zoo.I, zoo.H, leak)

    leaks = jnp.array([0.2, 0.5, 0.9])
    keys = jax.random.split(key, 3)
    many, _, _ = jax.vmap(lambda key: problem(cell_of(leaks[0]), key, 4, BATCH))(keys)
    params = jax.tree.map(lambda leaf: leaf[0], many)
    _, xs, carry = problem(cell_of(leaks[0]), key, 4, (3, *BATCH))

    def results(engine, many, params, leaks, xs, carry):
        def loss(leak, params, xs, carry):
            return lopsided(run(engine, cell_of(leak), params, xs, carry, **holes(4)))

        both = jax.value_and_grad(loss, (0, 1, 2, 3))
        leak = leaks[0]
        x, c = xs[:, 0], carry[0]
        data = (None, None, 1, 0)
        kernels = params._replace(kernel=many.kernel)
        axes = type(params)(kernel=0, recurrent=None, bias=None)

        def mean(*args):
            return jax.vmap(loss, data)(*args).mean()

        def of_leaks(leaks, params):
            return jax.vmap(loss, (0, None, None, None))(leaks, params, x, c).sum()

        return {
            "of gradients, data": jax.vmap(both, data)(leak, params, xs, carry),
            "inside, data": jax.value_and_grad(mean, (0, 1, 2, 3))(leak, params, xs, carry),
            "kernel": jax.vmap(both, (None, axes, None, None))(leak, kernels, x, c),
            "leak": jax.vmap(both, (0, None, None, None))(leaks, params, x, c),
            "inside, leak": jax.grad(of_leaks, (0, 1))(leaks, params),
            "params and data": jax.vmap(jax.vmap(both, data), (None, 0, None, None))(
                leak, many, xs, carry
            ),
        }

    agree(results, many, params, leaks, xs, carry)


# --- cells of a user --------------------------------------------------------------------------


class PeepholeParams(NamedTuple):
    """Two parameters of the products, one of the gate."""

    kernel: jax.Array
    recurrent: jax.Array
    peephole: jax.Array


class PeepholeRule(cells.Rule):
    """The derivative of `Peephole` while the peephole is constant."""

    def remember(self, cell, params, carry, u, r):
        h, y = cell.gate(params, carry, u, r)
        return (h, y), h

    def linearize(self, cell, params, carry, memory):
        return 1 - memory**2

    def push(self, cell, params, point, d_carry, d_z):
        wide = jnp.broadcast_to(params.peephole, d_carry.shape)
        d_h = point * (d_z + wide * d_carry)
        return d_h, d_h


class Peephole(cells.GatedCell):
    """`h = tanh(u + r + peephole * h)`, with a rule for a peephole that is constant."""

    rule = PeepholeRule()

    def init(self, key):
        shapes = PeepholeParams((zoo.I, zoo.H), (zoo.H, zoo.H), (zoo.H,))
        return PeepholeParams(*(0.5 * jax.random.normal(key, shape) for shape in shapes))

    def carry(self, params, batch=()):
        return jnp.zeros((*batch, zoo.H), params.kernel.dtype)

    def project(self, params, x):
        return x @ params.kernel

    def mix(self, params, carry):
        return carry @ params.recurrent

    def gate(self, params, carry, u, r):
        h = jnp.tanh(u + r + jnp.broadcast_to(params.peephole, carry.shape) * carry)
        return h, h


class Event(NamedTuple):
    """Inputs of `Switched`: features, and a whole number."""

    features: jax.Array
    symbol: jax.Array


class Switched(cells.GatedCell):
    """A cell that looks its symbol up, and whose gate reads the symbol too."""

    def init(self, key):
        return {
            "kernel": 0.5 * jax.random.normal(key, (zoo.I, zoo.H)),
            "recurrent": 0.5 * jax.random.normal(key, (zoo.H, zoo.H)),
            "table": jax.random.normal(key, (5, zoo.H)),
        }

    def carry(self, params, batch=()):
        return jnp.zeros((*batch, zoo.H), params["kernel"].dtype)

    def project(self, params, x):
        u = x.features @ params["kernel"] + params["table"][x.symbol[..., 0]]
        return Event(u, x.symbol)

    def mix(self, params, carry):
        return carry @ params["recurrent"]

    def gate(self, params, carry, u, r):
        h = jnp.where(u.symbol % 2 == 0, jnp.tanh(u.features + r), carry * jnp.cos(r))
        return h, h * u.features


@pytest.mark.parametrize("cell", [Peephole(), Switched()], ids=["peephole", "switched"])
def test_cells_of_a_user(cell, x64, key):
    params = cell.init(key)
    xs = jax.random.normal(key, (T, *BATCH, zoo.I))
    if isinstance(cell, Switched):
        xs = Event(xs, jax.random.randint(key, (T, *BATCH, 1), 0, 5))
    carry = jax.random.normal(key, (*BATCH, zoo.H))

    def results(engine, params, xs, carry):
        def cut(params, xs, carry):
            return lopsided(run(engine, cell, params, xs, carry, **holes()))

        def products(kernel):  # no parameter of the gate has a derivative
            if isinstance(cell, Switched):
                return cut({**params, "kernel": kernel}, xs, carry)
            return cut(params._replace(kernel=kernel), xs, carry)

        point = params, carry
        return {
            "all": jax.value_and_grad(cut, (0, 1, 2), allow_int=True)(params, xs, carry),
            "products": jax.grad(products)(jax.tree.leaves(params)[0]),
            "jvp": jax.jvp(lambda p, c: cut(p, xs, c), point, point),
        }

    agree(results, params, xs, carry)


# --- types ------------------------------------------------------------------------------------


def test_gradients_of_bfloat16(key):
    cell = zoo.CELLS["leaky"]
    params, xs, _ = problem(cell, key, 128, BATCH)
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (params, xs))
    full = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), half)

    def gradients(params, xs):
        def loss(params, xs):
            _, ys = run(BPTT, cell, params, xs)
            return (ys.astype(jnp.float32) ** 2).mean()

        return jax.grad(loss, (0, 1))(params, xs)

    got, wanted = jax.jit(lambda half, full: (gradients(*half), gradients(*full)))(half, full)
    assert {leaf.dtype for leaf in jax.tree.leaves(got)} == {jnp.dtype(jnp.bfloat16)}
    close(jax.tree.map(lambda leaf: leaf.astype(jnp.float32), got), wanted, 2**-6)


# --- inside other programs --------------------------------------------------------------------


def loss_of(engine, params, xs, carry):
    """A loss that is a sum over the batch."""
    last, ys = run(engine, zoo.CELLS["gru"], params, xs, carry)
    return (ys**3).sum() + (last**2).sum()


def test_inside_checkpoint_and_scan(x64, key):
    def results(engine, *args):
        def in_scan(params, xs, carry):
            def body(carry, x):
                carry, ys = run(engine, zoo.CELLS["gru"], params, x, carry)
                return carry, ys.sum()

            return lopsided(jax.lax.scan(body, carry, jnp.stack([xs, -xs])))

        loss = jax.checkpoint(partial(loss_of, engine))
        return {
            "checkpoint": jax.grad(loss, (0, 1, 2))(*args),
            "scan": jax.value_and_grad(in_scan, (0, 1, 2))(*args),
        }

    agree(results, *problem(zoo.CELLS["gru"], key, 4, BATCH))


def test_over_devices(x64, key):
    mesh = Mesh(np.array(jax.devices()[:2]), ("batch",))
    columns, rows, same = PartitionSpec(None, "batch"), PartitionSpec("batch"), PartitionSpec()
    args = problem(zoo.CELLS["gru"], key, 4, (4,))
    # With JAX's check of what varies over devices: see test_devices.py.
    shard = partial(
        jax.shard_map, mesh=mesh, in_specs=(same, columns, rows), out_specs=same, check_vma=False
    )

    @shard
    def total(params, xs, carry):
        return jax.lax.psum(loss_of(BPTT, params, xs, carry), "batch")

    @shard
    def gradient(params, xs, carry):
        return jax.lax.psum(jax.grad(partial(loss_of, BPTT))(params, xs, carry), "batch")

    @jax.jit
    def both(*args):
        got = jax.value_and_grad(total, (0, 1, 2))(*args), gradient(*args)
        return got, jax.value_and_grad(partial(loss_of, SCAN), (0, 1, 2))(*args)

    (outside, inside), wanted = both(*args)
    close(outside, wanted)
    close(inside, wanted[1][0])


# --- what the loops hold ----------------------------------------------------------------------


def equations_of(jaxpr, name):
    """All equations of a primitive, those of functions inside too."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == name:
            yield equation
        for value in equation.params.values():
            if hasattr(value, "jaxpr"):
                yield from equations_of(value.jaxpr, name)


def products_in_loops(jaxpr):
    """The shape of every product that is computed at every step."""
    for loop in equations_of(jaxpr, "scan"):
        for product in equations_of(loop.params["jaxpr"].jaxpr, "dot_general"):
            yield product.outvars[0].aval.shape


def test_gradients_of_weights_are_computed_outside_the_loop(key):
    args = problem(zoo.CELLS["gru"], key, T, BATCH)

    def products(engine):
        gradient = jax.grad(partial(loss_of, engine), (0, 1, 2))
        return set(products_in_loops(jax.make_jaxpr(gradient)(*args).jaxpr))

    forward, backward = (*BATCH, 3 * zoo.H), (*BATCH, zoo.H)
    assert products(engines.BPTT()) == {forward, backward}
    assert products(SCAN) > {forward, backward}  # and the gradient of the recurrent kernel


@pytest.mark.parametrize(
    ("name", "stored"),
    # The carry before a step, the output, and the sum where the slope does not follow from it.
    [("elman_tanh", 2), ("elman_relu", 2), ("ind_rnn", 2), ("leaky", 3)],
)
def test_an_output_that_the_derivative_needs_is_stored_once(name, stored, key):
    args = problem(zoo.CELLS[name], key, T, BATCH)
    loss = partial(lambda cell, *args: lopsided(unroll(cell, *args)), zoo.CELLS[name])
    loop = next(equations_of(jax.make_jaxpr(jax.grad(loss))(*args).jaxpr, "scan"))
    written = [*equations_of(loop.params["jaxpr"].jaxpr, "dynamic_update_slice")]
    assert len(loop.outvars) - loop.params["num_carry"] + len(written) == stored


@pytest.mark.parametrize(("name", "many"), [("lstm", True), ("gru", True), ("elman_tanh", False)])
def test_a_step_of_many_arrays_is_a_function_on_a_cpu(name, many, key):
    cell = zoo.CELLS[name]
    gradient = jax.jit(jax.grad(lambda *args: lopsided(unroll(cell, *args))))
    traced = gradient.trace(*problem(cell, key, T, BATCH))
    for platform, marked in {"cpu": many, "cuda": False}.items():
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert ("inlineable" in text) == marked


def test_what_jax_differentiates_is_a_scan(key):
    """In a loop that reads out of whole arrays, every step would add to the cotangents of all."""
    args = problem(zoo.CELLS["gru"], key, T, BATCH)

    def slope(*args):
        return lopsided(jax.grad(partial(loss_of, engines.BPTT()))(*args))

    traced = jax.make_jaxpr(jax.grad(slope))(*args).jaxpr
    loops = [loop.params["jaxpr"].jaxpr for loop in equations_of(traced, "scan")]
    differentiated = [loop for loop in loops if not [*equations_of(loop, "xla_metadata_value")]]
    assert differentiated
    for loop in differentiated:
        assert not [*equations_of(loop, "dynamic_update_slice")]


# --- a single sequence ------------------------------------------------------------------------


class ForBatches(cells.GatedCell):
    """A cell that takes one batch axis and no fewer."""

    cell: cells.GatedCell

    def init(self, key):
        return self.cell.init(key)

    def carry(self, params, batch=()):
        return self.cell.carry(params, batch)

    def project(self, params, x):
        return self.cell.project(params, x)

    def mix(self, params, carry):
        return self.cell.mix(params, carry)

    def gate(self, params, carry, u, r):
        halves = jnp.split(carry, 2, axis=1)
        return self.cell.gate(params, jnp.concatenate(halves, axis=1), u, r)


def values_and_gradients(cell, options, engine, *args):
    """Of everything that `unroll` returns."""

    def loss(*args):
        last, ys = run(engine, cell, *args, **options)
        return lopsided((last, ys)), (last, ys)

    return jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(*args)


@pytest.mark.parametrize(
    ("cell", "batch", "alone"),
    [
        (zoo.CELLS["gru"], (1,), True),
        (zoo.CELLS["lstm"], (1, 1), True),
        (zoo.CELLS["learned_carry"], (1, 1), True),
        (cells.Zoneout(cells.Elman(zoo.I, zoo.H), 0.2), (1,), True),
        (ForBatches(Peephole()), (1,), False),
        (cells.StateDropout(cells.GRU(zoo.I, zoo.H), 0.5), (1,), True),
        (zoo.CELLS["gru"], (2, 1), False),
    ],
)
def test_the_loop_of_a_single_sequence_has_no_batch(cell, batch, alone, x64, key):
    args = problem(cell, key, T, batch)
    options = {"key": key} if isinstance(cell, cells.StateDropout) else {}
    results = partial(values_and_gradients, cell, options)
    traced = jax.make_jaxpr(partial(results, engines.BPTT()))(*args)
    axes = {len(shape) for shape in products_in_loops(traced.jaxpr)}
    assert axes == {1 if alone else 1 + len(batch)}
    close(*(jax.jit(partial(results, engine))(*args) for engine in (engines.BPTT(), SCAN)))


def test_resets_of_a_single_sequence(x64, key):
    args = problem(zoo.CELLS["lstm"], key, T, (1,))
    resets = jnp.zeros((T, 1), bool).at[2].set(True)
    results = partial(values_and_gradients, zoo.CELLS["lstm"], {"resets": resets})
    close(*(jax.jit(partial(results, engine))(*args) for engine in (engines.BPTT(), SCAN)))
