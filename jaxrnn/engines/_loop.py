"""`Loop`: a loop over time whose derivatives are written by hand."""

import abc
import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from .._typing import Array

Tree = Any


class Moves(NamedTuple):
    """Tangents or cotangents of a loop's arguments: trees with None where there is none."""

    weights: Tree
    carry: Tree
    xs: Tree


class Loop(abc.ABC):
    """Four operations. Weights are any trees, carries `[*batch, ...]`, the rest `[T, *batch, ...]`.

    `moves` says, as a tree of flags, which arguments have a tangent. `cpu` says whether the loop
    will run on a CPU, and `plain` whether JAX will differentiate it; only rounding depends on them.
    """

    def __init__(self) -> None:
        self.cpu: bool = jax.default_backend() == "cpu"
        self.plain = False

    def changed(self, **flags: bool) -> "Loop":
        """The same loop with another `cpu` or `plain`."""
        loop = copy.copy(self)
        vars(loop).update(flags)
        return loop

    @abc.abstractmethod
    def forward(self, moves: Moves, weights: Tree, carry: Tree, xs: Tree) -> tuple[Tree, Tree]:
        """The last carry and the outputs."""

    @abc.abstractmethod
    def remember(self, moves: Moves, weights: Tree, carry: Tree, xs: Tree) -> tuple[Tree, Tree]:
        """The last carry, and the outputs with what the derivative needs to know of each step."""

    @abc.abstractmethod
    def push(
        self, moves: Moves, weights: Tree, d_weights: Tree, d_carry: Tree, steps: Tree
    ) -> tuple[Tree, Tree]:
        """The tangents of `forward`; `steps` are xs, memory and the tangents of xs."""

    @abc.abstractmethod
    def pull(self, moves: Moves, weights: Tree, ct_last: Tree, steps: Tree) -> Moves:
        """The transpose of `push`; `steps` are xs, memory and the cotangents of the outputs."""


def split(moves: Tree, tree: Tree) -> tuple[list[Array], Callable[[list[Array]], Tree]]:
    """The leaves that have a tangent, and a function that replaces them in the tree."""
    flags = jax.tree.leaves(moves)
    structure: Any
    leaves, structure = jax.tree.flatten(tree)

    def rebuild(own: list[Array]) -> Tree:
        new = iter(own)
        return structure.unflatten(
            next(new) if moves else leaf for moves, leaf in zip(flags, leaves, strict=True)
        )

    return [leaf for leaf, moves in zip(leaves, flags, strict=True) if moves], rebuild


def put_back(moves: Tree, leaves: list[Array]) -> Tree:
    """A tree of the leaves where something moves, and of None elsewhere."""
    each = iter(leaves)
    return jax.tree.map(lambda moves: next(each) if moves else None, moves)
