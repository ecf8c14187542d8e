"""`Sets`: a loop for many sets of weights."""

import math
from functools import partial
from typing import Any

import jax

from .._numerics import known
from ._loop import Loop, Moves, Tree

_BUSY = 50_000  # multiplications a step, about where both take the same time


class Sets(Loop):
    """A loop for many sets of weights. Except for shared weights, the first axis is the set.

    Args:
        loop: the loop for one set.
        own: for each leaf of the weights, whether every set has its own.
        moving: for each leaf of the weights, whether every set has its own tangent or cotangent.
    """

    def __init__(self, loop: Loop, own: tuple[bool, ...], moving: tuple[bool, ...]) -> None:
        super().__init__()
        self.loop, self.own, self.moving = loop, own, moving

    def changed(self, **flags: bool) -> Loop:
        sets = super().changed(**flags)
        vars(sets)["loop"] = self.loop.changed(**flags)
        return sets

    def _each(self, function: Any, weights: Tree, *args: Tree) -> Any:
        leaves, structure = jax.tree.flatten(weights)
        owned = [leaf for leaf, own in zip(leaves, self.own, strict=True) if own]

        def one(owned: list[Any], args: Any) -> Any:
            each = iter(owned)
            one = [next(each) if own else leaf for leaf, own in zip(leaves, self.own, strict=True)]
            return function(jax.tree.unflatten(structure, one), *args)

        if self._in_turn(owned, args):
            return jax.lax.map(lambda operands: one(*operands), (owned, args))
        return jax.vmap(one)(owned, args)

    def _in_turn(self, owned: list[Any], args: Any) -> bool:
        """Whether one set alone keeps a core of a CPU busy: weights of its own times its rows."""
        xs = jax.tree.leaves(args[-1])[0]  # [sets, T, *batch, features]
        work = math.prod(xs.shape[2:-1]) * sum(leaf[0].size for leaf in owned)
        return self.cpu and (not known(work) or work >= _BUSY)

    def forward(self, moves: Moves, weights: Tree, carry: Tree, xs: Tree) -> tuple[Tree, Tree]:
        return self._each(partial(self.loop.forward, moves), weights, carry, xs)

    def remember(self, moves: Moves, weights: Tree, carry: Tree, xs: Tree) -> tuple[Tree, Tree]:
        return self._each(partial(self.loop.remember, moves), weights, carry, xs)

    def push(
        self, moves: Moves, weights: Tree, d_weights: Tree, d_carry: Tree, steps: Tree
    ) -> tuple[Tree, Tree]:
        leaves, structure = jax.tree.flatten(d_weights)
        own = self._own_tangents(moves)

        def one(weights: Tree, owned: list[Any], d_carry: Tree, steps: Tree) -> tuple[Tree, Tree]:
            each = iter(owned)
            one = [next(each) if o else leaf for leaf, o in zip(leaves, own, strict=True)]
            d_weights = jax.tree.unflatten(structure, one)
            return self.loop.push(moves, weights, d_weights, d_carry, steps)

        owned = [leaf for leaf, o in zip(leaves, own, strict=True) if o]
        return self._each(one, weights, owned, d_carry, steps)

    def pull(self, moves: Moves, weights: Tree, ct_last: Tree, steps: Tree) -> Moves:
        result = self._each(partial(self.loop.pull, moves), weights, ct_last, steps)
        leaves, structure = jax.tree.flatten(result.weights)
        own = self._own_tangents(moves)
        summed = [leaf if o else leaf.sum(0) for leaf, o in zip(leaves, own, strict=True)]
        return result._replace(weights=jax.tree.unflatten(structure, summed))

    def _own_tangents(self, moves: Moves) -> list[bool]:
        flags = jax.tree.leaves(moves.weights)
        return [own for own, moves in zip(self.moving, flags, strict=True) if moves]
