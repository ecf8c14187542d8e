"""Parameters of a layer as nested dicts of arrays, which flax holds, and back."""

from typing import Any

import jax

from .._typing import Params
from ..networks import Layer


def check(who: str, layer: Any) -> None:
    """Raise `TypeError` for what is no layer."""
    if not isinstance(layer, Layer):
        remedy = Layer._remedy(layer)
        raise TypeError(f"{who}: takes a layer, got {type(layer).__name__}. {remedy}".rstrip())


def nested(params: Params) -> dict[str, Any]:
    """A tree of parameters as nested dicts, by the names of its fields and the numbers of layers.

    A single array is called `params`.
    """
    tree: dict[str, Any] = {}
    for path, leaf in jax.tree.leaves_with_path(params):
        *outer, last = _names(path)
        inner = tree
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = leaf
    return tree


def restored(like: Params, tree: dict[str, Any]) -> Params:
    """The tree of parameters, of the structure of `like`."""

    def found(path: Any, _: Any) -> Any:
        inner: Any = tree
        for name in _names(path):
            inner = inner[name]
        return inner

    return jax.tree.map_with_path(found, like)


def _names(path: Any) -> list[str]:
    return [jax.tree_util.keystr((part,), simple=True) for part in path] or ["params"]
