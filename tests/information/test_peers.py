"""Inputs that other libraries answer wrongly; each comment says what they give."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info

INF = np.inf
surprisal = jax.jit(info.surprisal)


@pytest.mark.parametrize(
    ("logits", "label", "dtype", "nats"),
    [
        # optax 0.2.8 subtracts in the type of the logits: 0, 0, and 0.5 in float16.
        ([102, 100], 0, jnp.bfloat16, 0.12692801),
        ([1002, 1000], 0, jnp.bfloat16, np.log(2)),  # 1002 is 1000 in bfloat16
        ([1000, 1000], 0, jnp.float16, np.log(2)),
        # optax and torch 2.13 give 0 for a margin of 20 in float32.
        ([20, 0], 0, jnp.float32, 2.0611537e-9),
        ([-20, 0], 1, jnp.float32, 2.0611537e-9),
        # keras 3.15 and metrax 0.2.4 clip probabilities at 1e-7: 16.118.
        ([0, 50], 0, jnp.float32, 50),
        # torchmetrics 1.9 takes softmax, then the logarithm: inf.
        ([0, 110], 0, jnp.float32, 110),
        ([0, 20], 0, jnp.float16, 20),
        # optax's cross-entropy of a one-hot row multiplies -inf by 0: NaN.
        ([-INF, 0, 0], 1, jnp.float32, np.log(2)),
    ],
)
def test_surprisal(logits, label, dtype, nats):
    got = surprisal(np.array(logits, dtype), label)
    np.testing.assert_allclose(got, nats, rtol=1e-6)


@pytest.mark.parametrize("label", [-1, -100])
def test_labels_out_of_range(label):
    """Optax scores the last class for -1, and gives NaN for -100."""
    with pytest.raises(ValueError, match="labels must lie in"):
        info.surprisal(np.array([1.0, 2.0, 3.0]), np.array(label))
    assert surprisal(np.array([1.0, 2.0, 3.0], np.float32), label) == 0


def test_cross_entropy_of_an_impossible_class():
    """The tangent of optax's safe variant is NaN, its gradient by the labels infinite."""
    p, q = np.array([[-INF, 0, -INF], [-INF, 0, 0]], np.float32)
    f = info.cross_entropy
    value, tangent = jax.jit(lambda p, q: jax.jvp(f, (p, q), (jnp.ones(3), jnp.ones(3))))(p, q)
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(tangent, 0, atol=1e-6)
    gradients = jax.jit(jax.grad(f, (0, 1)))(p, q)
    np.testing.assert_allclose(gradients, [[0, 0, 0], [0, -0.5, 0.5]], atol=1e-6)


def test_divergence_from_a_distribution_with_a_zero():
    """The gradient of optax's is NaN at the zero; where neither has the class, so is its value."""
    p, q = np.array([[-INF, 0, 0], [np.log(2), 0, 0]], np.float32)
    f = jax.jit(jax.value_and_grad(info.kl_divergence, (0, 1)))
    value, gradients = f(p, q)
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(gradients, [[0, 0, 0], [0.5, -0.25, -0.25]], atol=1e-6)
    value, gradients = f(p, p)
    np.testing.assert_array_equal([value, *np.ravel(gradients)], 0)


def test_entropy_of_an_impossible_class():
    """`-sum(p * log_softmax)` is NaN (TFP, TRL); mended afterwards, its gradient still is."""
    value, gradient = jax.jit(jax.value_and_grad(info.entropy))(np.array([-INF, 0, 0], np.float32))
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)


def test_binary_entropy_far_out():
    """`softplus(z) - z * sigmoid(z)` is 0 in float32."""
    np.testing.assert_allclose(info.binary_entropy(50.0), 9.8366e-21, rtol=1e-4)


@pytest.mark.parametrize("order", [1 - 1e-6, 1 + 1e-6])
def test_renyi_entropy_beside_order_1(order):
    """`logsumexp(order * log_p) / (1 - order)` gives .765 and .875 in float32."""
    z = np.log([0.7, 0.2, 0.1], dtype=np.float32)
    np.testing.assert_allclose(jax.jit(info.renyi_entropy)(z, order), 0.8018185, rtol=1e-6)


@pytest.mark.parametrize(("classes", "floor"), [(2, 0.3133), (4, 0.7437), (10, 1.4612)])
def test_probabilities_in_the_place_of_logits_have_a_floor(classes, floor):
    """The best of losses that apply softmax twice: what a run that stalls there has done."""
    certain = np.eye(classes, dtype=np.float32)[0]
    np.testing.assert_allclose(surprisal(certain, 0), floor, atol=5e-5)


def test_the_floor_of_label_smoothing(x64):
    """It is the entropy of the smoothed target, which no loss of a library takes off."""
    target = np.log(0.9 * np.eye(10)[0] + 0.01)
    floor = jax.jit(info.cross_entropy)(target, target)
    np.testing.assert_allclose(floor, 0.5002880350578, atol=5e-14)


def test_the_best_temperature_makes_surprisal_equal_entropy(x64):
    """A coin of confidence .8 that is right in .6 of all cases: `T = ln 4 / ln 1.5`."""
    z = np.log([0.8, 0.2]) / 3.41902258
    score = 0.6 * surprisal(z, 0) + 0.4 * surprisal(z, 1)
    np.testing.assert_allclose(score, jax.jit(info.entropy)(z), rtol=1e-8)
