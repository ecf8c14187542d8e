"""The focal loss, and what is added to a cross-entropy, against closed forms and at the edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.objectives import (
    ConfidencePenalty,
    CrossEntropy,
    FocalCrossEntropy,
    ZLoss,
)

INF = np.inf
RNG = np.random.default_rng(0)
Z, Y = RNG.normal(size=(4, 3, 5)) * 3, RNG.integers(0, 5, (4, 3))
P = np.exp(Z) / np.exp(Z).sum(-1, keepdims=True)
H = -(P * np.log(P)).sum(-1)
GAMMAS = [0.0, 0.5, 1.0, 2.0, 5.0]


def total(objective, z):
    return objective(z, None).sum()


gradient = jax.jit(jax.grad(total, argnums=1))


def test_focal_loss_and_its_gradients(x64):
    """f(s) = q^g s with q = 1 - e^-s of a surprisal s, whose gradient is p - onehot."""
    p, gamma = P[*np.indices(Y.shape), Y], np.array(GAMMAS)[:, None, None]
    s, q = -np.log(p), 1 - p
    slope = q**gamma + gamma * q ** (gamma - 1) * p * s

    def run(gamma, z):
        focal = FocalCrossEntropy(gamma)
        by = jax.grad(lambda g, z: FocalCrossEntropy(g)(z, Y).sum(), argnums=(0, 1))
        return focal(z, Y), by(gamma, z)

    values, (by_gamma, by_z) = jax.jit(jax.vmap(run, (0, None)))(jnp.array(GAMMAS), Z)
    np.testing.assert_allclose(values, q**gamma * s, rtol=1e-12)
    np.testing.assert_allclose(by_z, slope[..., None] * (P - np.eye(5)[Y]), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(by_gamma, (q**gamma * s * np.log(q)).sum((1, 2)), rtol=1e-12)
    np.testing.assert_allclose(values[0], CrossEntropy()(Z, Y), rtol=1e-14)


def test_focal_loss_keeps_its_digits_in_the_tail():
    value = jax.jit(FocalCrossEntropy(2.0))(jnp.array([20.0, 0.0]), jnp.array(0))
    s = np.log1p(np.exp(-20.0))
    np.testing.assert_allclose(value, np.expm1(-s) ** 2 * s, rtol=1e-5)


def test_focal_loss_is_finite_at_the_edges():
    rows = [
        [0, -INF],
        [-INF, 0],
        [-INF, -INF],
        [200, 0],
        [0, 200],
        [3e38, 0],
        [0, 3e38],
        [3e38, -INF],
    ]
    z, gamma = jnp.array(rows, jnp.float32), jnp.array(GAMMAS)

    def value(z, gamma):
        return FocalCrossEntropy(gamma)(z, jnp.array(0))

    def run(z, gamma):
        ahead = jax.jvp(value, (z, gamma), (jnp.ones(2), 1.0))[1]
        return value(z, gamma), jax.grad(value, argnums=(0, 1))(z, gamma), ahead

    every = jax.vmap(jax.vmap(run, (0, None)), (None, 0))
    values, (by_z, by_gamma), ahead = jax.jit(every)(z, gamma)
    assert not np.isnan(values).any() and (values >= 0).all()
    assert np.isfinite(by_z).all() and np.isfinite(by_gamma).all() and np.isfinite(ahead).all()
    np.testing.assert_array_equal(values[:, 0], 0)
    np.testing.assert_array_equal(values[:, 1], INF)
    np.testing.assert_array_equal(by_z[:, 4], [[-1, 1]] * len(GAMMAS))


def test_confidence_penalty(x64):
    np.testing.assert_allclose(jax.jit(ConfidencePenalty())(Z, None), np.log(5) - H, rtol=1e-10)
    hinge = jax.jit(ConfidencePenalty(0.7))(Z, None)
    np.testing.assert_allclose(hinge, np.maximum(0, 0.7 - H), atol=1e-14)
    assert 0 < (H < 0.7).sum() < H.size
    minus_entropy = P * (np.log(P) + H[..., None])
    np.testing.assert_allclose(gradient(ConfidencePenalty(), Z), minus_entropy, atol=1e-12)
    by_threshold, by_z = jax.jit(jax.grad(total, argnums=(0, 1)))(ConfidencePenalty(0.7), Z)
    np.testing.assert_allclose(by_z, np.where((H < 0.7)[..., None], minus_entropy, 0), atol=1e-12)
    assert float(by_threshold.threshold) == (H < 0.7).sum()


def test_confidence_penalty_near_uniform():
    """Half the variance of the logits, of which log V - H would keep no digit."""
    z = jnp.array([1e-4, -1e-4, 0.0, 0.0])
    np.testing.assert_allclose(ConfidencePenalty()(z, None), 0.25e-8, rtol=1e-3)


def test_only_possible_classes_count_for_the_penalty():
    z = jnp.array([[1.0, -INF, 3.0], [-INF, -INF, 2.0], [-INF] * 3])
    alone = jax.jit(ConfidencePenalty())(jnp.array([1.0, 3.0]), None)
    np.testing.assert_allclose(jax.jit(ConfidencePenalty())(z, None), [alone, 0, 0], rtol=1e-6)
    assert np.isfinite(gradient(ConfidencePenalty(), z)).all()


def test_z_loss(x64):
    log_z = np.log(np.exp(Z).sum(-1))
    np.testing.assert_allclose(ZLoss()(Z, None), log_z**2, rtol=1e-12)
    np.testing.assert_allclose(gradient(ZLoss(), Z), 2 * log_z[..., None] * P, rtol=1e-10)


def test_z_loss_of_impossible_classes():
    z = jnp.array([[1.0, -INF, 3.0], [-INF] * 3])
    slope, log_z = gradient(ZLoss(), z), np.log(np.exp(1) + np.exp(3))
    np.testing.assert_allclose(slope[0], 2 * log_z * np.exp(z[0] - log_z), rtol=1e-6)
    np.testing.assert_array_equal(slope[1], 0)
    np.testing.assert_array_equal(ZLoss()(z, None)[1], 0)


def test_in_sums():
    loss = CrossEntropy() + 0.1 * ConfidencePenalty() + 1e-4 * ZLoss()
    z = jnp.array(Z, jnp.float32)
    parts = [jax.jit(o)(z, Y) for o in (CrossEntropy(), ConfidencePenalty(), ZLoss())]
    np.testing.assert_allclose(
        jax.jit(loss)(z, Y), parts[0] + 0.1 * parts[1] + 1e-4 * parts[2], rtol=1e-5
    )


def test_smoothing_is_a_number_to_differentiate_by(x64):
    """The loss is linear in the smoothing, so the derivative is a difference, and here below 0."""
    labels = P.argmin(-1)
    slope = jax.jit(jax.grad(lambda o: o(Z, labels).sum()))(CrossEntropy(0.1)).smoothing
    wanted = (np.log(P[*np.indices(Y.shape), labels]) - np.log(P).mean(-1)).sum()
    np.testing.assert_allclose(slope, wanted, rtol=1e-10)
    assert slope < 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: FocalCrossEntropy(-1.0), "gamma must be finite and at least 0, got -1.0"),
        (lambda: FocalCrossEntropy(INF), "gamma must be finite"),
        (lambda: ConfidencePenalty(-0.1), "threshold must be finite and at least 0, got -0.1"),
        (lambda: FocalCrossEntropy()(Z[..., :1], 0 * Y), "Focal.*single class"),
        (lambda: FocalCrossEntropy()(Z, Y - 9), r"Focal.*labels must lie in \[0, 5\)"),
    ],
)
def test_wrong_calls(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_the_focal_loss_takes_labels_alone():
    with pytest.raises(TypeError, match="FocalCrossEntropy: labels must be integers"):
        FocalCrossEntropy()(Z, P)
