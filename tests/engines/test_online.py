"""Gradients while a sequence runs: against those of back-propagation, and the published ones."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AxisType, PartitionSpec

from jaxrnn import cells, constraints, engines, unroll
from jaxrnn.engines import RTRL, UORO, EProp, SnAp1, online_gradients, online_start, online_step
from tests import zoo
from tests.engines.test_bptt import BATCH, T, close, holes
from tests.laws.conftest import masked, problem
from tests.quick import SLOW, some


def squared(y, target):
    return ((y - target) ** 2).sum()


def read_out(weights, y, target):
    return squared(jnp.tanh(y @ weights), target)


def example(name, key, steps=T, batch=BATCH):
    """A cell of the zoo, with parameters, inputs and targets."""
    cell = zoo.CELLS[name]
    params, xs, _ = problem(cell, key, steps, batch)
    ys = jax.eval_shape(lambda *args: unroll(cell, *args)[1], params, xs)
    return cell, params, xs, jax.random.normal(key, ys.shape, ys.dtype)


def by_backpropagation(cell, params, xs, targets, mask, **controls):
    """The total loss, its gradient and the last carry."""

    def total(params):
        carry, ys = unroll(cell, params, xs, mask=mask, engine=engines.Scan(), **controls)
        return squared(masked(mask, ys), masked(mask, targets)), carry

    (value, carry), gradient = jax.value_and_grad(total, has_aux=True)(params)
    return value, gradient, carry


@pytest.mark.parametrize(
    "name", some("learned_carry", "lru", slow=("lstm", "delta_memory", "columns"))
)
def test_rtrl_is_backpropagation(name, x64, key):
    """Units that mix and units apart, a complex carry, a learned one, a matrix; every control."""
    cell, params, xs, targets = example(name, key)
    flags = holes()
    wanted = by_backpropagation(cell, params, xs, targets, **flags)
    bad = jnp.nan  # in the padding, of inputs and targets
    xs, targets = masked(flags["mask"], xs, bad), masked(flags["mask"], targets, bad)
    got = online_gradients(cell, params, xs, targets, squared, **flags)
    close((got.loss, got.gradient, got.carry), wanted, 1e-12)


def test_a_stream_with_a_readout(x64, key):
    cell, params, xs, _ = example("gru", key)
    readout, targets = jax.random.normal(key, (zoo.H, 2)), jax.random.normal(key, (T, *BATCH, 2))
    carry = jax.random.normal(key, (*BATCH, zoo.H))

    @jax.jit
    def everything(params, readout):
        def total(params, readout):
            ys = unroll(cell, params, xs, carry)[1]
            return squared(jnp.tanh(ys @ readout), targets), ys

        def body(state, step):
            state, result = online_step(cell, params, state, *step, read_out, readout=readout)
            return state, result

        state = online_start(cell, params, xs[0], carry)
        _, steps = jax.lax.scan(body, state, (xs, targets))
        summed = jax.tree.map(lambda leaf: leaf.sum(0), steps)
        whole = online_gradients(cell, params, xs, targets, read_out, carry, readout=readout)
        (value, ys), gradients = jax.value_and_grad(total, (0, 1), has_aux=True)(params, readout)
        return (
            (whole.loss, (whole.gradient, whole.readout)),
            (summed.loss, (summed.gradient, summed.readout)),
            steps.outputs,
            ((value, gradients), ys),
        )

    whole, summed, outputs, (wanted, ys) = everything(params, readout)
    close(whole, wanted)
    close(summed, wanted)
    close(outputs, ys)


@SLOW
def test_weights_that_are_computed_from_parameters(x64, key):
    """The influence is that of the weights, so that units are as far apart as without."""
    plain, params, xs, targets = example("gru", key)
    cell = cells.Constrained(plain, "recurrent", constraints.SpectrallyBounded(0.9))
    params = cell.init(key)
    wanted = by_backpropagation(cell, params, xs, targets, jnp.ones((T, *BATCH), bool))
    got = online_gradients(cell, params, xs, targets, squared)
    close((got.loss, got.gradient, got.carry), wanted)
    state = online_start(cell, params, xs[0], estimator=SnAp1())
    same = online_start(plain, plain.init(key), xs[0], estimator=SnAp1())
    assert jax.tree.map(jnp.shape, state.influence) == jax.tree.map(jnp.shape, same.influence)


@SLOW
def test_over_devices(key):
    cell, params, xs, targets = example("gru", key, 4, (4,))
    readout, columns, same = jnp.ones((zoo.H, 2)), PartitionSpec(None, "data"), PartitionSpec()
    targets = targets[..., :2]

    def gradients(params, readout, xs, targets):
        got = online_gradients(cell, params, xs, targets, read_out, readout=readout)
        return got.gradient, got.readout

    wanted = gradients(params, readout, xs, targets)
    mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,))
    specs = {"in_specs": (same, same, columns, columns), "out_specs": same}
    sharded = jax.jit(jax.shard_map(gradients, mesh=mesh, check_vma=True, **specs))
    close(sharded(params, readout, xs, targets), wanted, 1e-5)
    with jax.set_mesh(jax.make_mesh((2,), ("data",))):
        whole = jax.device_put((params, readout), same)
        divided = jax.device_put((xs, targets), columns)
        got = jax.device_get(jax.jit(gradients)(*whole, *divided))
    close(got, wanted, 1e-5)


# --- approximations: each against its paper's equations, written out -----------------------------


def influence_by_hand(cell, params, xs, targets, jacobian):
    """`M = J M + I` with matrices, and `d loss / d h  M`, for a cell whose output is its state."""

    def step(state, now):
        h, m, total = state
        x, target = now

        def new(params, h):
            return cell.step(params, h, x)[0]

        direct, j = jax.jacrev(new, (0, 1))(params, h)
        h = new(params, h)
        m = jax.tree.map(partial(jacobian, j), direct, m)
        learning = jax.grad(squared)(h, target)
        total = jax.tree.map(lambda t, m: t + jnp.tensordot(learning, m, 1), total, m)
        return (h, m, total), None

    zeros = jax.tree.map(lambda leaf: jnp.zeros((zoo.H, *leaf.shape)), params)
    start = cell.carry(params), zeros, jax.tree.map(jnp.zeros_like, params)
    return jax.jit(lambda: jax.lax.scan(step, start, (xs, targets))[0][2])()


def sparse(j, direct, m):
    """What a parameter reaches in one step is kept: the pattern of the direct influence."""
    return jnp.where(direct == 0, 0, direct + jnp.tensordot(j, m, 1))


@pytest.mark.parametrize("name", some("gru", slow=("leaky",)))
def test_snap_1_is_that_of_the_paper(name, x64, key):
    cell, params, xs, targets = example(name, key, 5, ())
    got = online_gradients(cell, params, xs, targets, squared, estimator=SnAp1())
    wanted = influence_by_hand(cell, params, xs, targets, sparse)
    close(got.gradient, wanted)
    exact = online_gradients(cell, params, xs, targets, squared).gradient
    distance = [abs(a - b).max() for a, b in zip(exact, wanted, strict=True)]
    assert min(map(float, distance)) > 1e-3


@SLOW
def test_where_units_are_apart_nothing_is_left_out(x64, key):
    cell, params, xs, targets = example("lru", key, 4, ())
    wanted = by_backpropagation(cell, params, xs, targets, jnp.ones(4, bool))[1]
    for estimator in (SnAp1(), EProp()):
        got = online_gradients(cell, params, xs, targets, squared, estimator=estimator)
        close(got.gradient, wanted)


def test_e_prop_is_the_gradient_with_constant_recurrent_inputs(x64, key):
    cell, params, xs, targets = example("lstm", key)

    def total(params):
        def step(carry, x):
            h, c = carry
            z = x @ params.kernel + params.bias + jax.lax.stop_gradient(h) @ params.recurrent
            i, f, g, o = jnp.split(z, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((*BATCH, zoo.H))
        return squared(jax.lax.scan(step, (zeros, zeros), xs)[1], targets)

    with jax.numpy_rank_promotion("allow"):
        wanted = jax.jit(jax.grad(total))(params)
    got = online_gradients(cell, params, xs, targets, squared, estimator=EProp())
    close(got.gradient, wanted)


def test_uoro_is_right_in_the_mean(x64, key):
    """Of 4,000 estimates the mean is within its standard error, and no single one is near."""
    start = cells.LearnedCarry(cells.Elman(2, 3))
    params = jax.tree.map(lambda leaf: leaf + 0.3, start.init(key))
    xs, targets = jax.random.normal(key, (4, 2)), jnp.ones((4, 3))
    exact = online_gradients(start, params, xs, targets, squared).gradient

    @jax.jit
    @jax.vmap
    def estimate(key):
        run = partial(online_gradients, start, params, xs, targets, squared, key=key)
        return run(estimator=UORO()).gradient

    estimates = estimate(jax.random.split(key, 4000))
    for sample, wanted in zip(jax.tree.leaves(estimates), jax.tree.leaves(exact), strict=True):
        error = sample.std(0) / len(sample) ** 0.5
        assert bool((abs(sample.mean(0) - wanted) < 4.5 * error).all())
        assert bool((sample.std(0) > 0.05 * abs(wanted)).any())


# --- memory, types, errors ----------------------------------------------------------------------


@pytest.mark.parametrize("estimator", some(RTRL(), slow=(SnAp1(), UORO())))
def test_memory_does_not_depend_on_the_number_of_steps(estimator, key):
    cell = zoo.CELLS["gru"]
    params = cell.init(key)

    def online(xs, targets):
        return online_gradients(cell, params, xs, targets, squared, estimator=estimator, key=key)

    def backward(xs, targets):
        return jax.grad(lambda params: squared(unroll(cell, params, xs)[1], targets))(params)

    def memory(function, steps):
        shapes = [jax.ShapeDtypeStruct((steps, 2, n), jnp.float32) for n in (zoo.I, zoo.H)]
        return jax.jit(function).lower(*shapes).compile().memory_analysis().temp_size_in_bytes

    assert memory(online, 10_000) == memory(online, 100) < 200_000
    if estimator == RTRL():
        assert memory(backward, 10_000) > 50 * memory(backward, 100)


@SLOW
def test_gradients_have_the_types_of_the_parameters(key):
    cell, params, xs, targets = example("gru", key)
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (params, xs))

    def loss(y, target):
        return squared(y.astype(jnp.float32), target)

    got = online_gradients(cell, *half, targets, loss)
    assert {leaf.dtype for leaf in got.gradient} == {jnp.dtype(jnp.bfloat16)}
    full = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (half, got.gradient))
    (params, xs), gradient = full
    wanted = by_backpropagation(cell, params, xs, targets, jnp.ones(xs.shape[:2], bool))[1]
    close(gradient, wanted, 2**-5)


def _wrong(**changes):
    cell = zoo.CELLS["gru"]
    arguments = {
        "cell": cell,
        "params": cell.init(jax.random.key(0)),
        "xs": jnp.ones((3, 2, zoo.I)),
        "targets": jnp.ones((3, 2, zoo.H)),
        "loss": squared,
    }
    return online_gradients(**arguments | changes)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"estimator": UORO()}, ValueError, "`UORO` draws random numbers: pass `key="),
        ({"loss": lambda y, t: y - t}, ValueError, r"one floating number .*, got float32\[4\]"),
        ({"targets": jnp.ones((2, 3, 4))}, ValueError, r"targets .*\(3, 2\), got float32\[2,3,4\]"),
        ({"xs": jnp.ones((3, 2, 5))}, ValueError, "online_gradients: GRU takes 3 features"),
        ({"estimator": None}, TypeError, "estimator must be a kind of `Estimator`, got None"),
    ],
)
def test_wrong_arguments(changes, error, says, as_users_run_it):
    with pytest.raises(error, match=says):
        _wrong(**changes)


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("reset_before_gru", ValueError, "the gate of ResetBeforeGRU.* mixes units"),
        ("delta_memory", TypeError, "SnAp1 takes a `GatedCell`, or .* Use `RTRL"),
    ],
)
def test_cells_that_snap_1_does_not_take(name, error, says):
    cell = zoo.CELLS[name]
    with pytest.raises(error, match=says):
        online_start(cell, zoo.zeros(cell), jnp.ones(zoo.I), estimator=SnAp1())
