"""Readouts in closed form against NumPy and scikit-learn; reservoirs against their figures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, metrics, networks, tasks, training
from jaxrnn.cells import Elman, Leaky, Random, Reservoir, SimpleCycle
from jaxrnn.data import Batch

T, B, F, O = 300, 2, 5, 2  # noqa: E741
IDENTITY = networks.Activation(jnp.abs)


def drawn(dtype, offset=10.0):
    """Features that are far from 0, and nearly dependent: what they differ by is small."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(T, B, 1)) + 1e-3 * draw.normal(size=(T, B, F)) + offset
    y = x @ draw.normal(size=(F, O)) + 0.1 * draw.normal(size=(T, B, O)) - 3
    return x.astype(dtype), y.astype(dtype)


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 1.0])
def test_ridge_against_scikit_learn(ridge):
    """In float32, on features whose products agree in seven digits."""
    from sklearn.linear_model import LinearRegression, Ridge

    x, y = drawn(np.float32)
    model = LinearRegression() if ridge == 0 else Ridge(ridge, solver="svd")
    model.fit(x.reshape(-1, F).astype(np.float64), y.reshape(-1, O).astype(np.float64))
    kernel, bias = training.fit_readout(IDENTITY, (), Batch(x, y), ridge=ridge)
    assert kernel.dtype == np.float32
    np.testing.assert_allclose(kernel, model.coef_.T, rtol=1e-4, atol=1e-4)
    got = x.reshape(-1, F).astype(np.float64) @ np.asarray(kernel) + np.asarray(bias)
    np.testing.assert_allclose(got, model.predict(x.reshape(-1, F)), atol=1e-4)


def test_what_does_not_count(x64):
    """The mask, its garbage, the washout after every reset; several batches are one."""
    x, y = drawn(np.float64, 8.0)
    mask, resets = np.arange(T)[:, None] < [T, 200], np.zeros((T, B), bool)
    resets[100, 0] = True
    counted = np.array(mask)
    counted[:7], counted[100:107, 0] = False, False
    wanted = np.linalg.lstsq(
        np.concatenate([x[counted], np.ones((counted.sum(), 1))], 1), y[counted], rcond=None
    )[0]
    x[~mask], y[~mask] = np.nan, np.inf
    kernel, bias = training.fit_readout(
        IDENTITY, (), Batch(x, y, mask, resets), ridge=0.0, washout=7
    )
    np.testing.assert_allclose(np.concatenate([kernel, bias[None]]), wanted, rtol=1e-6, atol=1e-8)
    columns = [Batch(*(a[:, i : i + 1] for a in (x, y, mask, resets))) for i in range(B)]
    parts = training.fit_readout(IDENTITY, (), columns, ridge=0.0, washout=7)
    np.testing.assert_allclose(parts.kernel, kernel, rtol=1e-6)


def test_products_of_float32_are_exact_to_forty_bits():
    """Beside plain float32 products, which lose what is asked for."""
    draw = np.random.default_rng(0)
    x = (draw.normal(size=(3000, 4)) + 1e3).astype(np.float32)
    y = draw.lognormal(0, 4, size=(3000, 3)).astype(np.float32)
    state = metrics.SecondMoments(4, 3)
    sums = jax.jit(state.update)(state.init(), x[:, None], y[:, None])
    wide = np.concatenate([x, np.ones((3000, 1))], 1).astype(np.float64)
    most_x, most_y = np.abs(wide).max(0), np.abs(y).max(0)
    for pair, wanted, bound in [
        (sums.xx, wide.T @ wide, 3000 * np.outer(most_x, most_x)),
        (sums.xy, wide.T @ y.astype(np.float64), 3000 * np.outer(most_x, most_y)),
    ]:
        got = np.asarray(pair.hi, np.float64) + np.asarray(pair.lo, np.float64)
        assert (np.abs(got - wanted) < 2.0**-40 * bound).all()
    plain = np.asarray(jnp.asarray(x).T @ jnp.asarray(x), np.float64)
    assert (np.abs(plain / (wide.T @ wide)[:4, :4] - 1) > 1e-9).any()


@pytest.mark.parametrize("topology", [Random(0.2), SimpleCycle()])
@pytest.mark.parametrize("cell", [Elman(2, 30), Leaky(2, 30, 0.3)])
def test_the_radius_is_that_of_the_leaky_matrix(cell, topology, x64, key):
    params = Reservoir(cell, 0.95, topology, 0.5, 0.1).init(key)
    leak = getattr(cell, "leak", 1.0)
    matrix = (1 - leak) * np.eye(30) + leak * np.asarray(params.recurrent)
    assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(0.95, abs=1e-9)
    assert 0.4 < np.abs(params.kernel).max() <= 0.5 and 0 < np.abs(params.bias).max() <= 0.1
    assert (params.recurrent != 0).sum() == (180 if isinstance(topology, Random) else 30)


def error(task, cell, ridge, washout, shift=0.0):
    """Of a reservoir on a series that it was not fitted to, over the deviation of the targets."""
    train, test = (task.batch(1, key=jax.random.key(seed)) for seed in (0, 1))
    train, test = (batch._replace(inputs=batch.inputs - shift) for batch in (train, test))
    body = networks.Recurrent(cell)
    params = body.init(jax.random.key(0))
    readout = training.fit_readout(body, params, train, ridge=ridge, washout=washout)
    network = networks.stack(body, networks.Dense(cell.cell.hidden, 1))
    outputs = np.asarray(network.apply((params, readout), test.inputs)[1])[washout:]
    targets = np.asarray(test.targets)[washout:]
    filtered = task.baseline(train, test, washout=washout)
    return np.sqrt(((outputs - targets) ** 2).mean()) / targets.std(), filtered


@pytest.mark.slow
def test_narma_with_200_units():
    cell = Reservoir(Leaky(1, 200, 1.0), 0.9, input_scale=0.1, bias_scale=0.1)
    found, filtered = error(tasks.NARMA10(2200), cell, 1e-8, 200, shift=0.25)
    assert 0.38 < filtered < 0.42
    assert found <= 0.20


@pytest.mark.slow
def test_mackey_glass_84_steps_ahead_with_300_units():
    cell = Reservoir(Leaky(1, 300, 0.5), 1.2, bias_scale=0.2)
    found, filtered = error(tasks.MackeyGlass(3100), cell, 1e-9, 100)
    assert 0.5 < filtered < 0.6
    assert found <= 0.05


def test_wrong_calls(as_users_run_it):
    x, y = drawn(np.float32)
    batch = Batch(x, y)
    fit = training.fit_readout
    for call, error, says in [
        (lambda: fit(IDENTITY, (), batch, ridge=-1.0), ValueError, "ridge must be finite and at l"),
        (lambda: fit(IDENTITY, (), batch, washout=-1), ValueError, "washout must be at least 0"),
        (lambda: fit(IDENTITY, (), batch, washout=T), ValueError, "no step counts"),
        (lambda: fit(IDENTITY, (), []), ValueError, "no step counts"),
        (lambda: fit(IDENTITY, (), [x]), TypeError, "batches must be a kind of `Batch`"),
        (lambda: fit(networks.LastPool(), (), batch), ValueError, "the network pools"),
        (lambda: fit(IDENTITY, (), Batch(x * np.nan, y)), ValueError, "are not finite at steps"),
        (lambda: Reservoir(cells.GRU(2, 3)), TypeError, "must be an `Elman` or a `Leaky`"),
        (lambda: Reservoir(Leaky(2, 3, 0.2), 0.8), ValueError, "must be above 1 - leak = 0.8"),
        (lambda: Reservoir(Elman(2, 3), 0.0), ValueError, "must be above 1 - leak = 0"),
        (lambda: Random(0.0), ValueError, "density must be above 0 and at most 1"),
        (lambda: Reservoir(Elman(2, 3), input_scale=-1.0), ValueError, "input_scale must be fin"),
    ]:
        with pytest.raises(error, match=says):
            call()
