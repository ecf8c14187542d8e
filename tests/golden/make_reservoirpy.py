"""Record what reservoirpy makes of an echo state network, in float64.

Run by hand: `python -m tests.golden.make_reservoirpy`. `tests/parity/test_reservoirpy.py` reads the
file, which was made by reservoirpy 0.4.2 (MIT). Two sequences are run from zero by a reservoir with
a leak for each unit; the readout is fitted to what comes after the first `WARMUP` steps of both.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "reservoirpy.npz"
STEPS, BATCH, INPUTS, UNITS, TARGETS = 30, 2, 2, 6, 2
WARMUP, RIDGE = 5, 0.1


def record():
    from reservoirpy.nodes import Reservoir, Ridge

    rng = np.random.default_rng(0)
    given = {
        "leak": rng.uniform(0.2, 1.0, UNITS),
        "kernel": rng.normal(size=(INPUTS, UNITS)),
        "recurrent": 0.5 * rng.normal(size=(UNITS, UNITS)),
        "bias": 0.3 * rng.normal(size=UNITS),
        "xs": rng.normal(size=(STEPS, BATCH, INPUTS)),
        "targets": rng.normal(size=(STEPS, BATCH, TARGETS)) + 1,
    }

    def states(xs):
        reservoir = Reservoir(
            lr=given["leak"], Win=given["kernel"].T, W=given["recurrent"].T, bias=given["bias"]
        )
        return reservoir.run(xs)

    features = [states(given["xs"][:, i]) for i in range(BATCH)]
    readout = Ridge(RIDGE)
    readout.fit(features, [given["targets"][:, i] for i in range(BATCH)], warmup=WARMUP)
    made = {
        "states": np.stack(features, 1),
        "readout_kernel": readout.Wout,
        "readout_bias": readout.bias,
        "predictions": np.stack([readout.run(each) for each in features], 1),
    }
    return given | made


if __name__ == "__main__":
    np.savez_compressed(FILE, **record())
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KiB")
