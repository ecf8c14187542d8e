"""One of several processes that train together: `python -m tests.training.worker PORT INDEX ...`.

It trains for `steps`, and prints what it got, or the error, as one line of JSON.
"""

import json
import os
import signal
import sys

import jax
import numpy as np
import optax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

PORT, INDEX, COUNT, STEPS, DIRECTORY, WHAT = sys.argv[1:]

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 2 // int(COUNT))
if int(COUNT) > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        f"127.0.0.1:{PORT}",
        int(COUNT),
        int(INDEX),
        heartbeat_timeout_seconds=10,
        shutdown_timeout_seconds=10,
    )

from jaxrnn import training  # noqa: E402
from tests.training.small import ADAM, SCORES, XENT, Small, echo, unstack  # noqa: E402


def happen(event):
    """In the second process alone, what the test asks for at step 9."""
    if event.step != 9 or INDEX != "1":
        return False
    if WHAT == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if WHAT == "raise":
        raise OSError("no space left")
    return WHAT == "stop"


def main():
    """Train, as every process does."""
    batches = [tuple(map(np.asarray, b)) for b in unstack(echo(jax.random.key(1), 5, batch=8))]
    trainer = training.Trainer(
        Small(noise=0.1),
        XENT,
        optax.sgd(1e38) if WHAT == "diverge" else ADAM,
        SCORES,
        carry=training.Carried((8,)),
    )
    key = jax.random.key(int(INDEX) if WHAT == "keys" else 0)
    mesh = jax.make_mesh((jax.device_count(),), ("data",))
    result = training.fit(
        trainer,
        batches,
        steps=int(STEPS),
        every=3,
        key=key,
        validation=batches[:2],
        callbacks=[happen],
        early_stopping=training.EarlyStopping(100),
        checkpoints=training.Checkpoints(DIRECTORY, every=4),
        log=os.path.join(DIRECTORY, "log.csv"),
        sharding=NamedSharding(mesh, P(None, "data")),
    )
    return {
        "history": result.history,
        "params": {name: np.asarray(x).tolist() for name, x in result.state.params.items()},
    }


if __name__ == "__main__":
    try:
        said = main()
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    print("\n" + json.dumps(said), flush=True)
    sys.exit("error" in said)
