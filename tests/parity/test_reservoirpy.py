"""The numbers of reservoirpy's echo state network: its states, its readout, what that predicts."""

import jax.numpy as jnp
import numpy as np

from jaxrnn import cells, networks, training
from jaxrnn.data import Batch
from tests.golden import make_reservoirpy as golden


def test_reservoirpy(x64):
    with np.load(golden.FILE) as file:
        recorded = {name: jnp.asarray(file[name]) for name in file.files}
    body = networks.Recurrent(cells.Leaky(golden.INPUTS, golden.UNITS, recorded["leak"]))
    params = cells.ElmanParams(*(recorded[name] for name in ("kernel", "recurrent", "bias")))
    readout = training.fit_readout(
        body,
        params,
        Batch(recorded["xs"], recorded["targets"]),
        ridge=golden.RIDGE,
        washout=golden.WARMUP,
    )
    states = body.apply(params, recorded["xs"])[1]
    dense = networks.Dense(golden.UNITS, golden.TARGETS)
    got = {
        "states": states,
        "readout_kernel": readout.kernel,
        "readout_bias": readout.bias,
        "predictions": dense.apply(readout, states)[1],
    }
    for name, array in got.items():
        error = np.abs(array - recorded[name]).max() / np.abs(recorded[name]).max()
        assert error <= 1e-12, (name, error)
