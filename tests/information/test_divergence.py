"""Cross-entropy and divergences: edges, derivatives, masks; accuracy in `test_accuracy`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info

INF = np.inf
LN2 = np.log(2)
DIVERGENCES = info.cross_entropy, info.kl_divergence, info.js_divergence


def three(p, q, classes=None):
    return [f(p, q, classes=classes) for f in DIVERGENCES]


@jax.jit
def with_gradients(p, q, classes):
    return three(p, q, classes), [jax.grad(f, (0, 1))(p, q, classes=classes) for f in DIVERGENCES]


def test_reference_values(x64):
    p, q = jnp.log(jnp.array([0.7, 0.2, 0.1])), jnp.log(jnp.array([0.5, 0.25, 0.25]))
    forward, backward = (jax.jit(three)(*pair) for pair in ((p, q), (q, p)))
    wanted = [0.9010913347, 0.0992727822, 0.0263676882]
    np.testing.assert_allclose(forward, wanted, atol=5e-11)
    np.testing.assert_allclose(backward[1:], [0.1166224525, wanted[2]], atol=5e-11)


EDGES = [
    ([-INF, 0.0, 0.0], [-INF, 0.0, 0.0], 0.0, 0.0),
    ([-INF, 0.0, 0.0], [0.0, 0.0, 0.0], np.log(1.5), None),
    ([0.0, 0.0, 0.0], [-INF, 0.0, 0.0], INF, None),
    ([0.0, -200.0, 0.0], [0.0, 0.0, 0.0], np.log(1.5), None),
    ([-INF] * 3, [-INF] * 3, 0.0, 0.0),
    ([0.0, -INF, -INF], [-INF, 0.0, 0.0], INF, LN2),
    ([0.0, -300.0, -300.0], [-300.0, 0.0, 0.0], 300.0 + LN2, LN2),
    ([3e38, 0.0, -3e38], [3e38, 0.0, -3e38], 0.0, 0.0),
    ([1.0, 2.0, 3.0], [1001.0, 1002.0, 1003.0], 0.0, 0.0),
]


@pytest.mark.parametrize(("p", "q", "kl", "js"), EDGES)
def test_edges(p, q, kl, js):
    p, q = np.array(p, np.float32), np.array(q, np.float32)
    values, gradients = with_gradients(p, q, np.full(3, True))
    np.testing.assert_allclose(values[0], kl + info.entropy(p), rtol=1e-6)
    np.testing.assert_allclose(values[1], kl, rtol=1e-6)
    if js is not None:
        np.testing.assert_allclose(values[2], js, rtol=1e-6)
    assert 0 <= values[2] < 0.69315
    for gradient in jax.tree.leaves(gradients):
        assert np.isfinite(gradient).all()


def test_second_derivatives_are_finite_at_impossible_classes():
    p, q = jnp.array([-INF, 0.0, 1.0, -INF]), jnp.array([-INF, 1.0, 0.5, 0.0])
    for hessian in jax.tree.leaves(jax.jit(jax.hessian(three, (0, 1)))(p, q)):
        assert np.isfinite(hessian).all()


def test_a_divergence_of_near_predictions_keeps_its_digits(key, x64):
    """In float32 the sum of `p (log p - log q)` is negative in nearly half of these rows."""
    p = jax.random.normal(key, (200, 10), jnp.float32).at[:, 0].set(-INF)
    q = p + 1e-4 * jax.random.normal(jax.random.fold_in(key, 1), p.shape, jnp.float32)

    @jax.jit
    def divergences(p, q):
        slope = jax.grad(lambda q: info.kl_divergence(p, q).sum())(q)
        return slope, info.kl_divergence(p, q), info.js_divergence(p, q)

    single, double = divergences(p, q), divergences(p.astype(jnp.float64), q.astype(jnp.float64))
    for got, wanted in zip(single, double, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-11)
    np.testing.assert_allclose(single[2], single[1] / 4, rtol=1e-3)


def test_a_constant_added_to_the_logits_of_one_changes_nothing():
    """Multiples of 1/64, which float32 holds as exactly beside 2**17."""
    p = np.array([[0.5, 1.25, -0.25, 0.0], [20.0, 0.0, 1.0, -INF]], np.float32)
    q = np.array([[0.0, 1.0, -0.5, 0.25], [20.5, 0.0, 1.5, -INF]], np.float32)

    @jax.jit
    def both(p, q):
        return info.kl_divergence(p, q), info.js_divergence(p, q)

    for moved in (both(p + 2**17, q), both(p, q - 2**17)):
        np.testing.assert_allclose(moved, both(p, q), rtol=1e-6)


def test_classes_that_are_left_out():
    p, q = jnp.array([1.0, jnp.nan, 2.0]), jnp.array([3.0, jnp.nan, 0.0])
    classes = jnp.array([True, False, True])
    values, gradients = with_gradients(p, q, classes)
    without = jnp.full(3, True)
    wanted, _ = with_gradients(p.at[1].set(-INF), q.at[1].set(-INF), without)
    np.testing.assert_array_equal(values, wanted)
    for gradient in jax.tree.leaves(gradients):
        assert gradient[1] == 0 and np.isfinite(gradient).all()


def test_nan_is_not_hidden():
    p = jnp.array([0.0, 1.0, jnp.nan])
    zeros, all_possible = jnp.zeros(3), jnp.full(3, True)
    for pair in ((p, zeros), (zeros, p)):
        assert np.isnan(with_gradients(*pair, all_possible)[0]).all()


def test_two_precisions_meet_in_the_wider(x64):
    p, q = jnp.zeros(3, jnp.bfloat16), jnp.zeros(3, jnp.float64)
    assert {value.dtype for value in jax.eval_shape(three, p, q)} == {jnp.dtype(jnp.float64)}


def test_shapes_must_agree():
    for f in DIVERGENCES:
        with pytest.raises(
            ValueError, match=r"one shape, got float32.2,3. and float32.3.*broadcast"
        ):
            f(jnp.zeros((2, 3)), jnp.zeros(3))


@pytest.mark.parametrize("other", [[0.0, 0.0, 0.0], [1.0, -INF, 2.0], [-INF, -INF, -INF]])
def test_a_row_without_a_possible_class_diverges_from_nothing(other):
    """Its entropy is 0, and so is its cross-entropy, which is the sum of both."""
    p, q = jnp.full(3, -INF), jnp.array(other)
    for f in (info.kl_divergence, info.cross_entropy):
        value, gradients = jax.value_and_grad(f, (0, 1))(p, q)
        assert value == 0
        np.testing.assert_array_equal(gradients, 0)
    rows = jnp.stack([p, jnp.array([0.0, 1.0, 2.0])]), jnp.stack([q, jnp.zeros(3)])
    whole = info.entropy(rows[0]) + info.kl_divergence(*rows)
    np.testing.assert_allclose(info.cross_entropy(*rows), whole, rtol=1e-6)
