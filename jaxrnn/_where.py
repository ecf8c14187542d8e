"""Which leaves of a tree of parameters are meant: by name, or by a function."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

Where: TypeAlias = str | Callable[[str, Any], bool]
"""A name, `"recurrent"` or `"1.recurrent"`; or a function of the path and the leaf."""


def names(tree: Any) -> list[str]:
    """The paths of the leaves, as `1.recurrent`."""
    paths = jax.tree.leaves_with_path(tree)
    return [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in paths]


def chosen(who: str, where: Where, tree: Any) -> list[bool]:
    """For each leaf, whether it is meant: a name means each leaf whose path ends in it.

    Raises:
        ValueError: none is meant. The message names those that there are.
    """
    paths, leaves = names(tree), jax.tree.leaves(tree)

    def meant(path: str, leaf: Any) -> bool:
        if isinstance(where, str):
            return path == where or path.endswith(f".{where}")
        return bool(where(path, leaf))

    flags = [meant(path, leaf) for path, leaf in zip(paths, leaves, strict=True)]
    if not any(flags):
        shapes = [f"{path} {jnp.shape(leaf)}" for path, leaf in zip(paths, leaves, strict=True)]
        asked = repr(where) if isinstance(where, str) else getattr(where, "__name__", "where")
        raise ValueError(
            f"{who}: where must be the name of a parameter, or a function `(path, leaf) -> bool` "
            f"that is true of one, got {asked}. There are {', '.join(shapes) or 'none'}."
        )
    return flags
