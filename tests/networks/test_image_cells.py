"""Layers around cells whose features have two axes, and around cells that draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, networks, unroll
from jaxrnn.networks import Bidirectional, Dropout, LastPool, MaxPool, MeanPool, Recurrent, stack
from tests.cells import Columns

T, B, ROWS, I, H = 5, 3, 2, 3, 4  # noqa: E741
LENGTHS = [5, 3, 1]
IMAGES = (T, B, ROWS, I)


@pytest.mark.parametrize("pool", [MeanPool(), MaxPool(), LastPool()])
def test_images_are_padded_run_and_pooled(pool, key, x64):
    """Each row as it is alone, whatever stands in its padding."""
    network = stack(Recurrent(Columns(I, H)), Dropout(0.5), pool)
    params, xs = network.init(key), jax.random.normal(key, IMAGES)
    counts = (np.arange(T)[:, None] < LENGTHS)[..., None, None]
    carry, pooled = network.apply(params, jnp.where(counts, xs, jnp.nan), lengths=LENGTHS)
    assert network.leading(xs) == (T, B) and network.output_shape == (ROWS, H)
    for b, length in enumerate(LENGTHS):
        last, alone = network.apply(params, xs[:length, b])
        np.testing.assert_allclose(pooled[b], alone, rtol=1e-12)
        np.testing.assert_allclose(carry[0][b], last[0], rtol=1e-12)


def test_images_stream_and_start_afresh(key, x64):
    network = stack(Recurrent(Columns(I, H)), Dropout(0.5))
    params, xs = network.init(key), jax.random.normal(key, IMAGES)
    resets = np.zeros((T, B), bool)
    resets[2, 1] = True
    whole, carry = network.apply(params, xs, resets=resets)[1], None
    for t in range(T):
        carry, y = network.step(params, carry, xs[t], resets=resets[t])
        np.testing.assert_allclose(y, whole[t], rtol=1e-12)


def test_images_both_ways(key, x64):
    layer = Bidirectional(Columns(I, H), Columns(I, H))
    params, xs = layer.init(key), jax.random.normal(key, IMAGES)
    ys = layer.apply(params, xs, lengths=LENGTHS)[1]
    assert ys.shape[-2:] == layer.output_shape == (ROWS, 2 * H)
    for b, length in enumerate(LENGTHS):
        np.testing.assert_allclose(
            ys[:length, b], layer.apply(params, xs[:length, b])[1], rtol=1e-12
        )


def test_a_batch_of_images_names_the_features(key):
    network = stack(Recurrent(Columns(I, H)), MeanPool())
    with pytest.raises(ValueError, match=r"Stack takes features of shape \(None, 3\), got float32"):
        network.apply(network.init(key), jnp.ones((T, B, ROWS, 2)))
    with pytest.raises(ValueError, match=r"stack: layer 1 takes 4 inputs, layer 0 gives features"):
        stack(Recurrent(Columns(I, H)), networks.Dense(H, 2))


def test_the_key_reaches_what_a_cell_draws(key):
    """As `unroll` passes it on; each direction draws its own."""
    cell = cells.Zoneout(cells.LSTM(I, H))
    layer, both = Recurrent(cell), Bidirectional(cell, cell)
    params, xs = layer.init(key), jax.random.normal(key, (T, B, I))
    for given in (None, key):
        wanted = unroll(cell, params, xs, key=given)[1]
        np.testing.assert_array_equal(layer.apply(params, xs, key=given)[1], wanted)
    assert not np.allclose(wanted, layer.apply(params, xs)[1])
    same = both.init(key)._replace(forward=params, backward=params)
    ahead = both.apply(same, xs, key=key)[1][..., :H]
    behind = both.apply(same, xs[::-1], key=key)[1][::-1, ..., H:]
    assert not np.allclose(ahead, behind)
