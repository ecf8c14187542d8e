"""The numbers of PyTorch's recurrent networks: values and the gradients of everything.

Recorded ones always; fresh ones too where PyTorch is installed.
"""

import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, networks
from tests.golden import make_torch
from tests.golden.make_torch import CASES, HIDDEN, INPUTS, LAYERS, LENGTHS, STEPS

CELLS = {
    "rnn_tanh": cells.Elman,
    "rnn_relu": functools.partial(cells.Elman, activation=jax.nn.relu),
    "gru": cells.GRU,
    "lstm": cells.LSTM,
}


def converted(kind, w_input, w_hidden, b_input, b_hidden):
    """The parameters of one cell from PyTorch's four arrays, gate order unchanged."""
    kernel, recurrent = w_input.T, w_hidden.T
    if kind == "gru":
        gates, candidate = b_hidden[: 2 * HIDDEN], b_hidden[2 * HIDDEN :]
        bias = b_input + jnp.concatenate([gates, jnp.zeros_like(candidate)])
        return cells.GRUParams(kernel, recurrent, bias, candidate)
    make = cells.LSTMParams if kind == "lstm" else cells.ElmanParams
    return make(kernel, recurrent, b_input + b_hidden)


def network(case):
    sizes = [INPUTS, *[case.directions * HIDDEN] * (LAYERS - 1)]
    make = CELLS[case.kind]
    if case.directions == 1:
        return networks.stack(*(networks.Recurrent(make(size, HIDDEN)) for size in sizes))
    return networks.stack(
        *(networks.Bidirectional(make(size, HIDDEN), make(size, HIDDEN)) for size in sizes)
    )


def grouped(case, pieces):
    """One piece a layer, or one pair where there are two directions."""
    if case.directions == 1:
        return tuple(pieces)
    return tuple(networks.Directions(*pieces[i : i + 2]) for i in range(0, len(pieces), 2))


@functools.cache
def compiled(case):
    """`(weights, initial, xs) -> ys, last and the gradients`, all in PyTorch's layout."""
    cuts = np.cumsum([np.prod(shape) for shape in make_torch.weight_shapes(case)])[:-1]
    mask = jnp.arange(STEPS)[:, None] < LENGTHS[None] if case.packed else None

    def loss(weights, initial, xs):
        pieces = [
            piece.reshape(shape)
            for piece, shape in zip(
                jnp.split(weights, cuts), make_torch.weight_shapes(case), strict=True
            )
        ]
        params = [converted(case.kind, *pieces[i : i + 4]) for i in range(0, len(pieces), 4)]
        states = [
            cells.LSTMCarry(*state) if case.kind == "lstm" else state[0]
            for state in jnp.unstack(initial, axis=1)
        ]
        carry, ys = network(case).apply(grouped(case, params), xs, grouped(case, states), mask=mask)
        last = jnp.stack(jax.tree.leaves(carry))
        if case.kind == "lstm":
            last = jnp.stack([last[0::2], last[1::2]])  # hidden and cell of each layer in turn
        last = last.reshape(initial.shape)
        total = sum((out * make_torch.loss_weights(out.shape)).sum() for out in (ys, last))
        return total, (ys, last)

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True))


def check(case, torch):
    (_, (ys, last)), (d_weights, d_initial, d_xs) = compiled(case)(
        torch["weights"], torch["initial"], torch["xs"]
    )
    got = {"ys": ys, "last": last, "d_xs": d_xs, "d_initial": d_initial, "d_weights": d_weights}
    for name, array in got.items():
        assert array.dtype == jnp.float64
        error = np.abs(np.asarray(array) - torch[name]).max() / np.abs(torch[name]).max()
        assert error <= 1e-12, (name, error)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_recorded(case, x64):
    check(case, make_torch.load(case))


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed; the recorded numbers are tested above",
)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_live(case, x64):
    check(case, make_torch.record(case, seed=100))


def test_the_record_is_of_these_cases():
    """Every case has numbers of its own, and no gradient of the record is trivial."""
    recorded = [make_torch.load(case) for case in CASES]
    assert len({numbers["ys"].tobytes() for numbers in recorded}) == len(CASES)
    for case, numbers in zip(CASES, recorded, strict=True):
        assert all(np.abs(numbers[name]).max() > 0.1 for name in numbers), case
        assert len(numbers["weights"]) == sum(map(np.prod, make_torch.weight_shapes(case)))
