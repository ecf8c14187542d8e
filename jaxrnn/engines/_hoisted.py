"""A function of one step, and what of it all steps share, computed once before the loop."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun
from jax.interpreters import partial_eval

from .._typing import Array

Tree = Any


class Hoisted(NamedTuple):
    """A traced step: shared arrays, those of the carry, those of the inputs that it reads.

    reads: which leaves of the inputs.
    """

    step: Jaxpr
    shared: list[Array]
    reads: list[bool]


def hoisted(step: Callable[[Tree, Tree], tuple[Tree, Tree]], carry: Tree, x: Tree) -> Hoisted:
    """Trace a step for such shapes; what depends on neither carry nor input is computed here."""
    closed = jax.make_jaxpr(step)(carry, x)
    jaxpr = closed.jaxpr
    known = set(jaxpr.constvars)
    made: dict[Any, Any] = {}  # the equations that make what is known
    rest = []
    for equation in jaxpr.eqns:
        read = [v for v in equation.invars if not isinstance(v, Literal)]
        if read and known.issuperset(read) and not equation.effects:
            known.update(equation.outvars)
            made.update(dict.fromkeys(equation.outvars, equation))
        else:
            rest.append(equation)
    # To repeat numbers is cheaper than to read them repeated.
    wanted = list(_used(rest, jaxpr.outvars, known))
    inside: list[Any] = []
    border: list[Any] = []
    while wanted:
        v = wanted.pop(0)
        if v in made and made[v].primitive.name == "broadcast_in_dim":
            inside.insert(0, made[v])
            wanted += [w for w in made[v].invars if not isinstance(w, Literal)]
        elif v not in border:
            border.append(v)
    later = jaxpr.replace(
        constvars=[], invars=[*border, *jaxpr.invars], eqns=[*_once(inside), *rest]
    )
    carried = len(jax.tree.leaves(carry))
    kept = [False] * len(border) + [i < carried for i in range(len(jaxpr.invars))]
    later, needed = partial_eval.dce_jaxpr(later, [True] * len(later.outvars), kept)
    first = [v for v, need in zip(border, needed, strict=False) if need]
    before, used = partial_eval.dce_jaxpr(
        jaxpr.replace(
            constvars=[],
            invars=jaxpr.constvars,
            outvars=first,
            eqns=[e for e in jaxpr.eqns if any(v in made for v in e.outvars)],
        ),
        [True] * len(first),
    )
    consts = [jnp.asarray(c) for c, use in zip(closed.consts, used, strict=True) if use]
    shared = jaxpr_as_fun(ClosedJaxpr(before, ()))(*consts)

    def of_parts(shared_parts: list[Array], *others: Array) -> list[Array]:
        return jaxpr_as_fun(ClosedJaxpr(later, ()))(*whole(shared_parts, shared), *others)

    others = [v.aval for v in later.invars[len(first) :]]
    final = jax.make_jaxpr(of_parts)(parts(shared), *others)
    assert not final.consts
    return Hoisted(final.jaxpr, parts(shared), needed[len(border) + carried :])


def parts(tree: Tree) -> list[Array]:
    """The leaves; of a complex one its real and its imaginary part, since a kernel has none."""
    found = []
    for leaf in jax.tree.leaves(tree):
        found += [leaf.real, leaf.imag] if jnp.iscomplexobj(leaf) else [leaf]
    return found


def whole(found: list[Array], like: Tree) -> Tree:
    """The tree whose parts these are."""
    each = iter(found)

    def leaf(like: Any) -> Array:
        pair = jnp.issubdtype(like.dtype, jnp.complexfloating)
        return jax.lax.complex(next(each), next(each)) if pair else next(each)

    return jax.tree.map(leaf, like)


def _used(equations: list[Any], results: list[Any], known: set[Any]) -> dict[Any, None]:
    """What is known and read later, in order."""
    read = [v for equation in equations for v in equation.invars] + list(results)
    return dict.fromkeys(v for v in read if not isinstance(v, Literal) and v in known)


def _once(equations: list[Any]) -> list[Any]:
    return list({id(equation): equation for equation in equations}.values())
