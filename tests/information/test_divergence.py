"""Cross-entropy and Kullback-Leibler divergence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxrnn import information as info

INF = jnp.inf


def test_reference_values(x64):
    p, q = jnp.log(jnp.array([0.7, 0.2, 0.1])), jnp.log(jnp.array([0.5, 0.25, 0.25]))
    np.testing.assert_allclose(info.kl_divergence(p, q), 0.0992727822, atol=1e-10)
    np.testing.assert_allclose(info.kl_divergence(q, p), 0.1166224525, atol=1e-10)
    np.testing.assert_allclose(info.cross_entropy(p, q), 0.9010913347, atol=1e-10)


def test_equals_enumeration_and_decomposes(x64):
    p, q = np.random.default_rng(0).normal(size=(2, 50, 6)) * 4
    log_p, log_q = jax.nn.log_softmax(p), jax.nn.log_softmax(q)
    wanted = (jnp.exp(log_p) * (log_p - log_q)).sum(-1)
    np.testing.assert_allclose(info.kl_divergence(p, q), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        info.cross_entropy(p, q), info.entropy(p) + info.kl_divergence(p, q), rtol=1e-12
    )
    p, q = p.astype(np.float32), q.astype(np.float32)
    np.testing.assert_allclose(info.kl_divergence(p, q), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("f", [info.cross_entropy, info.kl_divergence])
def test_gradients_equal_finite_differences(f, x64):
    p, q = jnp.array(np.random.default_rng(0).normal(size=(2, 3, 4)))
    check_grads(jax.jit(f), (p, q), order=2, modes=["rev"], rtol=1e-5)


@pytest.mark.parametrize(
    ("p", "q", "kl"),
    [
        ([-INF, 0.0, 0.0], [-INF, 0.0, 0.0], 0.0),
        ([-INF, 0.0, 0.0], [0.0, 0.0, 0.0], np.log(1.5)),
        ([0.0, 0.0, 0.0], [-INF, 0.0, 0.0], INF),
        ([0.0, -200.0, 0.0], [0.0, 0.0, 0.0], np.log(1.5)),
        ([-INF] * 3, [-INF] * 3, 0.0),
    ],
)
def test_edges(p, q, kl):
    p, q = jnp.array(p), jnp.array(q)
    np.testing.assert_allclose(info.kl_divergence(p, q), kl, rtol=1e-6, atol=1e-7)
    if kl < INF:
        for f in (info.cross_entropy, info.kl_divergence):
            for gradient in jax.jit(jax.grad(f, (0, 1)))(p, q):
                assert np.isfinite(gradient).all()


def test_where_selects_classes():
    p, q = jnp.array([1.0, jnp.nan, 2.0]), jnp.array([jnp.nan, jnp.nan, 0.0])
    where = jnp.array([True, False, True])
    q = q.at[0].set(3.0)
    for f in (info.cross_entropy, info.kl_divergence):
        np.testing.assert_array_equal(
            f(p, q, where=where), f(jnp.array([1.0, 2.0]), jnp.array([3.0, 0.0]))
        )
        for gradient in jax.grad(lambda p, q, f=f: f(p, q, where=where), (0, 1))(p, q):
            assert gradient[1] == 0 and np.isfinite(gradient).all()


def test_two_precisions_meet_in_the_wider(x64):
    p, q = jnp.zeros(3, jnp.bfloat16), jnp.zeros(3, jnp.float64)
    assert info.kl_divergence(p, q).dtype == jnp.float64


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"one shape, got float32.2,3. and float32.3.*broadcast"):
        info.kl_divergence(jnp.zeros((2, 3)), jnp.zeros(3))
