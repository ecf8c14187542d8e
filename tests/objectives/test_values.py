"""The values of the objectives against closed forms, and their edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.objectives import Accuracy, CrossEntropy, Entropy, MultiLabelCrossEntropy, SquaredError

INF = jnp.inf
RNG = np.random.default_rng(0)
Z, Y = RNG.normal(size=(4, 3, 5)) * 3, RNG.integers(0, 5, (4, 3))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_labels_and_of_their_one_hot_rows(smoothing, x64):
    objective = CrossEntropy(smoothing)
    q = (1 - smoothing) * np.eye(5)[Y] + smoothing / 5
    wanted = -(q * np.asarray(jax.nn.log_softmax(Z))).sum(-1)
    np.testing.assert_allclose(objective(Z, Y), wanted, rtol=1e-12)
    np.testing.assert_allclose(objective(Z, np.eye(5)[Y]), wanted, rtol=1e-12)
    gradient = jax.grad(lambda z: objective(z, Y).sum())(Z)
    np.testing.assert_allclose(gradient, jax.nn.softmax(Z) - q, atol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_small_integers_reach_large_vocabularies(smoothing):
    z, label = jnp.zeros((1, 300)).at[0, 100].set(3.0), jnp.array([100])
    narrow, wide = (CrossEntropy(smoothing)(z, label.astype(t)) for t in (jnp.int8, jnp.int32))
    np.testing.assert_array_equal(narrow, wide)


def test_smoothing_floor(x64):
    """At the optimum the smoothed loss is the entropy of the smoothed target (K=10, a=0.1)."""
    z = jnp.log(jnp.array([0.91, *[0.01] * 9]))
    np.testing.assert_allclose(CrossEntropy(0.1)(z, jnp.array(0)), 0.5002880350578, rtol=1e-12)


def test_smoothing_spreads_over_the_possible_classes():
    with_it, without = jnp.array([1.0, -INF, 2.0]), jnp.array([1.0, 2.0])
    objective = CrossEntropy(0.2)
    np.testing.assert_allclose(
        objective(with_it, jnp.array(2)), objective(without, jnp.array(1)), rtol=1e-6
    )
    least = jnp.finfo(jnp.float32).min
    masked = jnp.array([1.0, least, least, 2.0])
    np.testing.assert_allclose(
        CrossEntropy()(masked, jnp.array(3)), CrossEntropy()(without, jnp.array(1)), rtol=1e-6
    )


def test_a_smoothing_that_is_traced_and_0_is_none_whatever_the_logits():
    """Their differences overflow; 0 times infinity would be NaN."""
    z = jnp.array([3e38, -3e38, 0.0])
    got = jax.jit(lambda objective: objective(z, jnp.array(0)))(CrossEntropy(0.0))
    np.testing.assert_array_equal(got, 0)


@pytest.mark.parametrize("z", [[-INF, 0.0, 0.0], [-INF] * 3, [3e38, 0.0, 1.0]])
@pytest.mark.parametrize("target", [0, 1, [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_gradient_is_finite_at_the_edges(z, target, smoothing):
    z, target = jnp.array(z), jnp.array(target)
    value, gradient = jax.value_and_grad(CrossEntropy(smoothing))(z, target)
    assert not np.isnan(value)
    assert np.isfinite(gradient).all()


def test_multi_label_cross_entropy_is_not_cross_entropy(x64):
    """p = (0.7, 0.2, 0.1): 0.3567 as one class of three, 0.6852 as three labels."""
    p, one_hot = jnp.array([0.7, 0.2, 0.1]), jnp.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(CrossEntropy()(jnp.log(p), one_hot), -np.log(0.7), rtol=1e-12)
    logits = jnp.log(p / (1 - p))
    wanted = -np.log(0.7) - np.log(0.8) - np.log(0.9)
    np.testing.assert_allclose(MultiLabelCrossEntropy()(logits, one_hot), wanted, rtol=1e-12)
    np.testing.assert_allclose(wanted, 0.6852, atol=1e-4)


def test_multi_label_cross_entropy_gradient_and_edges():
    z, y = jnp.array([20.0, -20.0, INF, -INF, 0.3]), jnp.array([1.0, 0.0, 1.0, 0.0, 0.25])
    value, gradient = jax.value_and_grad(MultiLabelCrossEntropy())(z, y)
    soft = np.log1p(np.exp(0.3)) - 0.25 * 0.3
    np.testing.assert_allclose(value, soft, rtol=1e-6)
    np.testing.assert_allclose(gradient, jax.nn.sigmoid(z) - y, rtol=1e-6, atol=3e-9)
    tail = MultiLabelCrossEntropy()(jnp.array([20.0]), jnp.array([True]))
    np.testing.assert_allclose(tail, 2.0611536e-9, rtol=1e-6)
    np.testing.assert_array_equal(
        MultiLabelCrossEntropy()(z, y > 0.5),
        MultiLabelCrossEntropy()(z, (y > 0.5).astype(jnp.int32)),
    )


def test_squared_error_is_a_mean_over_features(x64):
    targets = Z[::-1]
    np.testing.assert_allclose(SquaredError()(Z, targets), ((Z - targets) ** 2).mean(-1))


def test_entropy_reads_no_targets():
    z = jnp.array(Z, jnp.float32)
    np.testing.assert_array_equal(Entropy()(z, None), Entropy()(z, jnp.nan * z))


def test_accuracy():
    outputs = jnp.array([[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    for top, label, hits in (
        (1, 0, [0, 1]),  # equal outputs: the lower class first
        (1, 1, [1, 0]),
        (1, 2, [0, 0]),
        (2, 0, [0, 1]),
        (2, 1, [1, 1]),
        (2, 2, [1, 0]),
        (3, 2, [1, 1]),
    ):
        np.testing.assert_array_equal(Accuracy(top)(outputs, jnp.full(2, label)), hits)
    distribution = jax.nn.one_hot(jnp.array([1, 0]), 3)
    np.testing.assert_array_equal(Accuracy()(outputs, distribution), [1, 1])
    broken = jnp.array([[jnp.nan, 0.0, 1.0]] * 2)
    np.testing.assert_array_equal(Accuracy()(broken, jnp.array([0, 2])), [0, 0])
    np.testing.assert_array_equal(Accuracy(2)(broken, jnp.array([0, 2])), [0, 1])
    many = jnp.zeros((1, 300)).at[0, 256].set(1.0)  # 256 is not 0 of uint8
    np.testing.assert_array_equal(Accuracy()(many, jnp.zeros(1, jnp.uint8)), [0])


def test_float64_stays_float64(x64):
    for objective, targets in (
        (CrossEntropy(), Y),
        (CrossEntropy() + 2 * Accuracy(), Y),
        (SquaredError(), Z),
    ):
        assert objective(Z, targets).dtype == jnp.float64
