"""Tangents as trees with None where there is none, and whether a function is affine."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import partial_eval


def moving(tree: Any) -> Any:
    """The tree with None in place of leaves without a derivative: integers, flags, keys."""
    return jax.tree.map(
        lambda leaf: leaf if jnp.issubdtype(leaf.dtype, jnp.inexact) else None, tree
    )


def filled(tangents: Any, like: Any) -> Any:
    """The tangents with zeros in place of None, of the type that `jax.jvp` asks for."""

    def fill(like: Any, tangent: Any) -> Any:
        if tangent is not None:
            return tangent
        if jnp.issubdtype(like.dtype, jnp.inexact):
            return jnp.zeros_like(like)
        return np.zeros(like.shape, jax.dtypes.float0)

    return jax.tree.map(fill, like, tangents)


def affine(function: Callable[..., Any], argument: Any, *others: Any) -> bool:
    """Whether the derivative of a function by its first argument does not depend on it.

    The derivative is traced, not computed, so that this costs nothing when the program runs.
    """

    def derivative(argument: Any, tangents: Any, *others: Any) -> Any:
        tangents = filled(tangents, argument)
        return moving(jax.jvp(lambda x: function(x, *others), (argument,), (tangents,))[1])

    jaxpr = jax.make_jaxpr(derivative)(argument, moving(argument), *others).jaxpr
    _, read = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return not any(read[: len(jax.tree.leaves(argument))])
