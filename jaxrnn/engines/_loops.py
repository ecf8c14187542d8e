"""A loop over time as one operation of JAX, with its own rules for derivatives and for `vmap`.

The tangent of `forward` is `push`, which is linear, and the transposes of `push` and `pull` are one
another. Reverse mode therefore runs a loop that was written by hand, and every other mode works:
what has no rule here is differentiated as the plain operations that it consists of.

Under `vmap`, an axis of the data alone is one more batch axis. With an axis of the weights, the
sets of weights are run in turn on a CPU, where XLA's batched product is slower than as many single
ones, unless they are tiny; elsewhere side by side.
"""

import abc
import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

Tree = Any


class Moves(NamedTuple):
    """Tangents or cotangents of a loop's arguments: trees with None where there is none."""

    weights: Tree
    carry: Tree
    xs: Tree


class Loop(abc.ABC):
    """Four operations. Weights are any trees, carries `[*batch, ...]`, the rest `[T, *batch, ...]`.

    `moves` says, as a tree of flags, which arguments have a tangent.
    """

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


def run(loop: Loop, weights: Tree, carry: Tree, xs: Tree) -> tuple[Tree, Tree]:
    """The last carry and the outputs of a loop."""
    nothing = Moves(*jax.tree.map(lambda _: False, (weights, carry, xs)))
    return _bind(loop, "forward", nothing, weights, carry, xs)


# What the arguments and results of an operation are: weights, a carry, or steps.
_GROUPS = {
    "forward": ("wcs", "cs"),
    "remember": ("wcs", "cs"),
    "push": ("wwcs", "cs"),
    "pull": ("wcs", "wcs"),
}

_loop_p: Any = Primitive("loop")
_loop_p.multiple_results = True


def _bind(loop: Loop, name: str, moves: Moves, *args: Tree) -> Any:
    jaxpr, shapes = jax.make_jaxpr(partial(getattr(loop, name), moves), return_shape=True)(*args)
    leaves, structure = jax.tree.flatten(args)
    results_structure = jax.tree.structure(shapes)
    results = _loop_p.bind(
        *leaves,
        jaxpr=jaxpr,
        loop=loop,
        name=name,
        moves=(tuple(jax.tree.leaves(moves)), jax.tree.structure(moves)),
        structure=structure,
        results_structure=results_structure,
    )
    return jax.tree.unflatten(results_structure, results)


def _evaluate(*leaves: Any, jaxpr: Any, **_: Any) -> list[Any]:
    return jaxpr_as_fun(jaxpr)(*leaves)


_loop_p.def_impl(_evaluate)
_loop_p.def_abstract_eval(lambda *_, jaxpr, **__: jaxpr.out_avals)
mlir.register_lowering(_loop_p, mlir.lower_fun(_evaluate, multiple_results=True))


def _jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    primals = list(primals)
    still = [isinstance(tangent, ad.Zero) for tangent in tangents]
    if params["name"] == "forward":
        return _derivative(primals, tangents, still, **params)
    results = _loop_p.bind(*primals, **params)
    linear = _linear(params["name"], params["structure"])
    total = [ad.Zero(jax.typeof(result).to_tangent_aval()) for result in results]
    if any(a and not b for a, b in zip(linear, still, strict=True)):
        mixed = [
            _instantiate(tangent) if moves else primal
            for primal, tangent, moves in zip(primals, tangents, linear, strict=True)
        ]
        total = _loop_p.bind(*mixed, **params)
    chosen = [i for i in range(len(primals)) if not linear[i] and not still[i]]
    if chosen:

        def function(*some: Any) -> list[Any]:
            leaves = list(primals)
            for i, leaf in zip(chosen, some, strict=True):
                leaves[i] = leaf
            return jaxpr_as_fun(params["jaxpr"])(*leaves)

        _, more = jax.jvp(
            function, tuple(primals[i] for i in chosen), tuple(tangents[i] for i in chosen)
        )
        total = list(map(ad.add_tangents, total, more))
    return results, total


def _derivative(
    primals: Any, tangents: Any, still: list[bool], *, loop: Loop, structure: Any, **_: Any
) -> Any:
    """The tangent of `forward`."""
    weights, carry, xs = jax.tree.unflatten(structure, primals)
    moves = Moves(*jax.tree.unflatten(structure, [not s for s in still]))
    d_weights, d_carry, d_xs = jax.tree.unflatten(
        structure, [None if s else d for s, d in zip(still, tangents, strict=True)]
    )
    last, (ys, memory) = _bind(loop, "remember", moves, weights, carry, xs)
    pushed = _bind(loop, "push", moves, weights, d_weights, d_carry, (xs, memory, d_xs))
    results = jax.tree.leaves((last, ys))
    d_results = jax.tree.leaves(pushed, is_leaf=lambda leaf: leaf is None)
    return results, [
        ad.Zero(jax.typeof(result).to_tangent_aval()) if d is None else d
        for result, d in zip(results, d_results, strict=True)
    ]


def _linear(name: str, structure: Any) -> list[bool]:
    """Which leaves of the arguments the operation is linear in."""
    args = jax.tree.unflatten(structure, [False] * structure.num_leaves)
    true = partial(jax.tree.map, lambda _: True)
    if name == "push":
        weights, d_weights, d_carry, (xs, memory, d_xs) = args
        args = weights, true(d_weights), true(d_carry), (xs, memory, true(d_xs))
    elif name == "pull":
        weights, ct_last, (xs, memory, ct_ys) = args
        args = weights, true(ct_last), (xs, memory, true(ct_ys))
    return jax.tree.leaves(args)


def _transpose(
    cts: Any, *args: Any, loop: Loop, name: str, moves: Any, structure: Any, **params: Any
) -> Any:
    flags = jax.tree.unflatten(moves[1], moves[0])
    linear = _linear(name, structure)
    cts = [None if isinstance(ct, ad.Zero) else ct for ct in cts]
    cts = jax.tree.unflatten(params["results_structure"], cts)
    args = jax.tree.unflatten(structure, args)
    if name == "push":
        weights, _, _, (xs, memory, _) = args
        ct_last, ct_ys = cts
        result = _bind(loop, "pull", flags, weights, ct_last, (xs, memory, ct_ys))
        flat = iter(jax.tree.leaves(result))
    else:
        weights, _, (xs, memory, _) = args
        pushed = _bind(loop, "push", flags, weights, *cts[:2], (xs, memory, cts[2]))
        _, ct_last, (_, _, ct_ys) = jax.tree.unflatten(structure, linear)
        wanted = [leaf is not None for leaf in jax.tree.leaves((ct_last, ct_ys), is_leaf=_absent)]
        leaves = jax.tree.leaves(pushed, is_leaf=_absent)
        flat = iter([leaf for leaf, want in zip(leaves, wanted, strict=True) if want])
    return [next(flat) if moves else None for moves in linear]


def _instantiate(tangent: Any) -> Any:
    return ad.instantiate_zeros(tangent)  # type: ignore[no-untyped-call]


def _absent(leaf: Any) -> bool:
    return leaf is None


ad.primitive_jvps[_loop_p] = _jvp
ad.primitive_transposes[_loop_p] = _transpose


def _batch(
    args: Any, dims: Any, *, loop: Loop, name: str, moves: Any, structure: Any, **_: Any
) -> Any:
    size = next(arg.shape[dim] for arg, dim in zip(args, dims, strict=True) if dim is not None)
    flags = jax.tree.unflatten(moves[1], moves[0])
    taken, given = _GROUPS[name]
    groups = [
        group
        for group, tree in zip(taken, structure.children(), strict=True)
        for _ in range(tree.num_leaves)
    ]
    mapped = [dim is not None for dim in dims]
    shared = not any(m for m, group in zip(mapped, groups, strict=True) if group == "w")
    if name == "pull" and any(jax.tree.leaves(flags.weights)):
        shared = False  # every set has its own gradient, although the weights may be the same
    if shared and not isinstance(loop, _Sets):
        places = {"c": 0, "s": 1}
    else:
        count = structure.children()[0].num_leaves
        own = tuple(mapped[:count])
        loop = _Sets(loop, own, own if name in ("forward", "remember") else (True,) * count)
        groups[:count] = ["own" if m else "all" for m in mapped[:count]]
        places = {"own": 0, "w": 0, "c": 0, "s": 0}

    def place(arg: Any, dim: int | None, to: int | None) -> Any:
        if to is None:
            return arg
        if dim is None:
            arg, dim = jnp.broadcast_to(arg, (size, *arg.shape)), 0
        return jnp.moveaxis(arg, dim, to)

    args = [place(a, d, places.get(g)) for a, d, g in zip(args, dims, groups, strict=True)]
    results = _bind(loop, name, flags, *jax.tree.unflatten(structure, args))
    return jax.tree.leaves(results), [
        places[group]
        for group, result in zip(given, results, strict=True)
        for _ in jax.tree.leaves(result)
    ]


batching.primitive_batchers[_loop_p] = _batch


_BUSY = 50_000  # multiplications a step, about where both take the same time


class _Sets(Loop):
    """A loop for many sets of weights; every array but the weights they share leads with the set.

    Args:
        loop: for one set.
        own: which leaves of the weights each set has its own of.
        moving: which leaves of the weights each set has an own tangent or cotangent of.
    """

    def __init__(self, loop: Loop, own: tuple[bool, ...], moving: tuple[bool, ...]) -> None:
        self.loop, self.own, self.moving = loop, own, moving

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
        return jax.default_backend() == "cpu" and work >= _BUSY

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
