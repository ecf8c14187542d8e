"""A reduction in pieces is the reduction of the whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.objectives import CTC, CrossEntropy, Entropy, reduce, reduce_folded

STEPS, BATCH, SIZE, CLASSES = 7, 2, 3, 5
LOSS = CrossEntropy(smoothing=0.1) - 0.5 * Entropy()


def problem():
    keys = jax.random.split(jax.random.key(0), 4)
    hidden = jax.random.normal(keys[0], (STEPS, BATCH, SIZE), jnp.float64)
    kernel = jax.random.normal(keys[1], (SIZE, CLASSES), jnp.float64)
    labels = jax.random.randint(keys[2], (STEPS, BATCH), 0, CLASSES)
    where = jax.random.bernoulli(keys[3], 0.6, (STEPS, BATCH))
    return kernel, hidden, labels, where


@pytest.mark.parametrize("size", [1, 3, 7, 20])
def test_pieces_of_any_size_give_the_sum_and_the_gradients_of_the_whole(size, x64):
    kernel, hidden, labels, where = problem()

    def whole(kernel, hidden):
        return reduce(LOSS, hidden @ kernel, labels, where=where)

    def folded(kernel, hidden):
        def head(h):
            return h @ kernel

        return reduce_folded(LOSS, head, hidden, labels, size=size, where=where)

    def results(pair):
        gradient = jax.grad(lambda *args: pair(*args).mean(), argnums=(0, 1))
        return jax.jit(lambda: (pair(kernel, hidden), gradient(kernel, hidden)))()

    for got, wanted in zip(*map(jax.tree.leaves, map(results, (folded, whole))), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


def test_the_gradient_holds_no_more_than_a_few_pieces_of_the_outputs(x64):
    steps, classes = 64, 1024
    hidden, kernel = jnp.ones((steps, 4, 8)), jnp.ones((8, classes))
    labels = jnp.zeros((steps, 4), int)

    def loss(kernel):
        return reduce_folded(CrossEntropy(), lambda h: h @ kernel, hidden, labels, size=2).mean()

    compiled = jax.jit(jax.grad(loss)).lower(kernel).compile()
    outputs = steps * 4 * classes * 8
    assert compiled.memory_analysis().temp_size_in_bytes < outputs / 2


def test_wrong_calls(x64):
    kernel, hidden, labels, _ = problem()

    def head(h):
        return h @ kernel

    with pytest.raises(TypeError, match=r"the steps of CTC.* depend on one another"):
        reduce_folded(CrossEntropy() + CTC(), head, hidden, labels, size=2)
    with pytest.raises(ValueError, match="size must be"):
        reduce_folded(CrossEntropy(), head, hidden, labels, size=0)
    with pytest.raises(ValueError, match=r"must share T, .*\[7,2,3\].*\[6,2\]"):
        reduce_folded(CrossEntropy(), head, hidden, labels[1:], size=2)
