"""cuDNN's flat weights: held to JAX's own reference, since there is no lowering for a CPU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import rnn

from jaxrnn import cells, interop, networks
from tests.quick import some

STEPS, BATCH, INPUTS, HIDDEN = 5, 2, 2, 3
LENGTHS = np.array([3, 5])


@pytest.mark.parametrize("layers, both", some((1, False), slow=[(2, True)]))
def test_the_numbers_of_the_reference(layers, both, x64):
    network = interop.cudnn.network(INPUTS, HIDDEN, layers, both)
    sizes = INPUTS, HIDDEN, layers, both
    rng = np.random.default_rng(0)
    weights = jnp.asarray(rng.normal(size=rnn.get_num_params_in_lstm(*sizes)))
    xs = jnp.asarray(rng.normal(size=(STEPS, BATCH, INPUTS)))
    start = jnp.zeros((layers * (1 + both), BATCH, HIDDEN))

    def reference(weights, xs):
        parts = rnn.unpack_lstm_weights(weights, *sizes)
        ys, _, _ = rnn.lstm_ref(
            jnp.swapaxes(xs, 0, 1),
            start,
            start,
            *parts,
            seq_lengths=jnp.asarray(LENGTHS, jnp.int32),
            input_size=INPUTS,
            hidden_size=HIDDEN,
            num_layers=layers,
            dropout=0.0,
            bidirectional=both,
        )
        return jnp.swapaxes(ys, 0, 1)

    def ours(weights, xs):
        return network.apply(weights, xs, lengths=LENGTHS)[1]

    params = interop.cudnn.load(network, weights)
    np.testing.assert_array_equal(interop.cudnn.dump(network, params), weights)
    inside = (np.arange(STEPS)[:, None] < LENGTHS)[..., None]
    factors = jnp.asarray(rng.normal(size=(STEPS, BATCH, HIDDEN * (1 + both))) * inside)

    def graded(run):
        def loss(weights, xs):
            ys = jnp.where(inside, run(weights, xs), 0)
            return (ys * factors).sum(), ys

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))

    (_, wanted), (d_weights, d_wanted) = graded(reference)(weights, xs)
    (_, got), (d_params, d_got) = graded(ours)(params, xs)
    for mine, other in [
        (got, wanted),
        (d_got, d_wanted),
        (interop.cudnn.dump(network, d_params), d_weights),
    ]:
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


def test_a_layer_of_ones_own_gets_the_sum_of_both_biases():
    layer = networks.Recurrent(cells.LSTM(2, 3))
    weights = np.arange(4 * 3 * (2 + 3 + 2), dtype=np.float32)
    params = interop.cudnn.load(layer, weights)
    np.testing.assert_array_equal(params.bias, weights[60:72] + weights[72:])


def test_wrong_calls():
    layer = networks.Recurrent(cells.LSTM(2, 3))
    with pytest.raises(ValueError, match=r"a vector of the 84 numbers .*, got \[83\]"):
        interop.cudnn.load(layer, np.ones(83, np.float32))
    for cell in (cells.GRU(2, 3), cells.LSTM(2, 3, use_bias=False)):
        with pytest.raises(TypeError, match="`LSTM` with biases only"):
            interop.cudnn.load(networks.Recurrent(cell), np.ones(84, np.float32))
    with pytest.raises(TypeError, match="floating-point numbers, got int32"):
        interop.cudnn.load(layer, np.ones(84, np.int32))
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        interop.cudnn.network(2, 3, 0)
