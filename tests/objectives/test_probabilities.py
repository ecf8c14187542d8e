"""Numbers are what they are said to be: outputs are logits, whatever they look like."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn._numerics import refuse_probabilities
from jaxrnn.objectives import Accuracy, CrossEntropy, Entropy, FocalCrossEntropy

Z = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
P = np.exp(Z) / np.exp(Z).sum(-1, keepdims=True)
Y = np.array([[0, 1], [2, 3], [1, 0]])
WHERE = np.array([[True, False], [True, True], [False, True]])


@pytest.mark.parametrize("where", [None, WHERE])
@pytest.mark.parametrize(
    ("objective", "targets"),
    [
        (CrossEntropy(), Y),
        (CrossEntropy(0.1), P),
        (FocalCrossEntropy(), Y),
        (Entropy(), None),
        (Accuracy(), P.argmax(-1)),
    ],
)
def test_what_looks_like_probabilities_has_one_value_inside_jit_and_outside(
    objective, targets, where
):
    """Rows of 1 in all were refused where they could be read, and scored where they could not."""
    values = objective(P, targets, where=where)
    np.testing.assert_allclose(values, jax.jit(objective)(P, targets, where=where), rtol=1e-6)
    np.testing.assert_allclose(values, objective(P - 1, targets, where=where), rtol=1e-4)


def test_rounded_probabilities_are_refused_where_data_enter():
    for p in (P, jnp.asarray(P).astype(jnp.bfloat16)):
        with pytest.raises(ValueError, match=r"fit: outputs must be logits, .*softmax.*subtract 1"):
            refuse_probabilities("fit", "outputs", p)


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
def test_logits_are_not_refused(logits):
    refuse_probabilities("fit", "outputs", logits)


def test_masked_rows_do_not_make_probabilities_of_logits():
    spoiled = np.where(WHERE[..., None], Z, 0.25)
    refuse_probabilities("fit", "outputs", spoiled, WHERE)
    with pytest.raises(ValueError, match="must be logits"):
        refuse_probabilities("fit", "outputs", np.where(WHERE[..., None], P, np.nan), WHERE)
