"""Numbers are what they are said to be: outputs are logits, whatever they look like."""

import jax
import numpy as np
import pytest

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
