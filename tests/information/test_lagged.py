"""Lagged mutual information against pairs counted in Python."""

from functools import partial

import jax
import numpy as np
import pytest

from jaxrnn import information as info
from jaxrnn.information import Grassberger, lagged_mutual_information

T, B, K = 40, 3, 3
LAGS = np.array([0, 1, 5, T - 1])
X, Y = np.random.default_rng(0).integers(0, K, (2, T, B), np.int32)
Y[2:] = np.where(Y[2:] == 0, X[:-2], Y[2:])
WHERE = np.random.default_rng(1).random((T, B)) < 0.8
WHERE[-1] = WHERE[0] = True


def pairs(lag):
    """The table of the pairs whose steps both count."""
    table = np.zeros((K, K), int)
    for t in range(lag, T):
        for b in range(B):
            if WHERE[t, b] and WHERE[t - lag, b]:
                table[X[t - lag, b], Y[t, b]] += 1
    return table


@pytest.mark.parametrize("correction", [None, Grassberger()])
def test_equals_counting(correction, x64):
    entropy = jax.jit(partial(info.plugin_entropy, correction=correction))
    wanted = []
    for table in map(pairs, LAGS):
        apart = entropy(table.sum(0)) + entropy(table.sum(1))
        wanted.append(apart - entropy(table.ravel()))
    f = jax.jit(partial(lagged_mutual_information, classes=K, correction=correction))
    got = f(X, Y, LAGS, where=WHERE)
    np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-13)
    # What stands in the padding does not matter; inside jit, what is no symbol is padding.
    x, y = np.where(WHERE, X, -1), np.where(WHERE, Y, K + 4)
    np.testing.assert_array_equal(f(x, Y, LAGS, where=WHERE), got)
    np.testing.assert_array_equal(f(x, y, LAGS, where=np.full((T, B), True)), got)


def test_a_long_chain_approaches_its_exact_information():
    """A symmetric chain that flips once in ten."""
    flips = np.random.default_rng(0).random((2000, 100)) < 0.1
    bits = info.to_bits(
        jax.jit(partial(lagged_mutual_information, classes=2))(
            *[flips.cumsum(0) % 2] * 2, LAGS[1:3]
        )
    )
    np.testing.assert_allclose(bits, [0.531004406411, 0.078903399049], atol=0.005)


def test_one_lag_is_one_number_and_no_pair_is_not_a_number():
    assert jax.jit(partial(lagged_mutual_information, classes=K))(X, Y, 3).shape == ()
    none = jax.jit(partial(lagged_mutual_information, classes=K))
    assert np.isnan(none(X, Y, LAGS, where=WHERE & False)).all()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"x": X * 1.0}, TypeError, r"x must hold integers, got float"),
        ({"y": X[:-1]}, ValueError, r"one shape, got \(40, 3\) and \(39, 3\)"),
        ({"x": np.int32(1)}, ValueError, r"x must be \[T, \*batch\]"),
        ({"y": X + 1}, ValueError, r"y must lie in \[0, classes=3\), got values from 1 to 3"),
        ({"x": X - 1}, ValueError, r"x must lie in \[0, classes=3\), got values from -1 to 1"),
        ({"lags": np.array([1, T])}, ValueError, r"lags must lie in \[0, T=40\)"),
        ({"lags": [-1]}, ValueError, r"lags must lie in \[0, T=40\), got \[-1\]"),
        ({"lags": np.array([0.5])}, TypeError, "lags must be integers"),
        ({"classes": 0}, ValueError, "classes must be at least 1"),
        ({"where": WHERE * 1}, TypeError, "where must be Bool"),
        ({"where": WHERE[0]}, ValueError, r"where must be \[T, \*batch\] = \(40, 3\)"),
    ],
)
def test_errors(change, error, says):
    call = {"x": X, "y": Y, "lags": LAGS, "classes": K} | change
    with pytest.raises(error, match=says):
        lagged_mutual_information(**call)
