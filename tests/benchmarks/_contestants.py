"""One network on one problem, ready to be called: what all libraries have in common here."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxrnn import cells

OURS = "jaxrnn"


class UnsupportedError(Exception):
    """The library has no network that computes this."""


class Problem(NamedTuple):
    """A cell, its weights, inputs `[T, B, I]`, and `lengths` or `resets` as `unroll` takes them."""

    cell: Any
    params: Any
    xs: Any
    controls: dict[str, Any]

    @property
    def kind(self):
        return type(self.cell).__name__

    def require(self, *, kinds, controls=()):
        """Raise where a library has no such cell, or no such control."""
        if self.kind not in kinds:
            raise UnsupportedError(f"has no {self.kind}")
        if missing := set(self.controls) - set(controls):
            raise UnsupportedError(f"takes no {missing.pop()}")


def problem(kind, shape, seed=0, **controls):
    """The weights that `init` draws with random biases, and normal inputs."""
    steps, batch, inputs, hidden = shape
    cell = getattr(cells, kind)(inputs, hidden)
    weights, data = jax.random.split(jax.random.key(seed))
    xs = jax.random.normal(data, (steps, batch, inputs))
    return Problem(cell, drawn(cell, weights), xs, controls)


def drawn(cell, key):
    """Parameters whose biases are no zeros."""

    def perturbed(leaf):
        return leaf + 0.1 * jax.random.normal(key, leaf.shape) if leaf.ndim == 1 else leaf

    return jax.tree.map(perturbed, cell.init(key))


class JaxContestant:
    """`apply(params, xs, **controls) -> ys`, compiled; with lengths it returns `ys, last_hidden`.

    `matrices` picks the weight matrices of the parameters, by default whatever has two axes.
    `solves` is the problem that this solves, where it is not the one that it was given.
    """

    def __init__(self, apply, params, problem, *, batch_first=False, matrices=None, solves=None):
        self.apply, self.controls = apply, problem.controls
        self.axis = 1 if batch_first else 0
        self.args = params, jnp.moveaxis(problem.xs, 0, self.axis)
        self.matrices = matrices or _of_rank_two
        self.solves = solves
        self.compiled_forward = jax.jit(apply)
        self.compiled_train = jax.jit(self.gradients)

    def gradients(self, params, xs, **controls):
        """Of the mean square of the outputs, with respect to parameters and inputs."""

        def loss(params, xs):
            return sum((leaf**2).mean() for leaf in _leaves(self.apply(params, xs, **controls)))

        return jax.grad(loss, argnums=(0, 1))(params, xs)

    def forward(self):
        return self.compiled_forward(*self.args, **self.controls)

    def train(self):
        return self.compiled_train(*self.args, **self.controls)

    def compiled(self):
        """The train step compiled anew."""
        return jax.jit(self.gradients).lower(*self.args, **self.controls).compile()

    def results(self):
        """What must be equal for all, as numpy arrays with time first."""
        ys, *last = _leaves(self.forward())
        d_params, d_xs = self.train()
        ys, d_xs = (np.moveaxis(array, self.axis, 0) for array in (ys, d_xs))
        return _results([ys, *last], d_xs, self.matrices(d_params))


class TorchContestant:
    """`apply(xs) -> ys`, or `ys, last_hidden`, with the module that holds the parameters."""

    solves = None

    def __init__(self, apply, module, problem):
        import torch

        self.apply, self.parameters = apply, list(module.parameters())
        self.xs = torch.tensor(np.array(problem.xs), requires_grad=True)

    def forward(self):
        import torch

        with torch.no_grad():
            return self.apply(self.xs)

    def train(self):
        import torch

        loss = sum(leaf.square().mean() for leaf in _leaves(self.apply(self.xs)))
        return torch.autograd.grad(loss, [self.xs, *self.parameters])

    def results(self):
        d_xs, *d_params = (gradient.numpy() for gradient in self.train())
        outputs = [leaf.numpy() for leaf in _leaves(self.forward())]
        return _results(outputs, d_xs, _of_rank_two(d_params))


def _leaves(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _of_rank_two(tree):
    return [leaf for leaf in jax.tree.leaves(tree) if leaf.ndim == 2]


def _results(outputs, d_xs, d_matrices):
    squared = sum((np.asarray(leaf, float) ** 2).sum() for leaf in d_matrices)
    names = ("outputs", "last states")[: len(outputs)]
    return {
        **dict(zip(names, outputs, strict=True)),
        "input gradients": d_xs,
        "norm of the weight gradients": squared**0.5,
    }


def check(name, got, wanted):
    """Raise where results differ by more than float32 explains."""
    for what, value in wanted.items():
        compare(f"{name}: {what}", got[what], value)


def compare(what, got, wanted):
    """Raise where the largest difference exceeds a thousandth of the largest value."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        raise AssertionError(f"{what} have shape {got.shape}, those of jaxrnn {wanted.shape}")
    error = float(np.abs(got - wanted).max() / np.abs(wanted).max())
    if not error < 1e-3:
        raise AssertionError(f"{what} differ from those of jaxrnn by {error:.1e} of the largest")
