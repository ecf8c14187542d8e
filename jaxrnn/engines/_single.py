"""The loop of a single sequence does without the axes of its batch.

Before every product with a matrix, XLA copies a vector `[1, H]` on a CPU, and not a vector `[H]`.
"""

from typing import Any

import jax

from .._numerics import divided, known
from .._typing import Carry, Inputs, Params
from ._loop import Tree


def batch_axes(cell: Any, params: Params, carry: Carry) -> int:
    """How many axes a carry has in front of the cell's own; 0 where it is empty."""
    own = jax.tree.leaves(jax.eval_shape(cell.carry, params))
    return jax.tree.leaves(carry)[0].ndim - own[0].ndim if own else 0


def needless_axes(cell: Any, params: Params, carry: Carry, xs: Inputs) -> int:
    """How many batch axes a single sequence can do without; 0 for a batch of several.

    A cell that holds numbers of its own for every sequence, with those axes, needs them.
    """
    axes = batch_axes(cell, params, carry)
    carries, inputs = jax.tree.leaves(carry), jax.tree.leaves(xs)
    places = [*((leaf, 0) for leaf in carries), *((leaf, 1) for leaf in inputs)]
    if not axes or not all(_ones(leaf, first, axes) for leaf, first in places):
        return 0

    def step(carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        us = cell.project(params, xs)
        return cell.advance(params, carry, jax.tree.map(lambda u: u[0], us))

    def bare(carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        return with_ones(step(without(carry, 0, axes), without(xs, 1, axes)), 0, axes)

    try:
        return axes if jax.eval_shape(bare, carry, xs) == jax.eval_shape(step, carry, xs) else 0
    except (IndexError, TypeError, ValueError):  # a user's cell that is for batches alone
        return 0


def without(tree: Tree, first: int, axes: int) -> Tree:
    """The tree without `axes` axes of one entry, from axis `first` on."""
    places = tuple(range(first, first + axes))
    return jax.tree.map(lambda leaf: jax.lax.squeeze(leaf, places), tree)


def with_ones(tree: Tree, first: int, axes: int) -> Tree:
    """The tree with such axes."""
    places = tuple(range(first, first + axes))
    return jax.tree.map(lambda leaf: jax.lax.expand_dims(leaf, places), tree)


def _ones(leaf: Any, first: int, axes: int) -> bool:
    sizes = leaf.shape[first : first + axes]
    return len(sizes) == axes and all(known(n) and n == 1 for n in sizes) and not divided(leaf)
