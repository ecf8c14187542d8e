"""Functions of joint tables against enumeration, and what is no table."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info

INFORMATION = jax.jit(info.mutual_information)


@jax.jit
def gradients(p):
    given = (jax.grad(lambda p, i=i: info.conditional_entropy(p, given=i)) for i in (0, 1))
    return [jax.grad(info.mutual_information)(p), *(gradient(p) for gradient in given)]


def h(p):
    """Entropy of a table of any shape, in numpy."""
    return -np.sum(p[p > 0] * np.log(p[p > 0]))


def tables(shape, count=20):
    """Tables from even to sharp, some entries 0."""
    rng = np.random.default_rng(0)
    for sharpness in np.geomspace(0.1, 5, count):
        p = np.exp(sharpness * rng.normal(size=shape)) * (rng.random(shape) > 0.2)
        yield p / p.sum()


def flipped(flip, lag=1):
    """Two bits, `lag` steps of a symmetric chain apart."""
    differ = (1 - (1 - 2 * flip) ** lag) / 2
    return np.array([[1 - differ, differ], [differ, 1 - differ]]) / 2


def test_two_variables_equal_enumeration(x64):
    for p in tables((3, 4)):
        x, y = p.sum(1), p.sum(0)
        np.testing.assert_allclose(INFORMATION(p), h(x) + h(y) - h(p), rtol=1e-12)


def test_three_variables_equal_enumeration(x64):
    total = jax.jit(info.total_correlation)
    given = {
        axes: jax.jit(lambda p, axes=axes: info.conditional_entropy(p, given=axes))
        for n in range(4)
        for axes in itertools.combinations(range(3), n)
    }
    for p in tables((2, 3, 2), 5):
        marginal = {axes: p.sum(tuple({0, 1, 2} - {*axes})) for axes in given}
        apart = sum(h(marginal[i,]) for i in range(3))
        np.testing.assert_allclose(total(p), apart - h(p), rtol=1e-12)
        for axes, conditional in given.items():
            wanted = h(p) - h(marginal[axes])
            np.testing.assert_allclose(conditional(p), wanted, rtol=1e-12, atol=1e-15)


def test_float32():
    for p in (p.astype(np.float32) for p in tables((3, 4))):
        q = p.astype(np.float64) / p.sum(dtype=np.float64)
        wanted = h(q.sum(1)) + h(q.sum(0)) - h(q)
        np.testing.assert_allclose(INFORMATION(p), wanted, rtol=2e-6)


def test_near_independence_keeps_its_digits():
    """The terms `p log(p / p_x p_y)` cancel: their sum in float32 has an error of 1e-8."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        x, y = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4))
        p = (np.outer(x, y) * (1 + 1e-3 * rng.normal(size=(3, 4)))).astype(np.float32)
        p /= p.sum()
        q = p.astype(np.float64) / p.sum(dtype=np.float64)
        ratio = q.sum(1, keepdims=True) * q.sum(0, keepdims=True) / q - 1
        wanted = np.sum(q * (ratio - np.log1p(ratio)))  # of the order of 1e-7
        np.testing.assert_allclose(INFORMATION(p), wanted, rtol=1e-4)


@pytest.mark.parametrize(
    ("lag", "bits"),
    [(1, 0.531004406411), (2, 0.319922954272), (5, 0.078903399049), (10, 0.008332625431)],
)
def test_reference_values_of_a_symmetric_chain(lag, bits, x64):
    np.testing.assert_allclose(info.to_bits(INFORMATION(flipped(0.1, lag))), bits, atol=5e-13)


@pytest.mark.parametrize(
    ("lag", "bits"),
    [(1, 0.251629167388), (2, 0.044110417748), (3, 0.011580457285), (5, 0.000708374946)],
)
def test_reference_values_of_the_golden_mean(lag, bits, x64):
    chain = np.array([[0.5, 0.5], [1.0, 0.0]])
    joint = np.array([[2 / 3], [1 / 3]]) * np.linalg.matrix_power(chain, lag)
    np.testing.assert_allclose(info.to_bits(INFORMATION(joint)), bits, atol=5e-13)


@pytest.mark.parametrize(
    ("joint", "nats"),
    [
        (np.eye(2) / 2, np.log(2)),
        (np.full((2, 2), 0.25), 0),
        (np.array([[1.0, 0], [0, 0]]), 0),
        (np.array([[0.5, 0.5], [0, 0]]), 0),
        (np.array([[1 - 1e-30, 0], [0, 1e-30]]), 1e-30 * (1 + 30 * np.log(10))),
    ],
)
def test_edges(joint, nats):
    joint = joint.astype(np.float32)
    np.testing.assert_allclose(INFORMATION(joint), nats, rtol=1e-6)
    for gradient in gradients(joint):
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(gradient[joint == 0], 0)


def test_conditional_entropy_keeps_its_digits_where_little_is_unknown():
    joint = np.array([[0.5, 1e-12], [1e-12, 0.5]], np.float32)
    wanted = 2e-12 * (1 + np.log(0.5) - np.log(1e-12))
    got = jax.jit(lambda p: info.conditional_entropy(p, given=0))(joint)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_counts_are_normalised_and_batches_are_mapped():
    counts = np.array([[[3, 1], [0, 4]], [[5, 5], [5, 5]]])
    got = jax.jit(jax.vmap(info.mutual_information))(counts)
    probabilities = counts / counts.sum((1, 2), keepdims=True)
    wanted = [INFORMATION(p.astype(np.float32)) for p in probabilities]
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7)
    thirds = jnp.array([[1 / 3, 1 / 3], [0, 1 / 3]], jnp.bfloat16)  # their sum is 1.002
    value = info.mutual_information(thirds)
    np.testing.assert_allclose(value, np.log(3) - 4 / 3 * np.log(2), rtol=1e-6)
    assert value.dtype == jnp.float32


@pytest.mark.parametrize(
    ("joint", "error", "says"),
    [
        (np.log([[0.25, 0.25], [0.25, 0.25]]), ValueError, "not negative, got -1.38.*softmax"),
        (np.array([[1.0, 3.0], [2.0, 0.5]]), ValueError, "must sum to 1, got 6.5.*as integers"),
        (np.array([[0.5, 0.0], [0.001, 0.5]]), ValueError, "must sum to 1, got 1.001"),
        (np.array([[0.5, np.nan], [0.5, 0.0]]), ValueError, "not finite"),
        (np.array([[0.5, np.inf], [0.5, 0.0]]), ValueError, "not finite"),
        (np.array([[2, -1], [1, 1]]), ValueError, "not negative, got -1"),
        (np.zeros((2, 2), int), ValueError, "counts nothing"),
        (np.zeros((0, 2)), ValueError, "no entries"),
        (np.full((2, 2), True), TypeError, "floating probabilities or integer counts, got bool"),
    ],
)
def test_what_is_no_table(joint, error, says):
    for f in (info.mutual_information, info.total_correlation):
        with pytest.raises(error, match=says):
            f(joint)
    with pytest.raises(error, match=says):
        info.conditional_entropy(joint, given=0)


@pytest.mark.parametrize("given", [2, -3, (0, 0), (0, -2)])
def test_axes_that_are_not_there(given):
    with pytest.raises(ValueError, match="different axes of a table of 2, got"):
        info.conditional_entropy(flipped(0.1), given=given)


@pytest.mark.parametrize("shape", [(4,), (1, 2, 2), ()])
def test_information_is_of_two_variables(shape):
    joint = np.full(shape, 1 / np.prod(shape))
    with pytest.raises(ValueError, match=r"must be \[X, Y\].*vmap.*total_correlation"):
        info.mutual_information(joint)
