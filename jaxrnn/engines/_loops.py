"""A loop over time as one operation of JAX, with its own rules for derivatives and for `vmap`.

The tangent of `forward` is `push`, which is linear, and the transposes of `push` and `pull` are one
another. Reverse mode therefore runs a hand-written loop. Every other mode works too: what has no
rule here is differentiated as the plain operations that it consists of.

The best way to run a loop depends on the platform it is compiled for, which is known only when it
is lowered. What the loop computes and remembers does not depend on it. So a loop is traced for the
default platform, and traced again if it is lowered for another one, or differentiated by JAX.

Under `vmap` over data alone, the new axis is one more batch axis. Under `vmap` over weights, a CPU
runs the sets of weights one after another, unless they are tiny, because XLA's batched product is
slower there than as many single ones; other platforms run them side by side.
"""

import abc
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

from .._numerics import alike
from ._loop import Loop, Moves, Tree
from ._sets import Sets


def run(loop: Loop, weights: Tree, carry: Tree, xs: Tree) -> tuple[Tree, Tree]:
    """The last carry and the outputs of a loop."""
    weights, carry, xs = alike((weights, carry, xs))
    nothing = Moves(*jax.tree.map(lambda _: False, (weights, carry, xs)))
    return _bind(_FORWARD, loop, nothing, weights, carry, xs)


class _Operation(abc.ABC):
    """One of a loop's four operations; it takes and gives weights `w`, a carry `c` or steps `s`."""

    taken: str
    given: str

    @abc.abstractmethod
    def run(self, loop: Loop, moves: Moves, *args: Tree) -> Any:
        """Run the loop's own method."""

    def linear(self, structure: Any) -> list[bool]:
        """Which leaves of the arguments it is linear in."""
        return [False] * structure.num_leaves

    def transpose(self, loop: Loop, moves: Moves, cts: Tree, args: Tree, structure: Any) -> Any:
        """The cotangents of what it is linear in, as leaves."""
        raise TypeError(f"{type(self).__name__} is linear in none of its arguments")


class _Forward(_Operation):
    taken, given = "wcs", "cs"

    def run(self, loop: Loop, moves: Moves, *args: Tree) -> Any:
        return loop.forward(moves, *args)


class _Remember(_Operation):
    taken, given = "wcs", "cs"

    def run(self, loop: Loop, moves: Moves, *args: Tree) -> Any:
        return loop.remember(moves, *args)


class _Push(_Operation):
    taken, given = "wwcs", "cs"

    def run(self, loop: Loop, moves: Moves, *args: Tree) -> Any:
        return loop.changed(plain=True).push(moves, *args)  # mostly traced to be transposed

    def linear(self, structure: Any) -> list[bool]:
        weights, d_weights, d_carry, (xs, memory, d_xs) = _flags(structure)
        return jax.tree.leaves((weights, *_true((d_weights, d_carry)), (xs, memory, _true(d_xs))))

    def transpose(self, loop: Loop, moves: Moves, cts: Tree, args: Tree, structure: Any) -> Any:
        weights, _, _, (xs, memory, _) = args
        ct_last, ct_ys = cts
        return jax.tree.leaves(_bind(_PULL, loop, moves, weights, ct_last, (xs, memory, ct_ys)))


class _Pull(_Operation):
    taken, given = "wcs", "wcs"

    def run(self, loop: Loop, moves: Moves, *args: Tree) -> Any:
        return loop.pull(moves, *args)

    def linear(self, structure: Any) -> list[bool]:
        weights, ct_last, (xs, memory, ct_ys) = _flags(structure)
        return jax.tree.leaves((weights, _true(ct_last), (xs, memory, _true(ct_ys))))

    def transpose(self, loop: Loop, moves: Moves, cts: Tree, args: Tree, structure: Any) -> Any:
        weights, _, (xs, memory, _) = args
        _, ct_last, (_, _, ct_ys) = _flags(structure)
        pushed = _bind(_PUSH, loop, moves, weights, *cts[:2], (xs, memory, cts[2]))
        wanted = jax.tree.leaves((ct_last, ct_ys), is_leaf=_absent)
        given = jax.tree.leaves(pushed, is_leaf=_absent)
        return [ct for ct, arg in zip(given, wanted, strict=True) if arg is not None]


_FORWARD, _REMEMBER, _PUSH, _PULL = _Forward(), _Remember(), _Push(), _Pull()


def _flags(structure: Any) -> Tree:
    return jax.tree.unflatten(structure, [False] * structure.num_leaves)


def _true(tree: Tree) -> Tree:
    return jax.tree.map(lambda _: True, tree)


_loop_p: Any = Primitive("loop")
_loop_p.multiple_results = True


def _bind(operation: _Operation, loop: Loop, moves: Moves, *args: Tree) -> Any:
    jaxpr, shapes = _traced(operation, loop, moves, args)
    leaves, structure = jax.tree.flatten(args)
    results_structure = jax.tree.structure(shapes)
    results = _loop_p.bind(
        *leaves,
        jaxpr=jaxpr,
        loop=loop,
        operation=operation,
        moves=(tuple(jax.tree.leaves(moves)), jax.tree.structure(moves)),
        structure=structure,
        results_structure=results_structure,
    )
    return jax.tree.unflatten(results_structure, results)


def _traced(operation: _Operation, loop: Loop, moves: Moves, args: Tree) -> Any:
    return jax.make_jaxpr(partial(_run, operation, loop, moves), return_shape=True)(*args)


def _run(operation: _Operation, loop: Loop, moves: Moves, *args: Tree) -> Any:
    """Run an operation; zeros among its results vary over devices as the rest does."""
    return alike((operation.run(loop, moves, *args), args))[0]


def _evaluate(*leaves: Any, jaxpr: Any, **_: Any) -> list[Any]:
    return jaxpr_as_fun(jaxpr)(*leaves)


def _lowered(*leaves: Any, cpu: bool, **params: Any) -> list[Any]:
    """The operation as it is compiled for a CPU, or for another platform."""
    if params["loop"].cpu == cpu:
        return _evaluate(*leaves, **params)
    return _traced_again(leaves, {"cpu": cpu}, **params)


def _traced_again(
    leaves: Any,
    changes: dict[str, bool],
    *,
    loop: Loop,
    operation: _Operation,
    moves: Any,
    structure: Any,
    **_: Any,
) -> list[Any]:
    """The operation of a loop that is changed."""
    flags = jax.tree.unflatten(moves[1], moves[0])
    args = jax.tree.unflatten(structure, leaves)
    return jax.tree.leaves(_run(operation, loop.changed(**changes), flags, *args))


_loop_p.def_impl(_evaluate)
_loop_p.def_abstract_eval(lambda *_, jaxpr, **__: jaxpr.out_avals)
for _platform, _cpu in ((None, False), ("cpu", True)):
    mlir.register_lowering(
        _loop_p,
        mlir.lower_fun(partial(_lowered, cpu=_cpu), multiple_results=True),
        platform=_platform,
    )


def _jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    primals = list(primals)
    still = [isinstance(tangent, ad.Zero) for tangent in tangents]
    if params["operation"] is _FORWARD:
        return _derivative(primals, tangents, still, **params)
    results = _loop_p.bind(*primals, **params)
    linear = params["operation"].linear(params["structure"])
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
            return _traced_again(leaves, {"plain": True}, **params)

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
    last, (ys, memory) = _bind(_REMEMBER, loop, moves, weights, carry, xs)
    pushed = _bind(_PUSH, loop, moves, weights, d_weights, d_carry, (xs, memory, d_xs))
    results_structure: Any
    results, results_structure = jax.tree.flatten((last, ys))
    d_results = results_structure.flatten_up_to(pushed)
    return results, [
        ad.Zero(jax.typeof(result).to_tangent_aval()) if d is None else d
        for result, d in zip(results, d_results, strict=True)
    ]


def _transpose(
    cts: Any,
    *args: Any,
    loop: Loop,
    operation: _Operation,
    moves: Any,
    structure: Any,
    **params: Any,
) -> Any:
    flags = jax.tree.unflatten(moves[1], moves[0])
    cts = [None if isinstance(ct, ad.Zero) else ct for ct in cts]
    cts = jax.tree.unflatten(params["results_structure"], cts)
    args = jax.tree.unflatten(structure, args)
    own = iter(operation.transpose(loop, flags, cts, args, structure))
    return [next(own) if linear else None for linear in operation.linear(structure)]


def _instantiate(tangent: Any) -> Any:
    return ad.instantiate_zeros(tangent)  # type: ignore[no-untyped-call]


def _absent(leaf: Any) -> bool:
    return leaf is None


ad.primitive_jvps[_loop_p] = _jvp
ad.primitive_transposes[_loop_p] = _transpose


def _batch(
    args: Any, dims: Any, *, loop: Loop, operation: _Operation, moves: Any, structure: Any, **_: Any
) -> Any:
    size = next(arg.shape[dim] for arg, dim in zip(args, dims, strict=True) if dim is not None)
    flags = jax.tree.unflatten(moves[1], moves[0])
    groups = [
        group
        for group, tree in zip(operation.taken, structure.children(), strict=True)
        for _ in range(tree.num_leaves)
    ]
    mapped = [dim is not None for dim in dims]
    shared = not any(m for m, group in zip(mapped, groups, strict=True) if group == "w")
    if operation is _PULL and any(jax.tree.leaves(flags.weights)):
        shared = False  # every set has its own gradient, although the weights may be the same
    if shared and not isinstance(loop, Sets):
        places = {"c": 0, "s": 1}
    else:
        count = structure.children()[0].num_leaves
        own = tuple(mapped[:count])
        loop = Sets(loop, own, own if operation in (_FORWARD, _REMEMBER) else (True,) * count)
        groups[:count] = ["own" if m else "all" for m in mapped[:count]]
        places = {"own": 0, "w": 0, "c": 0, "s": 0}

    def place(arg: Any, dim: int | None, to: int | None) -> Any:
        if to is None:
            return arg
        if dim is None:
            arg, dim = jnp.broadcast_to(arg, (size, *arg.shape)), 0
        return jnp.moveaxis(arg, dim, to)

    args = [place(a, d, places.get(g)) for a, d, g in zip(args, dims, groups, strict=True)]
    results = _bind(operation, loop, flags, *jax.tree.unflatten(structure, args))
    return jax.tree.leaves(results), [
        places[group]
        for group, result in zip(operation.given, results, strict=True)
        for _ in jax.tree.leaves(result)
    ]


batching.primitive_batchers[_loop_p] = _batch
