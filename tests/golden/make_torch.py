"""Record what PyTorch computes, so that parity is tested where PyTorch is not installed.

Run by hand: `python -m tests.golden.make_torch`. `tests/parity/test_torch.py` reads the file.

A case is one `nn.RNN`, `nn.GRU` or `nn.LSTM` of two layers in float64. Its numbers are arrays:
the inputs `xs` and `initial`, the outputs `ys` and `last`, the gradients `d_xs` and `d_initial` of
`loss`, and all weights in one vector, `weights`, with `d_weights`; `named` cuts it. Projections
make the states of an LSTM differ in size; each of `initial` and `last` is one vector then.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

FILE = Path(__file__).parent / "torch.npz"
LAYERS, STEPS, BATCH, INPUTS, HIDDEN, PROJECTED = 2, 5, 2, 2, 3, 2
LENGTHS = np.array([3, 5])  # not sorted
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}


class Case(NamedTuple):
    """What is run; `packed` means sequences of `LENGTHS`, `option` what is not its default."""

    kind: str
    directions: int
    packed: bool
    option: str = ""

    def __str__(self):
        direction = "bidirectional" if self.directions == 2 else "forward"
        whole = "packed" if self.packed else "whole"
        return "-".join([self.kind, direction, whole, *([self.option] if self.option else [])])

    @property
    def outputs(self):
        """Features of one direction."""
        return PROJECTED if self.option == "projected" else HIDDEN

    @property
    def states(self):
        """The shape of every state: hidden, and the cell of an LSTM."""
        lead = LAYERS * self.directions, BATCH
        return [(*lead, self.outputs), (*lead, HIDDEN)][: 2 if self.kind == "lstm" else 1]


CASES = [
    Case(kind, directions, packed)
    for kind in GATES
    for directions, packed in ((1, False), (2, False), (2, True))
] + [
    Case("lstm", 2, True, "projected"),
    Case("gru", 2, False, "unbiased"),
    Case("lstm", 1, False, "unbiased"),
]


def weight_shapes(case):
    """The shapes of PyTorch's parameters by their names, in its order."""
    rows, shapes = GATES[case.kind] * HIDDEN, {}
    for layer in range(LAYERS):
        columns = case.directions * case.outputs if layer else INPUTS
        for end in ("", "_reverse")[: case.directions]:
            place = f"l{layer}{end}"
            shapes |= {f"weight_ih_{place}": (rows, columns)}
            shapes |= {f"weight_hh_{place}": (rows, case.outputs)}
            if case.option != "unbiased":
                shapes |= {f"bias_{part}_{place}": (rows,) for part in ("ih", "hh")}
            if case.option == "projected":
                shapes |= {f"weight_hr_{place}": (PROJECTED, HIDDEN)}
    return shapes


def named(case, vector):
    """The parts of a vector of all weights by their names."""
    shapes = weight_shapes(case)
    cuts = np.cumsum([np.prod(shape) for shape in shapes.values()])[:-1]
    parts = np.split(vector, cuts)
    return {name: part.reshape(shapes[name]) for name, part in zip(shapes, parts, strict=True)}


def states_of(case, vector):
    """The parts of `initial` or `last`."""
    cut = np.prod(case.states[0])
    parts = (vector[:cut], vector[cut:])
    return [part.reshape(shape) for part, shape in zip(parts, case.states, strict=False)]


def loss_weights(shape):
    """Every output counts differently in the loss `(outputs * loss_weights).sum()`."""
    return np.cos(np.arange(np.prod(shape))).reshape(shape)


def module(case):
    """The module of a case."""
    import torch

    options = {"num_layers": LAYERS, "bidirectional": case.directions == 2, "dtype": torch.float64}
    options["bias"] = case.option != "unbiased"
    if case.option == "projected":
        options["proj_size"] = PROJECTED
    if case.kind.startswith("rnn"):
        options["nonlinearity"] = case.kind.removeprefix("rnn_")
    make = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}.get(case.kind, torch.nn.RNN)
    return make(INPUTS, HIDDEN, **options)


def record(case, seed):
    """Run PyTorch on random numbers."""
    import torch

    torch.manual_seed(seed)
    network = module(case)
    xs = torch.randn(STEPS, BATCH, INPUTS, dtype=torch.float64, requires_grad=True)
    size = sum(np.prod(shape) for shape in case.states)
    initial = torch.randn(size, dtype=torch.float64, requires_grad=True)
    inputs = xs
    if case.packed:
        lengths = torch.as_tensor(LENGTHS)
        inputs = torch.nn.utils.rnn.pack_padded_sequence(xs, lengths, enforce_sorted=False)
    states = tuple(states_of(case, initial))
    ys, last = network(inputs, states if len(states) == 2 else states[0])
    if case.packed:
        ys, _ = torch.nn.utils.rnn.pad_packed_sequence(ys, total_length=STEPS)
    last = torch.cat([state.flatten() for state in (last if len(states) == 2 else [last])])
    loss = sum((out * torch.as_tensor(loss_weights(out.shape))).sum() for out in (ys, last))
    loss.backward()
    weights = list(network.parameters())
    assert {n: tuple(w.shape) for n, w in network.named_parameters()} == weight_shapes(case)
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
