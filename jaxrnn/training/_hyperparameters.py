"""Hyper-parameters that live in the optimizer's state, by `optax.inject_hyperparams`."""

from typing import Any, NamedTuple

import jax
import numpy as np


class Change(NamedTuple):
    """A hyper-parameter that a state holds and an optimizer of today starts with."""

    name: str
    held: Any
    asked: Any


def changes(held: Any, asked: Any) -> list[Change]:
    """Where two states of one optimizer differ in them; those of a schedule belong to the state."""
    found: list[Change] = []
    jax.tree.map(lambda a, b: found.extend(_changes(a, b)), held, asked, is_leaf=injected)
    return found


def adopt(held: Any, asked: Any) -> Any:
    """The state `held` with the hyper-parameters of `asked`."""

    def renew(held: Any, asked: Any) -> Any:
        if not injected(held):
            return held
        numbers = held.hyperparams | {name: asked.hyperparams[name] for name in _numbers(held)}
        return held._replace(
            hyperparams=numbers, inner_state=adopt(held.inner_state, asked.inner_state)
        )

    return jax.tree.map(renew, held, asked, is_leaf=injected)


def _changes(held: Any, asked: Any) -> list[Change]:
    if not injected(held):
        return []
    pairs = [Change(n, held.hyperparams[n], asked.hyperparams[n]) for n in _numbers(held)]
    differing = [pair for pair in pairs if not np.array_equal(pair.held, pair.asked)]
    return differing + changes(held.inner_state, asked.inner_state)


def injected(node: Any) -> bool:
    """Whether a part of a state holds hyper-parameters."""
    return hasattr(node, "hyperparams") and hasattr(node, "inner_state")


def _numbers(node: Any) -> list[str]:
    scheduled = getattr(node, "hyperparams_states", {})
    return [name for name in node.hyperparams if name not in scheduled]


def numbers(state: Any) -> list[tuple[Any, ...]]:
    """The paths of the hyper-parameters in an optimizer's state; not those of a schedule."""
    found: list[tuple[Any, ...]] = []
    for path, node in jax.tree.leaves_with_path(state, is_leaf=injected):
        if injected(node):
            where = (*path, jax.tree_util.GetAttrKey("hyperparams"))
            found += [(*where, jax.tree_util.DictKey(name)) for name in _numbers(node)]
            inner = (*path, jax.tree_util.GetAttrKey("inner_state"))
            found += [(*inner, *deeper) for deeper in numbers(node.inner_state)]
    return found
