"""What nobody can be faster than: the matrix products of a network, and nothing else."""

from functools import partial

import jax


class Products:
    """The products of a dense cell, by themselves: those of a step in a loop, the others at once.

    One column of each result goes into the next product, so that none can be left out.
    """

    def __init__(self, problem):
        params, xs = problem.params, problem.xs
        hidden, width = params.recurrent.shape
        states = jax.random.normal(jax.random.key(0), (*xs.shape[:2], hidden))
        sums = jax.random.normal(jax.random.key(1), (*xs.shape[:2], width))
        args = params.kernel, params.recurrent, xs, states, sums
        self.forward = partial(jax.jit(_forward), *args[:4])
        self.train = partial(jax.jit(_train), *args)


def _forward(kernel, recurrent, xs, states):
    return xs @ kernel, _loop(recurrent, states[0], len(xs))


def _train(kernel, recurrent, xs, states, sums):
    flat_xs, flat_states, flat_sums = (a.reshape(-1, a.shape[-1]) for a in (xs, states, sums))
    backward = _loop(recurrent.T, sums[0], len(xs))
    gradients = flat_xs.T @ flat_sums, flat_states.T @ flat_sums, sums @ kernel.T
    return _forward(kernel, recurrent, xs, states), backward, gradients


def _loop(matrix, start, steps):
    """As many products as there are steps."""
    matrix = jax.lax.optimization_barrier(matrix)

    def step(_, state):
        product = jax.lax.optimization_barrier(state @ matrix)  # all of it
        return state.at[:, :1].set(1e-3 * product[:, :1])

    return jax.lax.fori_loop(0, steps, step, start)
