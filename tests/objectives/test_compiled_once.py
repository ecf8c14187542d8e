"""Outside of `jit`, objectives and metrics that scan are compiled once."""

import numpy as np
import pytest

from jaxrnn import metrics
from jaxrnn.objectives import CRF, CTC
from tests.compilations import compiled_again

RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(size=(5, 2, 12)).astype(np.float32)
MASK = np.arange(5)[:, None] < np.array([5, 3])
LABELS = RNG.integers(0, 3, (5, 2))
TRANSCRIPT = np.array([[1, 2], [2, 3]]), np.array([2, 1])
RECENT = metrics.windowed(metrics.nll(), 3)

CALLS = {
    "CRF": lambda: CRF(3)(OUTPUTS, LABELS, where=MASK),
    "CRF.decode": lambda: CRF(3).decode(OUTPUTS, where=MASK),
    "CRF.marginals": lambda: CRF(3).marginals(OUTPUTS, where=MASK),
    "CTC": lambda: CTC()(OUTPUTS, TRANSCRIPT, where=MASK),
    "CTC.decode": lambda: CTC().decode(OUTPUTS, where=MASK),
    "windowed": lambda: RECENT.compute(RECENT.update(RECENT.init(), OUTPUTS, LABELS)),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_second_call_compiles_nothing(name):
    assert not compiled_again(CALLS[name])
