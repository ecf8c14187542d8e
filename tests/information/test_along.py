"""Entropies of predictions along data, and of independent ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info


def entropy_of_table(log_p):
    """Of all sequences: `log_p [V ** T]`."""
    return -(np.exp(log_p) * log_p).sum()


def test_a_factorised_entropy_is_that_of_the_joint_distribution(x64):
    logits = np.random.default_rng(1).normal(size=(3, 2, 4))
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    joint = [
        entropy_of_table(log_p[0, b][:, None, None] + log_p[1, b][:, None] + log_p[2, b])
        for b in (0, 1)
    ]
    np.testing.assert_allclose(jax.jit(info.factorized_joint_entropy)(logits), joint, rtol=1e-12)


def test_padding_changes_nothing():
    logits = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    mask = np.arange(4)[:, None] < np.array([4, 2])

    @jax.jit
    def both(logits, mask):
        def values(logits):
            joint = info.factorized_joint_entropy(logits, mask=mask)
            return joint, info.teacher_forced_entropy(logits, mask=mask)

        known, pullback = jax.vjp(values, logits)
        return *known, pullback(jax.tree.map(jnp.ones_like, known))[0]

    joint, mean, gradient = both(logits, mask)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    entropies = np.where(mask, -(p * np.log(p)).sum(-1), 0)
    np.testing.assert_allclose(joint, entropies.sum(0), rtol=1e-6)
    np.testing.assert_allclose(mean, entropies.sum() / 6, rtol=1e-6)
    np.testing.assert_array_equal(gradient[~mask], 0)
    for bad in (jnp.nan, jnp.inf, -jnp.inf):
        spoiled = both(np.where(mask[..., None], logits, np.float32(bad)), mask)
        for got, wanted in zip(spoiled, (joint, mean, gradient), strict=True):
            np.testing.assert_array_equal(got, wanted)
    assert np.isnan(both(logits, mask & False)[1])


ROW = np.zeros(3, np.float32)


@pytest.mark.parametrize(
    "call, error, says",
    [
        (
            lambda: info.factorized_joint_entropy(ROW),
            ValueError,
            r"\[T, \*batch, V\], got float32\[3\]",
        ),
        (
            lambda: info.factorized_joint_entropy(ROW[None], mask=np.ones(1)),
            TypeError,
            "mask must be Bool",
        ),
        (
            lambda: info.teacher_forced_entropy(ROW[None], mask=np.ones(2, bool)),
            ValueError,
            r"mask must be \[T, \*batch\] = \(1,\), got \(2,\)",
        ),
    ],
)
def test_errors(call, error, says, as_users_run_it):
    with pytest.raises(error, match=says):
        call()
