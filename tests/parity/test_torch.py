"""The numbers of PyTorch's recurrent networks: values and the gradients of everything.

Recorded ones always; fresh ones too where PyTorch is installed.
"""

import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, constraints, interop, networks
from tests.golden import make_torch
from tests.golden.make_torch import CASES, HIDDEN, INPUTS, LAYERS, LENGTHS, PROJECTED, STEPS

CELLS = {
    "rnn_tanh": cells.Elman,
    "rnn_relu": functools.partial(cells.Elman, activation=jax.nn.relu),
    "gru": cells.GRU,
    "lstm": cells.LSTM,
}


def both(cell):
    """The cell with both biases of PyTorch; the candidate's is a parameter of its own in a GRU."""
    size = 2 * HIDDEN if isinstance(cell, cells.GRU) else None
    return cells.Constrained(cell, "bias", constraints.Summed(size))


def network(case, keep=both):
    layers = []
    for size in [INPUTS, *[case.directions * case.outputs] * (LAYERS - 1)]:
        if case.option == "projected":
            cell = keep(cells.ProjectedLSTM(size, HIDDEN, PROJECTED))
        elif case.option == "unbiased":
            cell = CELLS[case.kind](size, HIDDEN, use_bias=False)
        else:
            cell = keep(CELLS[case.kind](size, HIDDEN))
        layers.append(
            networks.Recurrent(cell) if case.directions == 1 else networks.Bidirectional(cell, cell)
        )
    return networks.stack(*layers)


def grouped(case, pieces):
    """One piece a layer, or one pair where there are two directions."""
    if case.directions == 1:
        return tuple(pieces)
    return tuple(networks.Directions(*pieces[i : i + 2]) for i in range(0, len(pieces), 2))


@functools.cache
def compiled(case):
    """`(params, initial, xs) -> ys, last and the gradients`; states as PyTorch has them."""
    mask = jnp.arange(STEPS)[:, None] < LENGTHS[None] if case.packed else None

    def loss(params, initial, xs):
        states = [
            cells.LSTMCarry(*state) if case.kind == "lstm" else state[0]
            for state in zip(*make_torch.states_of(case, initial), strict=True)
        ]
        carry, ys = network(case).apply(params, xs, grouped(case, states), mask=mask)
        parts = jax.tree.leaves(carry)
        each = [parts[0::2], parts[1::2]] if case.kind == "lstm" else [parts]
        last = jnp.concatenate([part.ravel() for parts in each for part in parts])
        total = sum((out * make_torch.loss_weights(out.shape)).sum() for out in (ys, last))
        return total, (ys, last)

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True))


def check(case, recorded):
    """Outputs, states and gradients; weights there and back, bit for bit."""
    weights = make_torch.named(case, recorded["weights"])
    params = interop.torch.load(network(case), weights)
    back = interop.torch.dump(network(case), params)
    assert list(back) == list(weights)
    jax.tree.map(np.testing.assert_array_equal, back, weights)
    initial, xs = recorded["initial"], recorded["xs"]
    (_, (ys, last)), (d_params, d_initial, d_xs) = compiled(case)(params, initial, xs)
    d_weights = interop.torch.dump(network(case), d_params)
    d_weights = np.concatenate([part.ravel() for part in d_weights.values()])
    got = {"ys": ys, "last": last, "d_xs": d_xs, "d_initial": d_initial, "d_weights": d_weights}
    for name, array in got.items():
        assert array.dtype == jnp.float64
        error = np.abs(np.asarray(array) - recorded[name]).max() / np.abs(recorded[name]).max()
        assert error <= 1e-12, (name, error)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if "packed" in str(case) else pytest.mark.slow) for case in CASES],
    ids=str,
)
def test_recorded(case, x64):
    check(case, make_torch.load(case))


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed; the recorded numbers are tested above",
)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_live(case, x64):
    check(case, make_torch.record(case, seed=100))
    assert interop.torch.network(make_torch.module(case)) == network(case)


def test_the_record_is_of_these_cases():
    """Every case has numbers of its own, and no gradient of the record is trivial."""
    recorded = [make_torch.load(case) for case in CASES]
    assert len({numbers["ys"].tobytes() for numbers in recorded}) == len(CASES)
    for case, numbers in zip(CASES, recorded, strict=True):
        assert all(np.abs(numbers[name]).max() > 0.1 for name in numbers), case
        assert len(numbers["weights"]) == sum(map(np.prod, make_torch.weight_shapes(case).values()))
