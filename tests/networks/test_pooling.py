"""Pooling: the steps that count, whole rows of padding, ties, narrow types."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells
from jaxrnn.networks import Dense, LastPool, MaxPool, MeanPool, Recurrent, stack

POOLS = {
    LastPool: lambda xs: xs[-1],
    MeanPool: lambda xs: xs.mean(0),
    MaxPool: lambda xs: xs.max(0),
}
T, B, F = 6, 4, 3
XS = jnp.asarray(np.random.default_rng(0).normal(size=(T, B, F)) - 5, jnp.float32)
MASK = jnp.arange(T)[:, None] < jnp.array([[T, 3, 1, 0]])
MASK = MASK.at[jnp.array([1, 5, 0]), jnp.array([0, 0, 1])].set(False)


@pytest.mark.parametrize("kind", POOLS)
def test_values_against_numpy(kind):
    """All numbers are negative: a zero of the padding would win a maximum and shift a mean."""
    pooled = jax.jit(lambda mask: kind().apply((), XS, mask=mask)[1])
    ys, xs, mask = np.asarray(pooled(MASK)), np.asarray(XS), np.asarray(MASK)
    for b in range(B - 1):
        np.testing.assert_allclose(ys[b], POOLS[kind](xs[mask[:, b], b]), rtol=1e-6)
    np.testing.assert_array_equal(ys[B - 1], 0)
    np.testing.assert_allclose(pooled(None), POOLS[kind](xs), rtol=1e-6)


@pytest.mark.parametrize("kind", POOLS)
def test_gradients_sum_to_one_a_row_and_to_zero_where_nothing_counts(kind):
    def total(xs):
        return kind().apply((), xs, mask=MASK)[1].sum()

    gradient = jax.jit(jax.grad(total))(jnp.where(MASK[..., None], XS, jnp.nan))
    np.testing.assert_allclose(gradient.sum(0), np.repeat([[1.0], [1], [1], [0]], F, 1), rtol=1e-6)
    np.testing.assert_array_equal(gradient[~MASK], 0)


def test_one_sequence_without_a_batch():
    xs, mask = XS[:, 0], MASK[:, 0]
    np.testing.assert_array_equal(LastPool().apply((), xs, mask=mask)[1], xs[4])


def test_a_mean_does_not_overflow_half_precision():
    xs = jnp.full((100, 1), 1000, jnp.float16)
    ys = MeanPool().apply((), xs)[1]
    assert ys.dtype == jnp.float16 and float(ys[0]) == 1000


def test_a_classifier_of_padded_sequences_equals_one_of_each_alone(x64, key):
    network = stack(Recurrent(cells.GRU(F, 4)), stack(MeanPool()), Dense(4, 2))
    params, xs = jax.jit(network.init)(key), jnp.asarray(XS, float)
    lengths = [6, 3, 1, 2]
    mask = jnp.arange(T)[:, None] < jnp.array([lengths])
    assert network.pools

    @jax.jit
    def run(params, xs):
        padded = network.apply(params, xs, mask=mask)[1]
        alone = [network.apply(params, xs[:length, b])[1] for b, length in enumerate(lengths)]
        return padded, jnp.stack(alone)

    padded, alone = run(params, jnp.where(mask[..., None], xs, jnp.nan))
    np.testing.assert_allclose(padded, alone, rtol=1e-12)
