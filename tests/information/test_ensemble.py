"""What an ensemble does not know: its parts; accuracy in `test_accuracy`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info

INF = np.inf
uncertainty = jax.jit(info.ensemble_uncertainty)


def test_reference_values(x64):
    parts = uncertainty(jnp.log(jnp.array([[0.9, 0.1], [0.1, 0.9]])))
    np.testing.assert_allclose(parts, [np.log(2), 0.3250829733915, 0.3680642071685], atol=5e-14)


def test_total_is_the_entropy_of_the_mean(x64):
    z = np.random.default_rng(0).normal(size=(5, 4, 3, 6)) * 3
    parts = uncertainty(z)
    p = np.exp(np.asarray(jax.nn.log_softmax(z)))
    wanted = -(p.mean(0) * np.log(p.mean(0))).sum(-1), -(p * np.log(p)).sum(-1).mean(0)
    np.testing.assert_allclose(parts[:2], wanted, rtol=1e-12)
    np.testing.assert_allclose(parts.epistemic, wanted[0] - wanted[1], rtol=1e-11)


def test_edges():
    """Members that agree, that exclude each other, that exclude a class, and none at all."""
    z = np.full((3, 5, 3), -INF, np.float32)
    z[:, 0] = [1.0, 3.0, 2.0]
    z[:, 1] = np.where(np.eye(3), 0, -INF)
    z[:, 2] = [[0.0, 0.0, -INF], [0.0, 0.0, -INF], [0.0, -INF, 0.0]]
    z[:, 3] = np.where(np.eye(3), 3e38, -3e38)
    parts = uncertainty(z)
    p = np.array([3, 2, 1]) / 6
    mixed = -(p * np.log(p)).sum()
    np.testing.assert_allclose(
        parts.epistemic, [0, np.log(3), mixed - np.log(2), np.log(3), 0], rtol=1e-6
    )
    np.testing.assert_allclose(parts.aleatoric[1:], [0, np.log(2), 0, 0], rtol=1e-6)
    for of_part in jax.jit(jax.jacrev(info.ensemble_uncertainty))(z):
        assert np.isfinite(of_part).all()


def test_classes_that_are_left_out():
    z, classes = jnp.array([[1.0, jnp.nan, 2.0], [0.0, 5.0, 1.0]]), jnp.array([True, False, True])
    f = jax.jit(
        lambda z, classes: jax.value_and_grad(
            lambda z: info.ensemble_uncertainty(z, classes=classes).total
        )(z)
    )
    value, gradient = f(z, classes)
    wanted, _ = f(z.at[:, 1].set(-INF), jnp.full(3, True))
    assert value == wanted
    np.testing.assert_array_equal(gradient[:, 1], 0)


def test_one_member_knows_all_that_it_can():
    total, aleatoric, epistemic = uncertainty(jnp.array([[1.0, 0.0]], jnp.bfloat16))
    assert total == aleatoric and epistemic == 0 and total.dtype == jnp.float32


@pytest.mark.parametrize(
    ("logits", "error", "says"),
    [
        (np.zeros(3, np.float32), ValueError, r"must be \[K, ..., V\].*got float32\[3\].*stack"),
        (np.zeros((0, 3), np.float32), ValueError, "at least one member"),
        (np.zeros((2, 3), np.int32), TypeError, "logits must be floating"),
    ],
)
def test_errors(logits, error, says):
    with pytest.raises(error, match=says):
        info.ensemble_uncertainty(logits)
