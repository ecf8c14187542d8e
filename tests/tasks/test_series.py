"""NARMA10, Mackey-Glass and Lorenz against plain loops, and what linear filters make of them."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, generation, networks
from jaxrnn.data import Batch
from jaxrnn.tasks import NARMA10, Lorenz, MackeyGlass


def test_narma_is_the_recurrence(x64, key):
    inputs, targets, *_ = NARMA10(50).batch(3, key=key)
    assert inputs.shape == targets.shape == (50, 3, 1)
    u, wanted = np.asarray(inputs)[:, :, 0], np.zeros((51, 3))
    assert u.min() >= 0 and u.max() < 0.5
    for t in range(50):
        past = wanted[max(0, t - 9) : t + 1].sum(0)
        before = u[t - 9] if t >= 9 else 0.0
        wanted[t + 1] = 0.3 * wanted[t] + 0.05 * wanted[t] * past + 1.5 * before * u[t] + 0.1
    np.testing.assert_allclose(targets[:, :, 0], wanted[1:], rtol=1e-12)


def test_narma_series_that_diverge_are_drawn_anew():
    """Of 4000 series of 1000 steps some would; those that do not are the same as alone."""
    _, targets, *_ = jax.jit(lambda key: NARMA10(1000).batch(4000, key=key))(jax.random.key(0))
    assert float(targets.max()) < 2 and float(targets.min()) >= 0


def test_mackey_glass_is_the_equation(x64, key):
    """Integrated in steps of 0.01 from the same history, by the trapezoid rule."""
    series = np.asarray(MackeyGlass(60, horizon=1).batch(2, key=key).inputs)[:, :, 0]
    fine = MackeyGlass(3000, horizon=1).batch(2, key=key).inputs
    assert 0.2 < fine.min() < 0.6 and 1.2 < fine.max() < 1.5
    assert np.isfinite(series).all()

    def slope(x, late):
        return 0.2 * late / (1 + late**10) - 0.1 * x

    # Between samples the delayed value is interpolated, so that a step of 1 is checked to 1e-3.
    for t in range(20, 59):
        times = np.linspace(0, 1, 101)
        late = series[t - 17] + times[:, None] * (series[t - 16] - series[t - 17])
        x = series[t]
        for now, then in itertools.pairwise(late):
            k1 = slope(x, now)
            x = x + 0.005 * (k1 + slope(x + 0.01 * k1, then))
        np.testing.assert_allclose(x, series[t + 1], atol=2e-3)


def test_lorenz_is_the_equations(x64, key):
    from scipy.integrate import solve_ivp

    inputs, targets, *_ = Lorenz(30, horizon=3).batch(2, key=key)
    np.testing.assert_array_equal(targets[:-3], inputs[3:])
    states = 20 * np.asarray(inputs)

    def slope(t, s):
        x, y, z = s
        return [10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z]

    for i in range(2):
        run = solve_ivp(
            slope, (0, 0.02 * 29), states[0, i], t_eval=0.02 * np.arange(30), rtol=1e-10, atol=1e-12
        )
        np.testing.assert_allclose(run.y.T, states[:, i], rtol=1e-5, atol=1e-5)


def test_baselines_are_least_squares(x64, key):
    """Of a linear system they are exact; of the series, what was published of them."""
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(200, 2, 1))
    late = np.concatenate([np.zeros((2, 2, 1)), inputs])[:200]
    linear = Batch(inputs, 0.3 * inputs - late + 1)
    assert NARMA10(5).baseline(linear, linear, lags=3, washout=5) < 1e-12
    assert NARMA10(5).baseline(linear, linear, lags=2, washout=5) > 0.5
    task = MackeyGlass(3000)
    train, test = (task.batch(1, key=jax.random.key(seed)) for seed in (0, 1))
    assert task.baseline(train, test) == pytest.approx(0.55, abs=0.03)
    task = Lorenz(2000, horizon=1)
    train, test = (task.batch(1, key=jax.random.key(seed)) for seed in (0, 1))
    assert task.baseline(train, test) < 0.01


def test_a_free_run_reads_what_it_writes(key):
    network = networks.stack(networks.Recurrent(cells.GRU(1, 4)), networks.Dense(4, 1))
    params, prompt = jax.jit(network.init)(key), jax.random.normal(key, (6, 2, 1))
    got = generation.free_run(network, params, prompt, 3)
    whole = jnp.concatenate([prompt, got])
    np.testing.assert_allclose(got, network.apply(params, whole)[1][5:8], rtol=1e-5, atol=1e-6)
    carry, _ = network.apply(params, prompt[:4])
    later = generation.free_run(network, params, prompt[4:], 3, carry)
    np.testing.assert_allclose(later, got, rtol=1e-5, atol=1e-6)


def test_wrong_calls(as_users_run_it, key):
    network = networks.Recurrent(cells.GRU(1, 4))
    with pytest.raises(ValueError, match=r"must give what it reads, \(2, 1\) a step, got \(2, 4\)"):
        generation.free_run(network, network.init(key), jnp.ones((6, 2, 1)), 3)
    with pytest.raises(ValueError, match="train must be longer than the lags and the washout"):
        short = NARMA10(10).batch(1, key=key)
        NARMA10(10).baseline(short, short)
    for make in (lambda: NARMA10(0), lambda: MackeyGlass(5, delay=0), lambda: Lorenz(5, step=0.0)):
        with pytest.raises(ValueError, match=r"must be (at least 1|above 0), got 0"):
            make()
