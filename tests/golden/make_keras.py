"""Record what layers of Keras compute, so that parity is tested where Keras is not installed.

Run by hand: `KERAS_BACKEND=jax python -m tests.golden.make_keras` (recorded with Keras 3.15.1).
`tests/parity/test_keras.py` reads the file.

A case is one layer in float64. Its arrays are the inputs `xs`, `[batch, time, ...]`, the outputs
`ys`, the gradient `d_xs` of `loss`, the weights `w0`, `w1` in the order of `get_weights()`, and
their gradients `d_w0`, `d_w1`. The steps of masked cases that count are those of `LENGTHS`.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "keras.npz"
BATCH, STEPS, INPUTS, UNITS = 2, 5, 2, 3
LENGTHS = np.array([3, 5])
IMAGE = {"conv1d": (6, 2), "conv2d": (5, 4, 2)}
CASES = {
    "simple": lambda k, **o: k.SimpleRNN(UNITS, return_sequences=True, **o),
    "simple_relu": lambda k, **o: k.SimpleRNN(UNITS, activation="relu", use_bias=False, **o),
    "gru": lambda k, **o: k.GRU(UNITS, return_sequences=True, **o),
    "gru_before": lambda k, **o: k.GRU(UNITS, reset_after=False, **o),
    "gru_unbiased": lambda k, **o: k.GRU(UNITS, use_bias=False, go_backwards=True, **o),
    "gru_before_unbiased": lambda k, **o: k.GRU(UNITS, reset_after=False, use_bias=False, **o),
    "lstm": lambda k, **o: k.LSTM(UNITS, **o),
    "lstm_backward": lambda k, **o: k.LSTM(UNITS, go_backwards=True, return_sequences=True, **o),
    "lstm_zero": lambda k, **o: k.LSTM(
        UNITS, return_sequences=True, zero_output_for_mask=True, unit_forget_bias=False, **o
    ),
    "both_concat": lambda k, **o: k.Bidirectional(k.LSTM(UNITS, return_sequences=True, **o), **o),
    "both_last": lambda k, **o: k.Bidirectional(k.GRU(UNITS, **o), **o),
    "both_sum": lambda k, **o: k.Bidirectional(k.LSTM(UNITS, **o), merge_mode="sum", **o),
    "both_ave": lambda k, **o: k.Bidirectional(
        k.SimpleRNN(UNITS, return_sequences=True, **o), merge_mode="ave", **o
    ),
    "both_mul": lambda k, **o: k.Bidirectional(k.SimpleRNN(UNITS, **o), merge_mode="mul", **o),
    "stacked": lambda k, **o: k.RNN(
        k.StackedRNNCells([k.LSTMCell(UNITS, **o), k.GRUCell(UNITS + 1, **o)], **o),
        return_sequences=True,
        **o,
    ),
    "conv1d": lambda k, **o: k.ConvLSTM1D(UNITS, 3, strides=2, return_sequences=True, **o),
    "conv2d": lambda k, **o: k.ConvLSTM2D(UNITS, (3, 2), padding="same", dilation_rate=2, **o),
}
MASKED = {"gru", "gru_before", "lstm_zero", "lstm_backward", "both_concat", "both_last", "stacked"}


def loss_weights(shape):
    """Every output counts differently in the loss `(outputs * loss_weights).sum()`."""
    return np.cos(np.arange(np.prod(shape))).reshape(shape)


def inputs(name):
    """The shape of the inputs."""
    return (BATCH, STEPS, *IMAGE.get(name, (INPUTS,)))


def layer(name):
    """The layer of a case, built; its tanh is JAX's, for that of Keras rounds to float32 there."""
    import jax
    import jax.numpy as jnp
    import keras

    keras.config.set_dtype_policy("float64")
    made = CASES[name](keras.layers, dtype="float64")
    made.build(inputs(name))
    for part in made._flatten_layers():
        if getattr(getattr(part, "activation", None), "__name__", "") == "tanh" and not isinstance(
            part, keras.layers.RNN | keras.layers.Bidirectional
        ):
            part.activation = jnp.tanh
            part.recurrent_activation = jax.nn.sigmoid
    return made


def record(name, seed):
    """Run Keras on random numbers."""
    import jax

    rng = np.random.default_rng(seed)
    made = layer(name)
    weights = [rng.normal(size=w.shape) for w in made.weights]
    mask = np.arange(STEPS) < LENGTHS[:, None]

    given = {"mask": mask} if name in MASKED else {}
    xs, others = rng.normal(size=inputs(name)), [v.value for v in made.non_trainable_variables]

    def loss(weights, xs):
        ys, _ = made.stateless_call(weights, others, xs, **given)
        return (ys * loss_weights(ys.shape)).sum(), ys

    (_, ys), (d_weights, d_xs) = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(weights, xs)
    arrays = {"xs": xs, "ys": ys, "d_xs": d_xs}
    for number, (weight, gradient) in enumerate(zip(weights, d_weights, strict=True)):
        arrays |= {f"w{number}": weight, f"d_w{number}": gradient}
    return {name: np.asarray(array) for name, array in arrays.items()}


def load(name):
    """The recorded arrays of a case."""
    with np.load(FILE) as arrays:
        prefix = f"{name}/"
        return {n.removeprefix(prefix): arrays[n] for n in arrays.files if n.startswith(prefix)}


if __name__ == "__main__":
    import jax

    jax.config.update("jax_enable_x64", True)  # Keras asks for no more than the global setting
    recorded = {
        f"{name}/{part}": array
        for seed, name in enumerate(CASES)
        for part, array in record(name, seed).items()
    }
    np.savez_compressed(FILE, **recorded)
    print(f"{FILE}: {len(CASES)} cases, {FILE.stat().st_size / 1024:.0f} KiB")
