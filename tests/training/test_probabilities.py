"""Which outputs are taken for probabilities, and which are not."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.training._probabilities import refuse_probabilities

Z = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
P = np.exp(Z) / np.exp(Z).sum(-1, keepdims=True)
WHERE = np.array([[True, False], [True, True], [False, True]])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_rounded_probabilities_are_refused(dtype):
    with pytest.raises(ValueError, match=r"fit: the loss takes logits.*softmax.*subtract 1"):
        refuse_probabilities("fit", jnp.asarray(P).astype(dtype), None)


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
        np.ones((3, 1), np.float32),
    ],
    ids=["zeros", "ones", "row", "less 1", "logs", "scaled", "one is none", "one class"],
)
def test_logits_are_not_refused(logits):
    refuse_probabilities("fit", jnp.asarray(logits), None)


def test_only_rows_that_count_are_asked():
    refuse_probabilities("fit", jnp.where(WHERE[..., None], Z, 0.25), jnp.asarray(WHERE))
    with pytest.raises(ValueError, match="takes logits"):
        refuse_probabilities("fit", jnp.where(WHERE[..., None], P, jnp.nan), jnp.asarray(WHERE))
