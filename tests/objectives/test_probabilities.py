"""Probabilities where logits are asked, and what is none of them."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.objectives import Accuracy, CrossEntropy, Entropy, FocalCrossEntropy

Z = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
P = np.exp(Z) / np.exp(Z).sum(-1, keepdims=True)
Y = np.array([[0, 1], [2, 3], [1, 0]])
WHERE = np.array([[True, False], [True, True], [False, True]])


@pytest.mark.parametrize(
    ("call", "who"),
    [
        (lambda p: CrossEntropy()(p, Y), "CrossEntropy: outputs"),
        (lambda p: CrossEntropy()(p, P), "CrossEntropy: outputs"),
        (
            lambda p: CrossEntropy()(np.where(WHERE[..., None], p, np.nan), Y, where=WHERE),
            "CrossEntropy: outputs",
        ),
        (lambda p: FocalCrossEntropy()(p, Y), "FocalCrossEntropy: outputs"),
    ],
)
def test_probabilities_are_refused(call, who):
    with pytest.raises(ValueError, match=f"{who} must be logits, .*softmax.*subtract 1"):
        call(P)


def test_rounded_probabilities_are_refused():
    with pytest.raises(ValueError, match="must be logits"):
        CrossEntropy()(jnp.asarray(P).astype(jnp.bfloat16), Y)


@pytest.mark.parametrize(
    "logits",
    [
        np.zeros((3, 4), np.float32),
        np.eye(4, dtype=np.float32),
        P[:1, :1],
        P - 1,
        np.log(P),
        1.001 * P,
        np.concatenate([P, Z]),
    ],
    ids=["zeros", "ones", "row", "less 1", "logs", "scaled", "one is none"],
)
def test_logits_are_not(logits):
    assert np.isfinite(CrossEntropy()(logits, np.zeros(logits.shape[:-1], int))).all()


def test_what_takes_any_numbers_takes_probabilities():
    assert (Accuracy()(P, P.argmax(-1)) == 1).all()


def test_masked_steps_do_not_make_probabilities_of_two_logits():
    nowhere = np.zeros((3, 2), bool)
    np.testing.assert_array_equal(CrossEntropy()(Z[..., :2], 0 * Y, where=nowhere), 0)
    np.testing.assert_array_equal(Entropy()(Z[..., :2], None, where=nowhere), 0)
