"""Convolutional cells and cells in continuous time: wrong calls, noise, clocks, and time itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, unroll


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: cells.CTRNN(3, 4, dt=0), "CTRNN: dt must be finite and greater than 0, got 0"),
        (lambda: cells.CTRNN(3, 4, tau=-1.0), "CTRNN: tau must be .* got -1.0"),
        (lambda: cells.CTRNN(3, 4, noise=-1.0), "CTRNN: noise must be .* at least 0"),
        (lambda: cells.CoRNN(3, 4, dt=-0.1), "CoRNN: dt must be .* greater than 0, got -0.1"),
        (lambda: cells.UnICORNN(3, 4, dt=0.0), "UnICORNN: dt must be .* greater than 0"),
        (lambda: cells.LEM(3, 4, dt=float("nan")), "LEM: dt must be .* got nan"),
        (lambda: cells.LipschitzRNN(3, 4, dt=0.0), "LipschitzRNN: dt must be .* than 0"),
        (lambda: cells.LipschitzRNN(3, 4, beta=1.5), r"beta must lie in \[0, 1\], got 1.5"),
        (lambda: cells.Regular(0.0), "Regular: dt must be .* greater than 0"),
        (lambda: cells.CfC(1, 4, elapsed=cells.LastFeature()), "at least 2 inputs, got 1"),
        (lambda: cells.LTC(3, 4, steps=0), "LTC: steps must be at least 1, got 0"),
        (lambda: cells.PhasedLSTM(3, 4, open_ratio=2.0), r"must lie in \(0, 1\], got 2.0"),
        (lambda: cells.Clockwork(3, 5, periods=(1, 2)), "multiple of the number of periods, 2"),
        (lambda: cells.Clockwork(3, 4, periods=(0, 1)), "periods must be at least 1, got 0"),
        (lambda: cells.ConvLSTM(3, 4, ()), "space must have an axis at least"),
        (lambda: cells.ConvGRU(3, 4, (8, 8), (3,)), "one number for each axis of space"),
        (
            lambda: cells.ConvGRU(3, 4, (4,), 3, dilation=2, padding=cells.Valid()),
            r"a kernel of \(5,\) places does not fit into space \(4,\)",
        ),
        (lambda: cells.FastSlow((cells.GRU(3, 4),), cells.GRU(4, 2)), "two cells at least, got 1"),
        (
            lambda: cells.FastSlow((cells.GRU(3, 4), cells.GRU(4, 4)), cells.GRU(4, 2)),
            r"FastSlow: fast\[1\] takes inputs of shape \(4,\), what it reads is of \(2,\)",
        ),
    ],
)
def test_wrong_sizes_and_ranges(make, says, as_users_run_it):
    with pytest.raises(ValueError, match=says):
        make()


def test_fast_cells_share_one_form_of_carry():
    cell = cells.FastSlow((cells.GRU(3, 4), cells.LSTM(2, 4)), cells.GRU(4, 2))
    with pytest.raises(TypeError, match="carries of one form"):
        cell.init(jax.random.key(0))


def test_noise_has_the_deviation_that_it_is_said_to_have(key):
    """A unit with nothing but noise, in steps short against its time constant."""
    cell = cells.CTRNN(1, 64, tau=20.0, dt=1.0, noise=0.5, activation=jnp.tanh)
    params = jax.tree.map(jnp.zeros_like, cell.init(key))
    rates = np.arctanh(unroll(cell, params, jnp.zeros((600, 1)), key=key)[1][200:])
    # Exactly: the variance of v <- (1 - a) v + sqrt(2 a) noise xi is noise^2 / (1 - a / 2).
    assert abs(rates.std() - 0.5 / (1 - 0.025) ** 0.5) < 0.02
    assert not np.asarray(unroll(cell, params, jnp.zeros((9, 1)))[1]).any()


def test_no_time_changes_no_state(key):
    """Of a solver; and the gradient at it is finite."""
    cell = cells.LTC(3, 4, elapsed=cells.LastFeature())
    params, carry = cell.init(key), jnp.arange(4.0)
    x = jnp.array([1.0, -2.0, 0.0])
    assert jnp.array_equal(cell.step(params, carry, x)[0], carry)
    gradient = jax.grad(lambda params: cell.step(params, carry, x)[1].sum())(params)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(gradient))
