"""Surprisal of labels: values, tails, impossible and wrong labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxrnn import information as info

INF = jnp.inf


def test_equals_minus_log_probability(x64):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(4, 30, 6)) * 5, rng.integers(0, 6, (4, 30))
    wanted = -np.take_along_axis(np.asarray(jax.nn.log_softmax(z)), y[..., None], -1)[..., 0]
    np.testing.assert_allclose(info.surprisal(z, y), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        info.surprisal(z.astype(np.float32), y), wanted, rtol=1e-6, atol=1e-6
    )


def test_gradients_equal_finite_differences(x64):
    z = jnp.array(np.random.default_rng(1).normal(size=(3, 5)))
    f = lambda z: info.surprisal(z, jnp.array([0, 4, 2]))  # noqa: E731
    check_grads(jax.jit(f), (z,), order=2, modes=["rev"], rtol=1e-5)


def test_tail_keeps_its_digits():
    value, gradient = jax.value_and_grad(info.surprisal)(jnp.array([20.0, 0.0]), jnp.array(0))
    np.testing.assert_allclose(value, 2.0611536e-9, rtol=1e-6)
    np.testing.assert_allclose(gradient, [-2.0611536e-9, 2.0611536e-9], rtol=1e-6)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_a_common_shift_changes_nothing(shift):
    z = jnp.array([2.0, 0.0, 1.0]) + shift
    np.testing.assert_allclose(info.surprisal(z, jnp.array(2)), 1.4076059, rtol=1e-6)


def test_bfloat16_is_computed_in_float32():
    value = info.surprisal(jnp.array([102.0, 100.0], jnp.bfloat16), jnp.array(0))
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, 0.126928, rtol=1e-5)


@jax.jit
def derivatives(z, label):
    f = info.surprisal
    return f(z, label), jax.grad(f)(z, label), jax.hessian(f)(z, label)


@pytest.mark.parametrize(
    ("z", "label", "value"),
    [
        ([-INF, 0.0, 0.0], 1, np.log(2)),
        ([-INF, 0.0, -INF], 1, 0.0),
        ([-INF, 0.0, 0.0], 0, INF),
        ([-INF, -INF, -INF], 0, INF),
        ([3e38, -3e38, 0.0], 0, 0.0),
        ([3e38, -3e38, 0.0], 2, 3e38),
        ([0.0], 0, 0.0),
    ],
)
def test_edges(z, label, value):
    z, label = jnp.array(z, jnp.float32), jnp.array(label)
    got, gradient, hessian = derivatives(z, label)
    np.testing.assert_allclose(got, value, rtol=1e-6)
    assert np.isfinite(gradient).all()
    assert np.isfinite(hessian).all()


def test_classes_that_are_left_out():
    z, classes = jnp.array([1.0, jnp.nan, 2.0]), jnp.array([True, False, True])
    f = lambda z: info.surprisal(z, jnp.array(2), classes=classes)  # noqa: E731
    np.testing.assert_array_equal(f(z), info.surprisal(jnp.array([1.0, 2.0]), jnp.array(1)))
    gradient = jax.grad(f)(z)
    assert gradient[1] == 0 and np.isfinite(gradient).all()
    assert info.surprisal(z, jnp.array(1), classes=classes) == INF


@pytest.mark.parametrize("label", [-1, -100, 3, 2**31 - 1])
def test_a_label_out_of_range_never_wraps(label):
    z, labels = jnp.array([[1.0, 2.0, 3.0]] * 2), jnp.array([0, label])
    with pytest.raises(ValueError, match=rf"\[0, 3\), got {label} at index \(1,\)"):
        info.surprisal(z, labels)
    value, gradient = jax.jit(jax.value_and_grad(lambda z, y: info.surprisal(z, y)[1]))(z, labels)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("dtype", [jnp.int8, jnp.uint8, jnp.uint32])
def test_small_integers_reach_large_vocabularies(dtype):
    z = jnp.zeros((1, 300)).at[0, 100].set(3.0)
    np.testing.assert_array_equal(
        info.surprisal(z, jnp.array([100], dtype)), info.surprisal(z, jnp.array([100]))
    )


@pytest.mark.parametrize(
    ("labels", "error", "says"),
    [
        (np.zeros((2, 3), np.float32), TypeError, "must be integers, got float32.*astype"),
        (np.zeros((2, 3), bool), TypeError, "must be integers"),
        (np.zeros((2, 3, 1), np.int32), ValueError, r"shape \(2, 3\), got \(2, 3, 1\). Squeeze"),
        (np.zeros((2, 3, 4), np.int32), ValueError, "argmax"),
    ],
)
def test_errors(labels, error, says):
    with pytest.raises(error, match=says):
        info.surprisal(jnp.zeros((2, 3, 4)), labels)
