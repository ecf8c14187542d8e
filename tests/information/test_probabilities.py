"""Probabilities where logits are asked, and what is none of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.information import entropy, kl_divergence, logsumexp, surprisal
from jaxrnn.objectives import Accuracy, CrossEntropy, Entropy, FocalCrossEntropy

Z = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
P = np.exp(Z) / np.exp(Z).sum(-1, keepdims=True)
Y = np.array([[0, 1], [2, 3], [1, 0]])
WHERE = np.array([[True, False], [True, True], [False, True]])


@pytest.mark.parametrize(
    ("call", "who"),
    [
        (entropy, "entropy: logits"),
        (lambda p: surprisal(p, Y), "surprisal: logits"),
        (lambda p: kl_divergence(Z, p), "kl_divergence: q_logits"),
        (lambda p: CrossEntropy()(p, Y), "CrossEntropy: outputs"),
        (lambda p: CrossEntropy()(p, P), "CrossEntropy: outputs"),
        (
            lambda p: CrossEntropy()(np.where(WHERE[..., None], p, np.nan), Y, where=WHERE),
            "CrossEntropy: outputs",
        ),
        (lambda p: FocalCrossEntropy()(p, Y), "FocalCrossEntropy: outputs"),
        (lambda p: Entropy()(p, None), "entropy: logits"),
    ],
)
def test_probabilities_are_refused(call, who):
    with pytest.raises(ValueError, match=f"{who} must be logits, .*softmax.*subtract 1"):
        call(P)


def test_rounded_probabilities_are_refused():
    with pytest.raises(ValueError, match="must be logits"):
        entropy(jnp.asarray(P).astype(jnp.bfloat16))


@pytest.mark.parametrize(
    "logits",
    [
        np.zeros((3, 4), np.float32),
        np.eye(4, dtype=np.float32),
        P[0, 0],
        P[:1, :1],
        P - 1,
        np.log(P),
        1.001 * P,
        np.concatenate([P, Z]),
        np.ones((3, 1), np.float32),
    ],
    ids=["zeros", "ones", "row", "rows", "less 1", "logs", "scaled", "one is none", "one class"],
)
def test_logits_are_not(logits):
    assert np.isfinite(entropy(logits)).all()


def test_less_1_is_the_same_distribution():
    np.testing.assert_allclose(entropy(P - 1), jax.jit(entropy)(P), rtol=1e-6)


def test_what_takes_any_numbers_takes_probabilities():
    assert np.isfinite(logsumexp(P)).all() and (Accuracy()(P, P.argmax(-1)) == 1).all()


def test_masked_steps_do_not_make_probabilities_of_two_logits():
    nowhere = np.zeros((3, 2), bool)
    np.testing.assert_array_equal(CrossEntropy()(Z[..., :2], 0 * Y, where=nowhere), 0)
    np.testing.assert_array_equal(Entropy()(Z[..., :2], None, where=nowhere), 0)
