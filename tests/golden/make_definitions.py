"""Write a definition of every noun, and a few networks as files, as this version does.

    PYTHONPATH=. python tests/golden/make_definitions.py

The names of the files end in the format number. What is there stays as it is: these are the files
of people, which later versions go on to read. Only what a format did not have yet is added.
"""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from jaxrnn import cells, constraints, networks
from jaxrnn.networks._definition_reader import FORMAT
from tests import named  # noqa: F401  (names for the zoo's own)
from tests.zoo import NOUNS

HERE = pathlib.Path(__file__).parent
NETWORKS = {
    "classifier": networks.stack(
        embedding=networks.Embedding(5, 3),
        rnn=networks.Bidirectional(cells.GRU(3, 2), cells.Zoneout(cells.LSTM(3, 2), 0.1)),
        pool=networks.MeanPool(),
        readout=networks.Dense(4, 2),
    ),
    "constrained": networks.Recurrent(
        cells.Constrained(
            cells.Leaky(2, 3, np.float32(0.3), jax.nn.relu),
            "recurrent",
            constraints.Masked(np.tril(np.ones((3, 3), np.float32))),
        )
    ),
    "cell": cells.RHN(2, 3, 2, transform_bias=jnp.array(-0.5)),
}


def params(network):
    """Numbers that are known, in the place of drawn ones."""
    leaves, structure = jax.tree.flatten(jax.eval_shape(network.init, jax.random.key(0)))
    rng = np.random.default_rng(0)
    return jax.tree.unflatten(
        structure, [jnp.asarray(rng.random(leaf.shape), leaf.dtype) for leaf in leaves]
    )


if __name__ == "__main__":
    path = HERE / f"definitions_{FORMAT}.json"
    then = json.loads(path.read_text()) if path.exists() else {}
    now = {name: json.loads(networks.to_json(noun)) for name, noun in NOUNS.items()}
    rows = [f"{json.dumps(name)}: {json.dumps(x)}" for name, x in {**now, **then}.items()]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")
    for name, network in NETWORKS.items():
        file = HERE / f"network_{name}_{FORMAT}.safetensors"
        if not file.exists():
            networks.save(file, params(network), network=network)
