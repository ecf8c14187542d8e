"""What the recordings of PyTorch cells share: the test's numbers, its loss, and the file."""

import jax
import numpy as np

from tests import zoo


def of_torchrecurrent(entry, params, state, xs):
    """Outputs and last state of a cell of torchrecurrent, step by step.

    An entry is the name of its class, options, and what makes its weights of our parameters; what
    has no counterpart is 0.
    """
    import torch
    import torchrecurrent

    make, options, weights = entry
    module = getattr(torchrecurrent, make)(zoo.I, zoo.H, dtype=torch.float64, **options)
    shapes = {name: weight.shape for name, weight in module.named_parameters()}
    made = weights(params)
    assert made.keys() <= shapes.keys(), made.keys() - shapes.keys()
    made = {
        name: made[name].reshape(shape) if name in made else torch.zeros(shape, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    ys = []
    for x in xs:
        state = torch.func.functional_call(module, made, (x, state))
        ys.append(state[0] if isinstance(state, tuple) else state)
    return state, torch.stack(ys)


def record(name, run):
    """What the test compares, as leaves in its order: loss, carry, outputs, gradients."""
    import torch

    from tests.parity.test_textbook import problem

    with jax.enable_x64(True):
        arguments = problem(zoo.CELLS[name], np.random.default_rng(0))
    leaves, structure = jax.tree.flatten(arguments)
    leaves = [torch.tensor(np.asarray(leaf), requires_grad=True) for leaf in leaves]
    params, carry, xs = jax.tree.unflatten(structure, leaves)
    last, ys = run(params, jax.tree.leaves(carry), xs)
    results = [*last, ys]
    loss = 0.0
    for leaf in results:
        numbers = torch.arange(1.0 * leaf.numel(), dtype=torch.float64)
        weight = torch.cos(numbers).reshape(leaf.shape)
        loss = loss + (leaf.real * weight).sum()
        if leaf.is_complex():
            loss = loss + 0.3 * (leaf.imag * weight).sum()
    # With respect to a complex number, JAX gives the conjugate of PyTorch's gradient.
    gradients = [each.conj().resolve_conj() for each in torch.autograd.grad(loss, leaves)]
    return [array.detach().numpy() for array in (loss, *results, *gradients)]


def save(file, runs):
    """Record every cell, each given by its name in the zoo and how it is run."""
    recorded = {
        f"{name}/{k}": leaf
        for name, run in runs.items()
        for k, leaf in enumerate(record(name, run))
    }
    np.savez_compressed(file, **recorded)
    print(f"{file}: {len(runs)} cells, {file.stat().st_size / 1024:.0f} KiB")


def load(file):
    """The recorded leaves of every cell, by its name in the zoo."""
    with np.load(file) as arrays:
        names = {name.split("/")[0] for name in arrays.files}
        counts = {n: sum(name.startswith(f"{n}/") for name in arrays.files) for n in names}
        return {n: [arrays[f"{n}/{k}"] for k in range(counts[n])] for n in sorted(names)}
