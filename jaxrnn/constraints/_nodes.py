"""Free numbers in the place of parameters, and parameters in the place of these."""

from typing import Any

import jax

from .._typing import Key, Params
from .._where import Where, chosen
from ._constraint import Constraint


def constrained(who: str, params: Params, where: Where, constraint: Constraint, key: Key) -> Params:
    """The parameters, with free numbers in the place of those that are chosen.

    Raises:
        ValueError: in the name of `who`, if none is chosen; or one that cannot be constrained so.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import constraints
        >>> params = {"kernel": jnp.ones((2, 2)), "bias": jnp.zeros(2)}
        >>> frozen, key = constraints.Frozen(), jax.random.key(0)
        >>> constraints.constrained("example", params, "bias", frozen, key)["bias"]
        Held(value=Array([0., 0.], dtype=float32))
    """
    flags = chosen(who, where, params)
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    nodes = [
        constraint.init(k, leaf) if flag else leaf
        for k, leaf, flag in zip(keys, leaves, flags, strict=True)
    ]
    return jax.tree.unflatten(structure, nodes)


def resolved(who: str, params: Params, where: Where, constraint: Constraint, like: Any) -> Params:
    """The parameters themselves, from a tree of the structure `like` with free numbers in it.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import constraints
        >>> params = {"kernel": constraints.Held(jnp.ones(2))}
        >>> like = {"kernel": jnp.ones(2)}
        >>> frozen = constraints.Frozen()
        >>> constraints.resolved("example", params, "kernel", frozen, like)["kernel"].tolist()
        [1.0, 1.0]
    """
    flags = chosen(who, where, like)
    structure: Any = jax.tree.structure(like)
    nodes = structure.flatten_up_to(params)
    leaves = [
        constraint.value(node) if flag else node for node, flag in zip(nodes, flags, strict=True)
    ]
    return structure.unflatten(leaves)
