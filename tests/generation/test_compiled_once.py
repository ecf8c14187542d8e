"""Outside of `jit`, what writes or reads sequences is compiled once."""

import jax
import numpy as np
import pytest

from jaxrnn import analysis, cells, generation, networks, tasks
from tests.compilations import compiled_again
from tests.generation import models

DATA = np.array([[0, 1], [1, 0], [0, 0], [0, 1]])
KEY = jax.random.key(0)
NETWORK = networks.stack(
    networks.Embedding(5, 8), networks.Recurrent(cells.GRU(8, 8)), networks.Dense(8, 5)
)
PARAMS = NETWORK.init(KEY)


def entropy(expectation):
    return lambda: generation.sequence_entropy(models.golden_mean(), 4, expectation, key=KEY)


CALLS = {
    "Enumeration": entropy(generation.Enumeration()),
    "FiniteState": entropy(generation.FiniteState(1)),
    "MonteCarlo": entropy(generation.MonteCarlo(3)),
    "ControlVariate": entropy(generation.ControlVariate(3)),
    "sequence_kl": lambda: generation.sequence_kl(
        models.flip(0.1), models.flip(0.2), 4, generation.Enumeration()
    ),
    "entropy_surrogate": lambda: generation.entropy_surrogate(models.flip(0.1), 4, 3, key=KEY),
    "memory_profile": lambda: generation.memory_profile(models.flip(0.1), DATA, [1, 2]),
    "entropy_drift": lambda: generation.entropy_drift(models.flip(0.1), 4, 3, key=KEY),
    "lookahead": lambda: generation.entropy_drift(
        generation.lookahead(models.flip(0.1), 0.5), 4, 3, key=KEY
    ),
    "fit_lookahead": lambda: generation.fit_lookahead(models.flip(0.1), DATA),
    "generate": lambda: generation.generate(NETWORK, PARAMS, DATA, 3, key=KEY),
    "sample": lambda: tasks.golden_mean().sample(5, (2,), key=KEY),
    "filter": lambda: tasks.golden_mean().filter(DATA),
    "surprisal": lambda: tasks.golden_mean().surprisal(DATA),
    "fit_temperature": lambda: analysis.fit_temperature(np.eye(3, dtype=np.float32), np.arange(3)),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_second_call_compiles_nothing(name):
    assert not compiled_again(CALLS[name])
