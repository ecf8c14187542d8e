"""Record what PyTorch's attention computes, as `make_torch` does for its recurrent networks.

Run by hand: `python -m tests.golden.make_torch_attention`. `tests/parity/test_torch_attention.py`
reads the file.

A case is one `nn.MultiheadAttention`, or one `nn.TransformerEncoderLayer` in its evaluation mode,
in float64. Its arrays are the inputs `xs` and, if it reads another sequence, `memory`; the outputs
`ys` and the averaged `weights`; every parameter and the gradients of `loss` by its name. Outputs at
padded steps do not count in the loss, for PyTorch computes some there.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.golden.make_torch import loss_weights

FILE = Path(__file__).parent / "torch_attention.npz"
STEPS, ENTRIES, BATCH, FEATURES, MEMORY, HEADS, HIDDEN = 5, 4, 2, 4, 3, 2, 3
LENGTHS = np.array([5, 3])  # of the sequence
THERE = np.array([4, 2])  # of the memory


class Case(NamedTuple):
    """What is run; for an encoder also how."""

    kind: str
    padded: bool = False
    pre_norm: bool = False
    activation: str = ""

    def __str__(self):
        order = "pre_norm" if self.pre_norm else "post_norm"
        options = [order, self.activation] if self.kind == "encoder" else []
        return "-".join([self.kind, *options, "padded" if self.padded else "whole"])


CASES = [
    Case("self"),
    Case("self", padded=True),
    Case("causal"),
    Case("cross"),
    Case("cross", padded=True),
    Case("encoder", activation="relu"),
    Case("encoder", padded=True, pre_norm=True, activation="gelu"),
]


def mask(case, lengths=LENGTHS, steps=STEPS):
    """`Bool[T, B]`, False at padding."""
    return np.arange(steps)[:, None] < (lengths if case.padded else np.full_like(lengths, steps))


def counted(case):
    """How much each output counts in the loss `(ys * counted).sum()`."""
    valid = np.ones((STEPS, BATCH), bool) if case.kind == "cross" else mask(case)
    return loss_weights((STEPS, BATCH, FEATURES)) * valid[..., None]


def record(case, seed):
    """Run PyTorch on random numbers."""
    import torch

    torch.manual_seed(seed)
    xs, memory = (
        torch.randn(n, BATCH, f, dtype=torch.float64, requires_grad=True)
        for n, f in ((STEPS, FEATURES), (ENTRIES, MEMORY))
    )
    hidden = None
    if case.padded:
        valid = mask(case, THERE, ENTRIES) if case.kind == "cross" else mask(case)
        hidden = torch.as_tensor(~valid.T)
    weights = None
    if case.kind == "encoder":
        module = torch.nn.TransformerEncoderLayer(
            FEATURES,
            HEADS,
            HIDDEN,
            dropout=0.0,
            activation=case.activation,
            norm_first=case.pre_norm,
            dtype=torch.float64,
        ).eval()
    else:
        sizes = {"kdim": MEMORY, "vdim": MEMORY} if case.kind == "cross" else {}
        module = torch.nn.MultiheadAttention(FEATURES, HEADS, dtype=torch.float64, **sizes)
    with torch.no_grad():  # biases of 0 and scales of 1 would hide mistakes
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    if case.kind == "encoder":
        ys = module(xs, src_key_padding_mask=hidden)
    else:
        other = memory if case.kind == "cross" else xs
        later = torch.triu(torch.ones(STEPS, STEPS, dtype=torch.bool), 1)
        ys, weights = module(
            xs,
            other,
            other,
            key_padding_mask=hidden,
            attn_mask=later if case.kind == "causal" else None,
        )
        weights = weights.transpose(0, 1)
    (ys * torch.as_tensor(counted(case))).sum().backward()
    arrays = {"xs": xs, "ys": ys, "d_xs": xs.grad}
    if case.kind == "cross":
        arrays |= {"memory": memory, "d_memory": memory.grad}
    if weights is not None:
        arrays["weights"] = weights
    for name, parameter in module.named_parameters():
        arrays |= {f"params/{name}": parameter, f"d_params/{name}": parameter.grad}
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
