"""Record what transformers computes for the mixers of RecurrentGemma and Mamba, in float64.

Run by hand where it is installed with PyTorch: `python -m tests.golden.make_transformers`.
`tests/parity/test_transformers.py` reads the file. Recorded with transformers 5.24.0.

Both models keep a few numbers in float32 whatever the type of their weights; while they run here,
what says float32 means float64. A case is a module's weights, its inputs `xs [T, B, features]`, the
outputs `ys`, and the gradients of `(ys * loss_weights).sum()`: `d_xs`, and one for each weight.
RecurrentGemma's recurrence starts behind a first step, which it treats differently, from `initial`.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "transformers.npz"
STEPS, BATCH, FEATURES = 5, 2, 4


def loss_weights(shape):
    """Every output counts differently."""
    return np.cos(np.arange(np.prod(shape))).reshape(shape)


def recorded(module, run, inputs):
    """Weights, inputs, outputs and gradients, with the batch second."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for weight in module.parameters():
        weight.data = torch.randn(weight.shape, generator=generator).double() * 0.5
    xs = {n: torch.randn(s, generator=generator).double() for n, s in inputs.items()}
    for x in xs.values():
        x.requires_grad_()
    ys = run(**xs).transpose(0, 1)
    (ys * torch.as_tensor(loss_weights(ys.shape))).sum().backward()
    named = dict(module.named_parameters()) | xs
    arrays = {"ys": ys} | named | {f"d_{name}": x.grad for name, x in named.items()}
    return {name: array.detach().numpy() for name, array in arrays.items()}


def recurrent_gemma():
    """The RG-LRU of two heads, and the block around it."""
    import torch
    from transformers import RecurrentGemmaConfig
    from transformers.models.recurrent_gemma import modeling_recurrent_gemma as model

    model.RecurrentGemmaRglru._rnn_scan.__defaults__ = (torch.float64,)  # of the accumulation
    config = RecurrentGemmaConfig(
        hidden_size=FEATURES, lru_width=6, num_attention_heads=2, conv1d_width=3
    )
    positions = torch.arange(1, STEPS + 1)[None].expand(BATCH, STEPS)
    cell = model.RecurrentGemmaRglru(config)

    def run(xs, initial):
        cell.recurrent_states = initial
        return cell(xs.transpose(0, 1), positions)

    yield "rg_lru", recorded(cell, run, {"xs": (STEPS, BATCH, 6), "initial": (BATCH, 6)})

    block = model.RecurrentGemmaRecurrentBlock(config, 0)

    def run_block(xs):
        mask = torch.ones(BATCH, STEPS)
        return block(xs.transpose(0, 1), positions, mask, use_cache=False)[0]

    yield "griffin", recorded(block, run_block, {"xs": (STEPS, BATCH, FEATURES)})


def mamba():
    """The mixer: projection, convolution, selective state space model, gate."""
    from transformers import MambaConfig
    from transformers.models.mamba import modeling_mamba as model

    config = MambaConfig(
        hidden_size=FEATURES, state_size=3, expand=2, conv_kernel=3, time_step_rank=1
    )
    mixer = model.MambaMixer(config, 0).eval()
    run = lambda xs: mixer(xs.transpose(0, 1))  # noqa: E731
    yield "mamba", recorded(mixer, run, {"xs": (STEPS, BATCH, FEATURES)})


def load(case):
    """The recorded arrays of a case."""
    with np.load(FILE) as arrays:
        prefix = f"{case}/"
        return {n.removeprefix(prefix): arrays[n] for n in arrays.files if n.startswith(prefix)}


if __name__ == "__main__":
    import torch

    torch.Tensor.float = torch.Tensor.double
    torch.float32 = torch.float64
    torch.set_default_dtype(torch.float64)
    cases = dict([*recurrent_gemma(), *mamba()])
    arrays = {f"{case}/{name}": a for case, named in cases.items() for name, a in named.items()}
    np.savez_compressed(FILE, **arrays)
    print(f"{FILE}: {len(cases)} cases, {FILE.stat().st_size / 1024:.0f} KiB")
    print(*(f"{name} {array.shape} {array.dtype}" for name, array in arrays.items()), sep="\n")
