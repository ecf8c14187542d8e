"""Recurrent networks of jaxrnn and its peers behind one face: the same weights, the same function.

A peer is a function from a `Problem` to a contestant. Where its library has no such network, it
raises `UnsupportedError` with the reason.
"""

import os
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "jax")  # before keras is imported

import jax
import jax.numpy as jnp
import numpy as np

from jaxrnn import cells, unroll


class UnsupportedError(Exception):
    """The peer has no network that computes this."""


class Problem(NamedTuple):
    """One cell with its weights and its inputs `[T, B, I]`."""

    cell: Any
    params: Any
    xs: Any

    @property
    def kind(self):
        return type(self.cell).__name__


def problem(kind, shape):
    """The weights that `init` draws with random biases, and normal inputs."""
    steps, batch, inputs, hidden = shape
    cell = getattr(cells, kind)(inputs, hidden)
    weights, biases, data = jax.random.split(jax.random.key(0), 3)

    def perturbed(leaf):
        return leaf + 0.1 * jax.random.normal(biases, leaf.shape) if leaf.ndim == 1 else leaf

    params = jax.tree.map(perturbed, cell.init(weights))
    return Problem(cell, params, jax.random.normal(data, (steps, batch, inputs)))


class JaxContestant:
    """`apply(params, xs) -> ys`, compiled; `matrices` finds the weight matrices of a tree."""

    def __init__(self, apply, params, xs, *, batch_first=False, matrices=None):
        self.apply, self.args = apply, (params, xs)
        self.axis = 1 if batch_first else 0
        self.matrices = matrices or _of_rank_two
        self.compiled_forward = jax.jit(apply)
        self.compiled_train = jax.jit(self.gradients)

    def gradients(self, params, xs):
        """Of the mean square of the outputs, with respect to parameters and inputs."""

        def loss(params, xs):
            return (self.apply(params, xs) ** 2).mean()

        return jax.grad(loss, argnums=(0, 1))(params, xs)

    def forward(self):
        return self.compiled_forward(*self.args)

    def train(self):
        return self.compiled_train(*self.args)

    def results(self):
        """What must be equal for all, as numpy arrays with time first."""
        ys, (d_params, d_xs) = self.forward(), self.train()
        return _results(
            np.moveaxis(ys, self.axis, 0), np.moveaxis(d_xs, self.axis, 0), self.matrices(d_params)
        )


class TorchContestant:
    """A module of PyTorch on `[T, B, I]`."""

    def __init__(self, module, xs):
        self.module, self.xs = module, xs

    def forward(self):
        import torch

        with torch.no_grad():
            return self.module(self.xs)[0]

    def train(self):
        import torch

        loss = self.module(self.xs)[0].square().mean()
        return torch.autograd.grad(loss, [self.xs, *self.module.parameters()])

    def results(self):
        d_xs, *d_params = (gradient.numpy() for gradient in self.train())
        return _results(self.forward().numpy(), d_xs, _of_rank_two(d_params))


def _of_rank_two(tree):
    return [leaf for leaf in jax.tree.leaves(tree) if leaf.ndim == 2]


def _results(ys, d_xs, d_matrices):
    squared = sum((np.asarray(leaf, float) ** 2).sum() for leaf in d_matrices)
    return {"outputs": ys, "input gradients": d_xs, "norm of the weight gradients": squared**0.5}


def jaxrnn(problem):
    def apply(params, xs):
        return unroll(problem.cell, params, xs)[1]

    return JaxContestant(apply, problem.params, problem.xs)


def flax_linen(problem):
    import flax.linen as nn

    params, hidden = problem.params, problem.cell.hidden
    match problem.kind:
        case "Elman":
            cell = nn.SimpleCell(hidden)
            weights = {
                "i": {"kernel": params.kernel, "bias": params.bias},
                "h": {"kernel": params.recurrent},
            }
        case "GRU":
            cell = nn.GRUCell(hidden)
            weights = _by_gate("i", "rzn", kernel=params.kernel, bias=params.bias)
            weights |= _by_gate("h", "rzn", kernel=params.recurrent)
            weights["hn"]["bias"] = params.candidate_bias
        case "LSTM":
            cell = nn.OptimizedLSTMCell(hidden)
            weights = _by_gate("i", "ifgo", kernel=params.kernel)
            weights |= _by_gate("h", "ifgo", kernel=params.recurrent, bias=params.bias)
        case kind:
            raise UnsupportedError(f"no {kind}")
    rnn = nn.RNN(cell, time_major=True)
    return JaxContestant(rnn.apply, {"params": {"cell": weights}}, problem.xs)


def _by_gate(prefix, gates, **arrays):
    """Blocks that stand side by side, as one dictionary for each gate."""
    split = {name: jnp.split(array, len(gates), axis=-1) for name, array in arrays.items()}
    return {
        prefix + gate: {name: parts[i] for name, parts in split.items()}
        for i, gate in enumerate(gates)
    }


def equinox(problem):
    import equinox as eqx

    if problem.kind not in ("GRU", "LSTM"):
        raise UnsupportedError(f"no {problem.kind} cell")
    params, size = problem.params, (problem.cell.inputs, problem.cell.hidden)
    weights = [params.kernel.T, params.recurrent.T, params.bias]
    if problem.kind == "GRU":
        cell = eqx.nn.GRUCell(*size, key=jax.random.key(0))
        names = ("weight_ih", "weight_hh", "bias", "bias_n")
        weights.append(params.candidate_bias)
    else:
        cell = eqx.nn.LSTMCell(*size, key=jax.random.key(0))
        names = ("weight_ih", "weight_hh", "bias")
    cell = eqx.tree_at(lambda cell: [getattr(cell, name) for name in names], cell, weights)

    def apply(cell, xs):
        def step(carry, x):
            carry = jax.vmap(cell)(x, carry)
            return carry, carry[0] if isinstance(carry, tuple) else carry

        state = jnp.zeros((xs.shape[1], cell.hidden_size))
        start = (state, state) if isinstance(cell, eqx.nn.LSTMCell) else state
        return jax.lax.scan(step, start, xs)[1]

    return JaxContestant(apply, cell, problem.xs)


def pytorch(problem):
    import torch

    modules = {"Elman": torch.nn.RNN, "GRU": torch.nn.GRU, "LSTM": torch.nn.LSTM}
    if problem.kind not in modules:
        raise UnsupportedError(f"no {problem.kind}")
    params, hidden = problem.params, problem.cell.hidden
    module = modules[problem.kind](problem.cell.inputs, hidden)
    second = jnp.zeros_like(params.bias)
    if problem.kind == "GRU":
        second = second.at[2 * hidden :].set(params.candidate_bias)
    weights = params.kernel.T, params.recurrent.T, params.bias, second
    for parameter, array in zip(module.parameters(), weights, strict=True):
        parameter.data = torch.tensor(np.array(array))
    return TorchContestant(module, torch.tensor(np.array(problem.xs), requires_grad=True))


PEERS = {
    "flax linen": flax_linen,
    "equinox": equinox,
    "torch": pytorch,
}
PACKAGES = {"flax linen": "flax", "equinox": "equinox", "torch": "torch"}
