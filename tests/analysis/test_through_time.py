"""Gradients through time, Jacobians, Lyapunov exponents and fixed points against what is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import analysis, cells, networks, unroll

H, T = 3, 6


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def wide(params):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)


def last(ys):
    return jnp.sum(ys[-1] ** 2)


def test_carry_gradients_are_products_of_jacobians():
    cell = cells.LSTM(2, H)
    params = wide(cell.init(jax.random.key(0)))
    xs = jax.random.normal(jax.random.key(1), (T, 2), jnp.float64)
    got = analysis.carry_gradients(cell, params, xs, last)
    J = np.asarray(analysis.step_jacobians(cell, params, xs))
    carry, ys = unroll(cell, params, xs)
    # y is the hidden state, so the loss is seen through that half of the last carry.
    seen = np.concatenate([2 * np.asarray(ys[-1]), np.zeros(H)])
    for t in reversed(range(T)):
        seen = J[t].T @ seen
        joined = np.concatenate([got.hidden[t], got.cell[t]])
        np.testing.assert_allclose(joined, seen, rtol=1e-12, atol=1e-15)
    norms = analysis.gradient_norms(cell, params, xs, last)
    np.testing.assert_allclose(norms[0], np.linalg.norm(joined), rtol=1e-12)
    np.testing.assert_allclose(carry.hidden, ys[-1])


def test_the_gradient_of_each_sequence_ends_with_it():
    cell = cells.GRU(2, H)
    params = wide(cell.init(jax.random.key(0)))
    xs = jax.random.normal(jax.random.key(1), (T, 2, 2), jnp.float64)
    xs = xs.at[4:, 0].set(jnp.nan)
    norms = analysis.gradient_norms(cell, params, xs, lambda ys: ys.sum(), lengths=[4, T])
    alone = analysis.gradient_norms(cell, params, xs[:4, 0], lambda ys: ys.sum())
    np.testing.assert_allclose(norms[:4, 0], alone, rtol=1e-12)
    assert np.all(norms[4:, 0] == 0) and np.all(norms[:, 1] > 0)


def test_a_carry_of_another_floating_type_is_taken():
    """Whatever the type of a start, a step gives that of the model's own carry."""
    cell = cells.Elman(2, H)
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), cell.init(jax.random.key(0)))
    xs = jnp.ones((10, 2), jnp.float32)
    wanted = analysis.step_jacobians(cell, params, xs)
    for kind in (jnp.bfloat16, np.float64):
        got = analysis.step_jacobians(cell, params, xs, jnp.zeros(H, kind))
        np.testing.assert_array_equal(got, wanted)


def test_norms_of_zero_have_a_derivative():
    """After the step that the loss reads there is no gradient, and a root at 0 has no slope."""
    cell = cells.Elman(2, H)
    params = wide(cell.init(jax.random.key(0)))
    xs = jax.random.normal(jax.random.key(1), (T, 2), jnp.float64)

    def norms(params, count):
        return analysis.gradient_norms(cell, params, xs[:count], lambda ys: ys[1].sum()).sum()

    later, never = (jax.grad(norms)(params, count) for count in (T, 2))
    for one, other in zip(jax.tree.leaves(later), jax.tree.leaves(never), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_norms_of_what_has_nearly_vanished():
    """Squares of 1e-200 would be 0."""
    halving = cells.from_functions(
        init=lambda key: (),
        carry=lambda params, batch: jnp.zeros((*batch, 2)),
        step=lambda params, h, x: 2 * (1e-20 * h + x,),
    )
    norms = analysis.gradient_norms(halving, (), jnp.ones((10, 2)), lambda ys: ys[-1].sum())
    np.testing.assert_allclose(norms[0], np.sqrt(2) * 1e-200, rtol=1e-12)


def test_a_layer_has_steps_too():
    layer = networks.stack(networks.Recurrent(cells.Elman(2, H)), networks.Dense(H, 1))
    params = wide(layer.init(jax.random.key(0)))
    xs = jnp.ones((T, 4, 2))
    of_layer = analysis.gradient_norms(layer, params, xs, lambda ys: ys[-1].sum())
    assert of_layer.shape == (T, 4)
    both_ways = networks.Bidirectional(cells.Elman(2, H), cells.Elman(2, H))
    with pytest.raises(TypeError, match="cannot stream"):
        analysis.gradient_norms(both_ways, both_ways.init(jax.random.key(0)), xs, last)


def map_of(step, size):
    return cells.from_functions(
        init=lambda key: (),
        carry=lambda params, batch: jnp.full((*batch, size), 0.1),
        step=lambda params, h, x: 2 * (step(h),),
    )


def henon(h):
    x, y = h
    return jnp.stack([1 - 1.4 * x**2 + y, 0.3 * x])


def cat(h):
    return (jnp.array([[2.0, 1.0], [1.0, 1.0]]) @ h) % 1.0


def lorenz(h, dt=0.01):
    def flow(h):
        x, y, z = h
        return jnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    a = flow(h)
    b = flow(h + dt / 2 * a)
    c = flow(h + dt / 2 * b)
    return h + dt / 6 * (a + 2 * b + 2 * c + flow(h + dt * c))


@pytest.mark.parametrize(
    "step, size, length, per_step, known, dimension",
    [
        # Their sum is log 0.3, exactly; the largest is from the literature (Sprott 2003).
        (henon, 2, 30_000, 1, [0.41922, np.log(0.3) - 0.41922], 1.2583),
        (cat, 2, 200, 1, [np.log((3 + 5**0.5) / 2), -np.log((3 + 5**0.5) / 2)], 2.0),
        # The sum is the trace of the flow, -41/3; along the flow it is 0 (Sprott 2003).
        (lorenz, 3, 60_000, 0.01, [0.9056, 0.0, -14.5723], 2.0622),
    ],
    ids=["henon", "cat", "lorenz"],
)
def test_lyapunov_spectra_of_known_systems(step, size, length, per_step, known, dimension):
    found = analysis.lyapunov_spectrum(
        map_of(step, size), (), jnp.zeros((length, 1)), skip=length // 10
    )
    exponents = np.asarray(found.exponents) / per_step
    np.testing.assert_allclose(exponents, known, rtol=0.01, atol=0.005)
    np.testing.assert_allclose(found.dimension, dimension, rtol=0.01)
    assert np.all(np.abs(exponents - known) < 5 * found.standard_error / per_step + 1e-3)


def test_exponents_of_a_linear_network_are_its_eigenvalues():
    cell = cells.Elman(2, H, activation=jnp.asarray)
    params = wide(cell.init(jax.random.key(0)))
    turn = np.asarray(params.recurrent)
    params = params._replace(recurrent=jnp.asarray(turn @ np.diag([0.9, 0.5, 0.1]) @ turn.T))
    found = analysis.lyapunov_spectrum(cell, params, jnp.zeros((400, 2)), skip=100, count=2)
    np.testing.assert_allclose(found.exponents, np.log([0.9, 0.5]), atol=1e-8)
    assert found.dimension == 0
    values = analysis.step_singular_values(cell, params, jnp.zeros((2, 2)))
    np.testing.assert_allclose(values, [[0.9, 0.5, 0.1]] * 2, atol=1e-12)


def test_fixed_points_of_a_switch():
    """h = tanh(a h) has 0, unstable, and two stable points; two units make nine."""
    cell = cells.Elman(1, 2)
    params = wide(cell.init(jax.random.key(0)))._replace(recurrent=2 * jnp.eye(2))
    grid = jnp.stack(jnp.meshgrid(*2 * [jnp.linspace(-1, 1, 7)]), -1).reshape(-1, 2)
    found = analysis.fixed_points(cell, params, jnp.zeros(1), grid)
    side = 0.9575040240772687
    points = np.asarray(found.points)
    assert len(points) == 9 and found.stable.sum() == 4 and found.found_from.sum() == 49
    np.testing.assert_allclose(np.sort(np.unique(np.abs(points).round(9))), [0, side], atol=1e-8)
    slope = 2 * (1 - points**2)
    expected = np.take_along_axis(slope, np.argsort(-np.abs(slope), 1), 1)
    np.testing.assert_allclose(found.eigenvalues, expected, atol=1e-9)
    assert found.speed.max() < 1e-5


def test_no_fixed_point_is_none():
    cell = map_of(lambda h: h + 1.0, 1)
    found = analysis.fixed_points(cell, (), jnp.zeros(1), jnp.zeros((3, 1)), iterations=5)
    assert found.points.shape == (0, 1) and found.stable.shape == (0,)


def test_saturation_counts_steps_that_count():
    cell = cells.GRU(1, 2)
    params = wide(cell.init(jax.random.key(0)))
    params = jax.tree.map(jnp.zeros_like, params)._replace(
        kernel=jnp.zeros((1, 6)).at[0, 0].set(10.0), bias=jnp.zeros(6).at[3].set(-9.0)
    )
    xs = jnp.array([1.0, 1.0, -1.0, jnp.nan])[:, None, None]
    found = analysis.gate_saturation(cell, params, xs, lengths=[3])
    np.testing.assert_allclose(found["reset"].open, [2 / 3, 0])
    np.testing.assert_allclose(found["reset"].shut, [1 / 3, 0])
    np.testing.assert_allclose(found["update"].shut, [0, 1])


@pytest.mark.parametrize(
    "cell", [cells.LSTM(2, H), cells.GRU(2, H), cells.ResetBeforeGRU(2, H)], ids=str
)
def test_gates_are_those_of_the_step(cell):
    """With the candidate of a step known, its gates say what the next carry is."""
    params = wide(cell.init(jax.random.key(0)))
    carry = jax.tree.map(lambda leaf: leaf + 0.3, cell.carry(params))
    x = jnp.array([0.5, -1.0])
    after, _ = cell.step(params, carry, x)
    gates = cell.gates(params, carry, x)
    if isinstance(cell, cells.LSTM):
        g = jnp.tanh((cell.project(params, x) + cell.mix(params, carry))[2 * H : 3 * H])
        kept = gates["forget"] * carry.cell + gates["input"] * g
        np.testing.assert_allclose(after.cell, kept, rtol=1e-12)
        np.testing.assert_allclose(after.hidden, gates["output"] * jnp.tanh(kept), rtol=1e-12)
        return
    u, r = cell.project(params, x)[2 * H :], gates["reset"]
    if isinstance(cell, cells.GRU):
        n = jnp.tanh(u + r * cell.mix(params, carry)[2 * H :])
    else:
        n = jnp.tanh(u + (r * carry) @ params.candidate)
    np.testing.assert_allclose(after, gates["update"] * carry + (1 - gates["update"]) * n)


CELL = cells.Elman(2, H)
PARAMS = CELL.init(jax.random.key(0))
XS = np.ones((T, 2), np.float32)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: analysis.step_jacobians(CELL, PARAMS, XS[:0]), ValueError, "at least one step"),
        (lambda: analysis.step_jacobians(None, PARAMS, XS), TypeError, "step_jacobians: model"),
        (
            lambda: analysis.lyapunov_spectrum(CELL, PARAMS, XS, skip=2),
            ValueError,
            "at least 10 steps must count, got 6, of which skip=2",
        ),
        (
            lambda: analysis.lyapunov_spectrum(CELL, PARAMS, XS, count=4),
            ValueError,
            "count=4 exponents of a carry of 3 numbers",
        ),
        (
            lambda: analysis.gradient_norms(CELL, PARAMS, XS, lambda ys: ys),
            ValueError,
            r"loss must give a scalar, got float\d+\[6,3\]",
        ),
        (
            lambda: analysis.gradient_norms(CELL, PARAMS, XS, last, lengths=7),
            ValueError,
            "lengths",
        ),
        (
            lambda: analysis.gate_saturation(CELL, PARAMS, XS),
            TypeError,
            "`Elman` tells of no gates",
        ),
        (
            lambda: analysis.fixed_points(CELL, PARAMS, XS[0], np.float32(1)),
            ValueError,
            "one leading axis",
        ),
        (
            lambda: analysis.fixed_points(CELL, PARAMS, XS[0], XS, tolerance=0.0),
            ValueError,
            "tolerance must be positive and finite, got 0.0",
        ),
        (lambda: analysis.plot_gradient_norms({}), ValueError, "no curve"),
        (
            lambda: analysis.gradient_norms(CELL, PARAMS, XS, lambda ys: (ys > 0).sum()),
            TypeError,
            "loss must be a real number, got int",
        ),
        (
            lambda: analysis.step_jacobians(CELL, PARAMS, XS[:, None]),
            ValueError,
            r"xs must be one sequence \[T, ...\], without a batch",
        ),
        (
            lambda: analysis.fixed_points(CELL, PARAMS, XS, np.zeros((2, H))),
            ValueError,
            "x must be one step of one sequence",
        ),
        (
            lambda: analysis.fixed_points(CELL, PARAMS, XS[0], np.zeros((0, H))),
            ValueError,
            "at least one start",
        ),
        (
            lambda: analysis.carry_gradients(
                cells.from_functions(
                    init=lambda key: (),
                    carry=lambda params, batch: jnp.zeros(batch, int),
                    step=lambda params, h, x: (h, x),
                ),
                (),
                XS,
                last,
            ),
            TypeError,
            "must consist of floating-point numbers, got int",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
