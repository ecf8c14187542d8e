"""Weights of Keras; their numbers are held to Keras' in `tests/parity/test_keras.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, interop, networks


def drawn(shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def test_a_model_by_the_names_of_its_layers():
    dropped = cells.InputDropout(cells.StateDropout(cells.LSTM(2, 3), 0.1), 0.2)
    network = networks.stack(
        embedding=networks.Embedding(5, 2),
        lstm=networks.stack(networks.Recurrent(dropped), networks.LastPool()),
        norm=networks.LayerNorm(3),
        dense=networks.stack(networks.Dense(3, 4), networks.Activation(jax.nn.relu)),
    )
    weights = drawn([(5, 2), (2, 12), (3, 12), (12,), (3,), (3,), (3, 4), (4,)])
    params = interop.keras.load(network, weights)
    back = interop.keras.dump(network, params)
    assert list(back) == [
        "embedding/embeddings",
        *(f"lstm/{name}" for name in ("kernel", "recurrent_kernel", "bias")),
        *("norm/gamma", "norm/beta", "dense/kernel", "dense/bias"),
    ]
    jax.tree.map(np.testing.assert_array_equal, list(back.values()), weights)
    again = interop.keras.load(network, back)
    jax.tree.map(np.testing.assert_array_equal, again, params)


def test_a_gru_with_one_bias_gets_the_sum():
    weights = drawn([(2, 9), (3, 9), (2, 9)])
    params = interop.keras.load(cells.GRU(2, 3), weights)
    both = weights[2]
    np.testing.assert_array_equal(params.bias[:3], both[0, 3:6] + both[1, 3:6])  # z r h there
    np.testing.assert_array_equal(params.bias[6:], both[0, 6:])
    np.testing.assert_array_equal(params.candidate_bias, both[1, 6:])


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_masked_steps_repeat_the_last_that_counts(batch):
    xs = 1 + jnp.arange(4.0 * np.prod(batch, dtype=int)).reshape(4, *batch, 1)
    mask = np.array([False, True, False, True])
    mask = np.broadcast_to(mask.reshape(4, *(1 for _ in batch)), (4, *batch))
    ys = interop.keras.RepeatLast().apply((), xs, mask=mask)[1]
    wanted = jnp.stack([jnp.zeros_like(xs[0]), xs[1], xs[1], xs[3]])
    np.testing.assert_array_equal(ys, wanted)
    none = interop.keras.RepeatLast().apply((), xs, mask=np.zeros_like(mask))[1]
    assert not none.any()


def test_wrong_calls():
    cell = cells.LSTM(2, 3)
    with pytest.raises(ValueError, match="must be 3 arrays, kernel, recurrent_kernel, bias, got 1"):
        interop.keras.load(cell, drawn([(2, 12)]))
    with pytest.raises(ValueError, match=r"recurrent_kernel is \[2, 12\], .* \[3, 12\]"):
        interop.keras.load(cell, drawn([(2, 12), (2, 12), (12,)]))
    for network, name in [(cells.MGU(2, 3), "MGU"), (cells.ProjectedLSTM(2, 3, 2), "Projected")]:
        with pytest.raises(TypeError, match=f"keras: {name}.* has no counterpart there"):
            interop.keras.load(network, drawn([(2, 12)]))
    for wrong in (None, 3):
        with pytest.raises(TypeError, match="weights must be a mapping"):
            interop.keras.load(cell, wrong)
    with pytest.raises(TypeError, match="EndsPool: it reads the outputs of both directions apart"):
        networks.EndsPool().apply((), np.ones((3, 2, 4), np.float32))
