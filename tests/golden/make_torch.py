"""Record what PyTorch computes, so that parity is tested where PyTorch is not installed.

Run by hand: `python -m tests.golden.make_torch`. `tests/parity/test_torch.py` reads the file.

A case is one `nn.RNN`, `nn.GRU` or `nn.LSTM` of two layers in float64. Its numbers are arrays:
the inputs `xs` and `initial`, the outputs `ys` and `last`, the gradients `d_xs` and `d_initial` of
`loss`, and all weights in one vector, `weights`, with `d_weights`; `weight_shapes` cuts it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

FILE = Path(__file__).parent / "torch.npz"
LAYERS, STEPS, BATCH, INPUTS, HIDDEN = 2, 5, 2, 2, 3
LENGTHS = np.array([3, 5])  # not sorted
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}


class Case(NamedTuple):
    """What is run; `packed` means sequences of `LENGTHS`."""

    kind: str
    directions: int
    packed: bool

    def __str__(self):
        direction = "bidirectional" if self.directions == 2 else "forward"
        return f"{self.kind}-{direction}-{'packed' if self.packed else 'whole'}"


CASES = [
    Case(kind, directions, packed)
    for kind in GATES
    for directions, packed in ((1, False), (2, False), (2, True))
]


def weight_shapes(case):
    """The shapes of PyTorch's parameters in its order: per layer and direction four arrays."""
    rows = GATES[case.kind] * HIDDEN
    for layer in range(LAYERS):
        columns = case.directions * HIDDEN if layer else INPUTS
        for _ in range(case.directions):
            yield from ((rows, columns), (rows, HIDDEN), (rows,), (rows,))


def loss_weights(shape):
    """Every output counts differently in the loss `(outputs * loss_weights).sum()`."""
    return np.cos(np.arange(np.prod(shape))).reshape(shape)


def record(case, seed):
    """Run PyTorch on random numbers."""
    import torch

    torch.manual_seed(seed)
    options = {"num_layers": LAYERS, "bidirectional": case.directions == 2, "dtype": torch.float64}
    if case.kind.startswith("rnn"):
        options["nonlinearity"] = case.kind.removeprefix("rnn_")
    make = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}.get(case.kind, torch.nn.RNN)
    module = make(INPUTS, HIDDEN, **options)
    states = 2 if case.kind == "lstm" else 1
    xs = torch.randn(STEPS, BATCH, INPUTS, dtype=torch.float64, requires_grad=True)
    shape = (states, LAYERS * case.directions, BATCH, HIDDEN)
    initial = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    inputs = xs
    if case.packed:
        lengths = torch.as_tensor(LENGTHS)
        inputs = torch.nn.utils.rnn.pack_padded_sequence(xs, lengths, enforce_sorted=False)
    ys, last = module(inputs, tuple(initial) if states == 2 else initial[0])
    if case.packed:
        ys, _ = torch.nn.utils.rnn.pad_packed_sequence(ys, total_length=STEPS)
    last = torch.stack(last) if states == 2 else last[None]
    loss = sum((out * torch.as_tensor(loss_weights(out.shape))).sum() for out in (ys, last))
    loss.backward()
    weights = list(module.parameters())
    assert [tuple(w.shape) for w in weights] == list(weight_shapes(case))
    arrays = {
        "xs": xs,
        "initial": initial,
        "ys": ys,
        "last": last,
        "d_xs": xs.grad,
        "d_initial": initial.grad,
        "weights": torch.cat([w.flatten() for w in weights]),
        "d_weights": torch.cat([w.grad.flatten() for w in weights]),
    }
    return {name: array.detach().numpy() for name, array in arrays.items()}


def load(case):
    """The recorded arrays of a case."""
    with np.load(FILE) as arrays:
        prefix = f"{case}/"
        return {n.removeprefix(prefix): arrays[n] for n in arrays.files if n.startswith(prefix)}


if __name__ == "__main__":
    recorded = {
        f"{case}/{name}": array
        for seed, case in enumerate(CASES)
        for name, array in record(case, seed).items()
    }
    np.savez_compressed(FILE, **recorded)
    print(f"{FILE}: {len(CASES)} cases, {FILE.stat().st_size / 1024:.0f} KiB")
