"""Tangents as trees with None where there is none, and whether a function is affine."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import partial_eval


def moving(tree: Any) -> Any:
    """The tree with None in place of leaves without a derivative: integers, flags, keys."""
    return jax.tree.map(
        lambda leaf: leaf if jnp.issubdtype(leaf.dtype, jnp.inexact) else None, tree
    )


def filled(tangents: Any, like: Any) -> Any:
    """The tangents with zeros in place of None, for numbers."""

    def fill(like: Any, tangent: Any) -> Any:
        return jnp.zeros_like(like) if tangent is None else tangent

    return jax.tree.map(fill, like, tangents)


def pushed(function: Callable[..., Any], primals: tuple[Any, ...], tangents: Any) -> Any:
    """The tangents of a function's results; `jax.jvp` for trees with None.

    Leaves without a derivative are constants to JAX, whose own tangents of them, arrays of float0,
    have no symbolic shapes.
    """
    structure: Any
    leaves, structure = jax.tree.flatten(primals)
    own = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    given = structure.flatten_up_to(tangents)

    def numbers(*values: Any) -> Any:
        whole = list(leaves)
        for i, value in zip(own, values, strict=True):
            whole[i] = value
        return moving(function(*structure.unflatten(whole)))

    points = tuple(leaves[i] for i in own)
    return jax.jvp(numbers, points, filled(tuple(given[i] for i in own), points))[1]


def affine(function: Callable[..., Any], argument: Any, *others: Any) -> bool:
    """Whether the derivative of a function by its first argument does not depend on it.

    The derivative is traced, not computed, so that this costs nothing when the program runs.
    """

    def derivative(argument: Any, tangents: Any, *others: Any) -> Any:
        return pushed(lambda argument: function(argument, *others), (argument,), (tangents,))

    jaxpr = jax.make_jaxpr(derivative)(argument, moving(argument), *others).jaxpr
    _, read = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return not any(read[: len(jax.tree.leaves(argument))])
