"""`Newton` against `Scan`: values, derivatives, convergence, and what does not converge."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

from jaxrnn import cells, engines, testing, unroll
from jaxrnn.engines import Damped, DiagonalJacobian, Newton, newton_report
from jaxrnn.engines._structure import shape_of
from tests import zoo
from tests.engines.test_bptt import BATCH, T, close, holes, lopsided, run
from tests.engines.test_odd_cells import Counting
from tests.laws.conftest import problem
from tests.quick import SLOW, some

SCAN = engines.Scan()


def gradients(engine, cell, *args, **controls):
    """Outputs, last carry, and the derivatives of a number that reads all of them."""

    def loss(cell, *args):
        results = run(engine, cell, *args, **controls)
        leaves = [jnp.stack([leaf.real, leaf.imag]) for leaf in jax.tree.leaves(results)]
        return lopsided(leaves), results

    return jax.value_and_grad(loss, (0, 1, 2, 3), has_aux=True)(cell, *args)


@pytest.mark.parametrize("make", some(cells.Elman, slow=(cells.LSTM, cells.GRU)))
def test_a_thousand_steps(make, x64, key):
    cell = make(3, 8)
    params, xs = cell.init(key), jax.random.normal(key, (1024, 2, 3))
    args = params, xs, cell.carry(params, (2,))
    got, wanted = jax.jit(lambda *a: [gradients(e, cell, *a) for e in (Newton(), SCAN)])(*args)
    close(got, wanted, 1e-9)


def _cell(name):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, float), zoo.CELLS[name])


@pytest.mark.parametrize(
    "name",
    some("lstm", "lru", slow=("learned_carry", "delta_memory", "functions", "columns")),
)
def test_cells_of_every_kind_under_every_control(name, x64, key):
    """A matrix, a number and a small block for each unit, a complex carry, a learned one."""
    cell, controls = _cell(name), {"lengths": jnp.array([4, 6]), **holes()}
    args = problem(cell, key, T, BATCH)

    @jax.jit
    def both(*args):
        return [gradients(e, *args, reverse=True, **controls) for e in (Newton(), SCAN)]

    close(*both(cell, *args))


@SLOW
@pytest.mark.parametrize("jacobian", [DiagonalJacobian(), Damped(DiagonalJacobian(), 0.3)])
def test_approximate_jacobians_reach_the_same(jacobian, x64, key):
    cell = _cell("lstm")
    args = problem(cell, key, T, BATCH)
    each = [Newton(jacobian), Newton(jacobian, max_iterations=1), SCAN]
    results = jax.jit(lambda *a: [gradients(e, *a, **holes()) for e in each])(cell, *args)
    close(results[0], results[2])
    close(results[1], results[2])


@SLOW
@pytest.mark.parametrize("name", ["gru", "lru", "learned_carry", "mlstm"])
def test_the_laws_of_cells(name, key):
    testing.check_cell(zoo.CELLS[name], engines=[Newton(), Newton(DiagonalJacobian())], key=key)


@SLOW
def test_derivatives_of_first_and_second_order(x64, key):
    cell = zoo.CELLS["leaky"]
    args = problem(cell, key, 4, ())

    @jax.jit
    def derivatives(*args):
        def each(engine):
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
                "checkpoint": jax.grad(jax.checkpoint(loss))(*args),
            }

        return [each(engine) for engine in (Newton(), SCAN)]

    close(*derivatives(*args))


@SLOW
def test_vmap_over_data_parameters_and_numbers(x64, key):
    keys = jax.random.split(key, 3)
    leaks = jnp.array([0.2, 0.5, 0.9])
    many, xs, carry = jax.vmap(lambda key: problem(zoo.CELLS["leaky"], key, 4, BATCH))(keys)
    first = jax.tree.map(lambda leaf: leaf[0], many)

    @jax.jit
    def each(many, first, leaks, xs, carry):
        def value(engine, leak, params, xs, carry):
            cell = cells.Leaky(zoo.I, zoo.H, leak)
            return lopsided(run(engine, cell, params, xs, carry, **holes(4)))

        def results(engine):
            both = jax.value_and_grad(partial(value, engine), (0, 1, 2, 3))
            return {
                "data": jax.vmap(both, (None, None, 0, 0))(leaks[0], first, xs, carry),
                "all": jax.vmap(both)(leaks, many, xs, carry),
                "leak": jax.vmap(both, (0, None, None, None))(leaks, first, xs[0], carry[0]),
            }

        return [results(engine) for engine in (Newton(), SCAN)]

    close(*each(many, first, leaks, xs, carry))


# --- convergence ------------------------------------------------------------------------------


def chaotic(key, hidden=32):
    """A network whose spectral radius is 3: neighbouring states part by a third in a few steps."""
    cell = cells.Elman(3, hidden)
    params = cell.init(key)
    return cell, params._replace(recurrent=3 * params.recurrent, kernel=0.1 * params.kernel)


@pytest.mark.slow
def test_what_does_not_converge_is_computed_step_by_step(x64, key):
    cell, params = chaotic(key)
    xs, engine = jax.random.normal(key, (200, 2, 3)), Newton(max_iterations=12)
    report = newton_report(cell, params, xs, engine=engine)
    assert bool(report.fell_back) and int(report.iterations) == 12
    assert 12 <= int(report.exact.min()) + 1 < int(report.exact.max()) + 2 < 100
    assert float(report.residual.max()) < 1e-12

    @jax.jit
    def both(params):
        return [unroll(cell, params, xs, engine=e) for e in (engine, SCAN)]

    # Two ways of rounding part by e^0.9 a step: no program would give the same after 50 steps.
    (_, got), (_, wanted) = both(params)
    close(got[:30], wanted[:30], 1e-9)

    def followed(states):  # every state is what the step makes of the one before
        before = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])
        return jax.vmap(partial(cell.step, params))(before, xs)[1]

    close(followed(got), got)
    close(followed(wanted), wanted)


def test_gradients_of_what_fell_back(x64, key):
    cell, params = chaotic(key)
    args = params, jax.random.normal(key, (24, 2, 3)), jnp.zeros((2, 32))
    each = [Newton(max_iterations=3), SCAN]
    got, wanted = jax.jit(lambda *a: [gradients(e, cell, *a) for e in each])(*args)
    close(got, wanted, 1e-9)


def test_after_i_iterations_the_first_i_states_are_exact(x64, key):
    cell, params = chaotic(key)
    xs, carry = jax.random.normal(key, (9, 3)), cell.carry(params)
    exact = unroll(cell, params, xs)[1]
    us = cell.prepare(params, xs)
    for i in (1, 4):
        engine = Newton(DiagonalJacobian(), max_iterations=i)
        loop = engine.trajectory(cell, params, carry, xs)
        trace = loop.solve((cell, params, engine.jacobian), carry, us)
        distance = jnp.abs(trace.states[:, 0] - exact).max(-1)
        assert float(distance[:i].max()) < 1e-14 and float(distance[i]) > 1e-6


def test_a_reset_is_where_the_past_ends(x64, key):
    """With resets every few steps even chaos converges, as fast as its longest piece."""
    cell, params = chaotic(key)
    xs, resets = jax.random.normal(key, (60, 3)), jnp.arange(60) % 4 == 0
    report = newton_report(cell, params, xs, resets=resets)
    assert int(report.iterations) <= 6 and int(report.exact) == 60


@SLOW
def test_a_nan_ends_at_a_reset(x64, key):
    cell = zoo.CELLS["gru"]
    params, xs, _ = problem(cell, key, batch=())
    resets = jnp.arange(len(xs)) == 3
    got, wanted = (
        unroll(cell, params, xs.at[1].set(jnp.nan), resets=resets, engine=e)[1]
        for e in (Newton(), SCAN)
    )
    assert bool(jnp.isnan(got[1:3]).all())
    close(got[3:], wanted[3:])
    close(got[0], wanted[0])


def test_units_apart_need_no_matrix():
    """Found for every way of writing such a cell; a product with the carry is no such way."""
    apart = "lru", "ind_rnn", "unicornn", "s6", "learned_carry_of_functions"
    for name in (*apart, "gru", "lstm", "zoneout", "linoss"):
        cell = zoo.CELLS[name]
        for dtype in (jnp.float32, jnp.bfloat16):
            shapes = jax.tree.map(lambda x, d=dtype: shape_of(x.shape, d), zoo.zeros(cell))
            x = shape_of((T, *(size or 2 for size in cell.input_shape or (zoo.I,))), dtype)
            carry = jax.eval_shape(cell.carry, shapes)
            loop = Newton().trajectory(cell, shapes, carry, x)
            assert loop.form.apart == (name in apart), name


# --- what it cannot run, and wrong arguments ----------------------------------------------------


def test_a_carry_with_integers_runs_on_scan(x64, key):
    cell = Counting()
    params, xs = cell.init(key), jax.random.normal(key, (T, *BATCH, zoo.I))
    got = unroll(cell, params, xs, engine=Newton(), **holes())[1]["h"]
    close(got, unroll(cell, params, xs, engine=SCAN, **holes())[1]["h"])
    report = newton_report(cell, params, xs, **holes())
    assert bool(report.fell_back) and report.exact.tolist() == [0, 0]


def test_a_tolerance_that_float32_cannot_reach(key):
    cell, xs = zoo.CELLS["gru"], jnp.ones((T, zoo.I))
    params = zoo.zeros(cell)
    with pytest.warns(UserWarning, match="tolerance=1e-12 is below the rounding .* 1.2e-07"):
        jax.eval_shape(lambda xs: unroll(cell, params, xs, engine=Newton(tolerance=1e-12)), xs)
    with jax.enable_x64(True):
        params, xs = jax.tree.map(lambda leaf: leaf.astype(float), (params, xs))
        jax.eval_shape(lambda xs: unroll(cell, params, xs, engine=Newton(tolerance=1e-12)), xs)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Newton(tolerance=-1.0), ValueError, "Newton: tolerance must be .* got -1.0"),
        (lambda: Newton(max_iterations=0), ValueError, "max_iterations must be at least 1, got 0"),
        (lambda: Newton(jacobian=3), TypeError, "jacobian must be a kind of `Jacobian`, got 3"),
        (lambda: Damped(DiagonalJacobian(), 1.5), ValueError, r"k must lie in \[0, 1\], got 1.5"),
    ],
)
def test_wrong_arguments(make, error, says, as_users_run_it):
    with pytest.raises(error, match=says):
        make()
