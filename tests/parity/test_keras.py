"""The numbers of Keras' recurrent layers, as recorded: values and the gradients of everything.

Where Keras is installed, what `interop.keras.network` makes of the layers is compared as well.
"""

import importlib.util
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, interop, networks
from jaxrnn.constraints import Summed
from tests.golden import make_keras
from tests.golden.make_keras import CASES, INPUTS, LENGTHS, MASKED
from tests.golden.make_keras import UNITS as H
from tests.quick import some_of

GRU = cells.Constrained(cells.GRU(INPUTS, H), "bias", Summed(2 * H))
ABOVE = cells.Constrained(cells.GRU(H, H + 1), "bias", Summed(2 * H + 2))
LSTM, SIMPLE = cells.LSTM(INPUTS, H), cells.Elman(INPUTS, H)
LAST, BOTH = networks.LastPool(), networks.Both()
NETWORKS = {
    "simple": networks.Recurrent(SIMPLE),
    "simple_relu": networks.stack(
        networks.Recurrent(cells.Elman(INPUTS, H, jax.nn.relu, use_bias=False)), LAST
    ),
    "gru": networks.Recurrent(GRU),
    "gru_before": networks.stack(networks.Recurrent(cells.ResetBeforeGRU(INPUTS, H)), LAST),
    "gru_unbiased": networks.stack(
        networks.Recurrent(cells.GRU(INPUTS, H, use_bias=False), reverse=True), networks.FirstPool()
    ),
    "gru_before_unbiased": networks.stack(
        networks.Recurrent(cells.ResetBeforeGRU(INPUTS, H, use_bias=False)), LAST
    ),
    "lstm": networks.stack(networks.Recurrent(LSTM), LAST),
    "lstm_backward": networks.stack(
        networks.Recurrent(LSTM, reverse=True), interop.keras.ProcessingOrder()
    ),
    "lstm_zero": networks.Recurrent(LSTM),
    "both_concat": networks.Bidirectional(LSTM, LSTM),
    "both_last": networks.stack(networks.Bidirectional(GRU, GRU, merge=BOTH), networks.EndsPool()),
    "both_sum": networks.stack(
        networks.Bidirectional(LSTM, LSTM, merge=BOTH), networks.EndsPool(networks.Add())
    ),
    "both_ave": networks.Bidirectional(SIMPLE, SIMPLE, merge=networks.Average()),
    "both_mul": networks.stack(
        networks.Bidirectional(SIMPLE, SIMPLE, merge=BOTH), networks.EndsPool(networks.Multiply())
    ),
    "stacked": networks.stack(networks.Recurrent(LSTM), networks.Recurrent(ABOVE)),
    "conv1d": networks.Recurrent(
        cells.ConvLSTM(2, H, (6,), (3,), (2,), (1,), padding=cells.Valid())
    ),
    "conv2d": networks.stack(
        networks.Recurrent(cells.ConvLSTM(2, H, (5, 4), (3, 2), (1, 1), (2, 2))), LAST
    ),
}


@pytest.mark.parametrize("name", some_of(CASES, {"gru", "both_last"}))
def test_recorded(name, x64):
    """Outputs and gradients; weights there and back, bit for bit."""
    recorded, network = make_keras.load(name), NETWORKS[name]
    weights = [recorded[f"w{number}"] for number in range(20) if f"w{number}" in recorded]
    params = interop.keras.load(network, weights)
    for back, weight in zip(interop.keras.dump(network, params).values(), weights, strict=True):
        np.testing.assert_array_equal(back, weight)
    repeats = name in {"gru", "stacked"}  # the others ask for zeros, or for the last output
    whole = networks.stack(network, interop.keras.RepeatLast()) if repeats else network
    mask = np.arange(5)[:, None] < LENGTHS if name in MASKED else None

    def loss(params, xs):
        own = (params, ()) if repeats else params
        _, ys = whole.apply(own, jnp.swapaxes(xs, 0, 1), mask=mask)
        ys = jnp.swapaxes(ys, 0, 1) if recorded["ys"].ndim == recorded["xs"].ndim else ys
        return (ys * make_keras.loss_weights(ys.shape)).sum(), ys

    graded = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
    (_, ys), (d_params, d_xs) = graded(params, recorded["xs"])
    got = {"ys": ys, "d_xs": d_xs}
    d_weights = interop.keras.dump(network, d_params).values()
    got |= {f"d_w{number}": value for number, value in enumerate(d_weights)}
    for part, array in got.items():
        assert array.dtype == jnp.float64
        error = np.abs(np.asarray(array) - recorded[part]).max() / np.abs(recorded[part]).max()
        assert error <= 1e-12, (part, error)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("keras") is None or os.environ.get("KERAS_BACKEND") != "jax",
    reason="Keras is not installed, or does not run on JAX; what it computes is tested above",
)
def test_what_is_made_of_its_layers(x64):
    for name in CASES:
        with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
            layer = make_keras.layer(name)
        assert interop.keras.network(layer) == NETWORKS[name], name
