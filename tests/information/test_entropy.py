"""Entropies against enumeration in float64, at every edge, and in low precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxrnn import information as info

INF = jnp.inf
EDGES = {
    "impossible": [-INF, 0.0, 1.0],
    "certain": [-INF, -INF, 0.0],
    "empty": [-INF, -INF, -INF],
    "uniform": [0.0, 0.0, 0.0],
    "margin 1e3": [1e3, 0.0, -1e3],
    "margin 6e38": [3e38, -3e38, 0.0],
    "masked with the least number": [jnp.finfo(jnp.float32).min] * 2 + [1.0],
}
edges = pytest.mark.parametrize("z", EDGES.values(), ids=EDGES)


def draws(size=7, count=40):
    """Rows of logits from nearly uniform to nearly certain, as numpy float64."""
    scale = np.logspace(-2, 2, count)[:, None]
    return np.random.default_rng(0).normal(size=(count, size)) * scale


@jax.jit
def derivatives(z):
    functions = info.entropy, info.varentropy
    return [d(f)(z) for f in functions for d in (lambda f: f, jax.grad, jax.jacfwd, jax.hessian)]


def enumerated(z):
    """Entropy and varentropy in plain numpy."""
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    s = -np.log(np.where(p > 0, p, 1))
    h = (p * s).sum(-1)
    return h, (p * (s - h[:, None]) ** 2).sum(-1)


def test_float64_equals_enumeration(x64):
    z = draws()
    h, v = enumerated(z)
    np.testing.assert_allclose(info.entropy(z), h, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(info.varentropy(z), v, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(info.log_softmax(z), jax.nn.log_softmax(z), rtol=1e-12, atol=1e-12)


def test_float32_equals_enumeration():
    z = draws().astype(np.float32)
    h, v = enumerated(z.astype(np.float64))
    np.testing.assert_allclose(info.entropy(z), h, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(info.varentropy(z), v, rtol=1e-5, atol=1e-6)


def test_reference_values(x64):
    z = jnp.log(jnp.array([0.7, 0.2, 0.1]))
    np.testing.assert_allclose(info.entropy(z), 0.8018185525433, atol=1e-13)
    np.testing.assert_allclose(info.varentropy(z), 0.4943868095848, atol=1e-13)
    np.testing.assert_allclose(info.to_bits(info.entropy(z)), 1.1567796494, atol=1e-10)


def test_gradients_equal_finite_differences(x64):
    z = jnp.array(draws(5, 6)[2:5])
    for f in (info.entropy, info.varentropy, info.log_softmax, info.binary_entropy):
        check_grads(jax.jit(f), (z,), order=2, modes=["rev"], rtol=1e-4)


def test_tail_keeps_its_digits():
    z = jnp.array([20.0, 0.0])
    np.testing.assert_allclose(info.log_softmax(z)[0], -2.0611536e-9, rtol=1e-6)
    np.testing.assert_allclose(info.entropy(z), 21 * 2.0611536e-9, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(info.entropy)(z)[1], 20 * 2.0611536e-9, rtol=1e-6)


@edges
def test_edges_are_finite_to_the_second_derivative(z):
    z = jnp.array(z, jnp.float32)
    for value in derivatives(z):
        assert np.isfinite(value).all()


def test_an_impossible_class_takes_no_part():
    with_it, without = jnp.array([1.0, -INF, 2.0]), jnp.array([1.0, 2.0])
    for f in (info.entropy, info.varentropy):
        np.testing.assert_array_equal(f(with_it), f(without))
        assert jax.grad(f)(with_it)[1] == 0


@pytest.mark.parametrize("bad", [jnp.nan, INF, 7.0])
def test_classes_that_are_left_out(bad):
    z, classes = (
        jnp.array([[1.0, bad, 2.0], [bad] * 3]),
        jnp.array([[True, False, True], [False] * 3]),
    )
    for f in (info.entropy, info.varentropy):
        value, gradient = jax.value_and_grad(lambda z, f=f: f(z, classes=classes).sum())(z)
        np.testing.assert_array_equal(value, f(jnp.array([1.0, 2.0])))
        np.testing.assert_array_equal(gradient[~classes], 0)
    np.testing.assert_array_equal(info.log_softmax(z, classes=classes)[~classes], -INF)


def test_a_mask_of_steps_is_no_mask_of_classes():
    """With as many steps as classes it passed as `where`, and masked classes."""
    z, steps = jnp.zeros((3, 3)), jnp.array([True, True, False])
    for f in (info.entropy, info.varentropy, info.log_softmax, info.logsumexp):
        with pytest.raises(TypeError, match="where"):
            f(z, where=steps)


def test_the_numbers_do_not_decide_whether_they_are_logits():
    """They are computed with alike, eagerly and compiled, whatever they look like."""
    halves = np.full((2, 2), 0.5, np.float32)
    for z in (halves, np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)):
        wanted = -(jax.nn.softmax(z) * jax.nn.log_softmax(z)).sum(-1)
        for f in (info.entropy, jax.jit(info.entropy)):
            np.testing.assert_allclose(f(z), wanted, rtol=1e-6)
    np.testing.assert_allclose(info.entropy(halves), np.log(2), rtol=1e-7)
    np.testing.assert_allclose(info.surprisal(halves, np.array([0, 1])), np.log(2), rtol=1e-7)
    assert (info.kl_divergence(halves, halves) == 0).all()


def test_nan_is_not_hidden():
    z = jnp.array([0.0, jnp.nan])
    assert np.isnan([info.entropy(z), info.varentropy(z)]).all()


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_low_precision_is_computed_in_float32(dtype):
    z = jnp.array([100.0, 98.0, 97.0], dtype)
    for f in (info.entropy, info.varentropy, info.log_softmax):
        assert f(z).dtype == jnp.float32
        np.testing.assert_array_equal(f(z), f(z.astype(jnp.float32)))
    np.testing.assert_allclose(info.entropy(z), 0.524267, atol=1e-6)


def test_binary_entropy(x64):
    z = jnp.linspace(-40, 40, 41)
    h = info.entropy(jnp.stack([z, 0 * z], -1))
    np.testing.assert_allclose(info.binary_entropy(z), h, rtol=1e-12)
    np.testing.assert_allclose(info.binary_entropy(0.0), np.log(2), rtol=1e-15)


@pytest.mark.parametrize("z", [0.0, 1e-3, 50.0, -50.0, 3e38, INF, -INF])
def test_binary_entropy_at_the_edges(z):
    f = info.binary_entropy
    assert np.isfinite([f(z), jax.grad(f)(z), jax.grad(jax.grad(f))(z)]).all()
    np.testing.assert_array_equal(f(z), f(-z))
    np.testing.assert_allclose(f(50.0), 9.83662e-21, rtol=1e-5)
    np.testing.assert_allclose(jax.grad(jax.grad(f))(0.0), -0.25)


@pytest.mark.parametrize(
    ("arguments", "classes", "error", "says"),
    [
        (np.array([1, 2]), None, TypeError, r"must be floating, got int\d+\[2\].*astype"),
        (np.array([1j]), None, TypeError, "must be floating"),
        (np.float32(1), None, ValueError, "at least one class"),
        (np.zeros((3, 0), np.float32), None, ValueError, "at least one class"),
        (np.zeros(3, np.float32), np.ones(3, np.float32), TypeError, "classes must be bool"),
        (np.zeros((2, 3), np.float32), np.ones(2, bool), ValueError, "classes says which.*got"),
    ],
)
def test_errors(arguments, classes, error, says):
    for f in (info.entropy, info.varentropy, info.log_softmax):
        with pytest.raises(error, match=says):
            f(arguments, classes=classes)
