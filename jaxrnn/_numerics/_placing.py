"""Sharding: the carry is placed as the inputs are.

Zeros made inside `shard_map` are replicated, and so are those made inside `jit` over a mesh with
explicit axes. A loop needs a carry of one type, so a carry that comes back sharded has to start
sharded. Leaves of parameters and carries may be numpy's.
"""

from typing import Any

import jax

from .._typing import Array, ArrayLike


def alike(tree: Any) -> Any:
    """The same arrays; inside `shard_map`, each varies over every axis that any of them does."""
    axes = frozenset().union(*map(_varying, jax.tree.leaves(tree)))

    def leaf(x: ArrayLike) -> ArrayLike:
        missing = tuple(axes - _varying(x))
        return jax.lax.pcast(x, missing, to="varying") if missing else x

    return jax.tree.map(leaf, tree) if axes else tree


def placed(tree: Any, like: Array, axes: range) -> Any:
    """The tree, its leading axes sharded as the given axes of `like` are."""
    wanted = tuple(_spec(like)[i] for i in axes)
    if not any(wanted):
        return tree

    def leaf(x: ArrayLike) -> ArrayLike:
        sharding: Any = jax.sharding  # whose functions have no types
        return sharding.reshard(x, sharding.PartitionSpec(*wanted, *_spec(x)[len(wanted) :]))

    return jax.tree.map(leaf, tree)


def known(size: Any) -> bool:
    """Whether an axis has a number of entries, not a symbol of `jax.export`."""
    return isinstance(size, int)


def divided(x: Array) -> bool:
    """Whether the type of an array says that it is sharded over a mesh."""
    return any(_spec(x))


def varies(x: Array) -> bool:
    """Whether an array varies over devices inside a `shard_map` that checks this."""
    return bool(_varying(x))


def _varying(x: ArrayLike) -> frozenset[Any]:
    kind: Any = jax.typeof(x)
    return kind.mat.varying


def _spec(x: ArrayLike) -> tuple[Any, ...]:
    """The mesh axes that each axis of an array is sharded over, as far as its type says."""
    kind: Any = jax.typeof(x)
    spec = tuple(kind.sharding.spec)
    return (*spec, *(None for _ in range(kind.ndim - len(spec))))
