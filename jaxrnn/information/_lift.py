"""Programmes that add paths up, run on values that carry more than the logarithm of their sum.

A programme of nothing but sums, selections and `logsumexp` gives every intermediate value the
meaning of a set of paths, and a property of the paths follows a rule at each `logsumexp`: to the
entropy of what comes after every choice is added that of the choice. Sums add properties, as they
add tangents; so everything but `logsumexp` is left to JAX's own derivatives.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal

from .._numerics import bound, exact_logsumexp, logsumexp_p
from .._typing import Array

LINEAR = {
    *("add", "add_any", "sub", "neg", "abs", "reduce_sum", "cumsum", "max", "min", "reduce_max"),
    *("reduce_min", "select_n", "broadcast_in_dim", "reshape", "squeeze", "transpose", "slice"),
    *("dynamic_slice", "dynamic_update_slice", "gather", "scatter", "scatter-add", "split"),
    *("concatenate", "stack", "unstack", "tile", "pad", "rev", "convert_element_type", "copy"),
    *("stop_gradient", "optimization_barrier", "reduce_precision", "pvary", "reshard"),
}
"""Operations that give `c f(x)` for `c x` with `c > 0`, whatever they are given."""

BILINEAR = {"mul": 2, "dot_general": 2, "div": 1}
"""Operations that do so where one alone of the first operands depends on the potentials."""

INLINED = dict.fromkeys(("jit", "pjit", "remat2", "checkpoint"), "jaxpr") | dict.fromkeys(
    ("closed_call", "custom_jvp_call", "custom_vjp_call"), "call_jaxpr"
)
"""Operations that are programmes themselves, and where they keep them."""


class Lifted(NamedTuple):
    """What depends on the potentials: its values for each of them, and what is carried along.

    Carried are properties of the paths for the first of the potentials; of a value that is no
    floating number, none.
    """

    runs: tuple[Array, ...]
    carried: tuple[Array, ...]


class Rule(NamedTuple):
    """How a sum of paths comes to its properties.

    Attributes:
        of_sum: from terms `[..., V]`, for each of the potentials, and what they carry, to its own.
        width: how many properties there are.
        differences: how many of the first are differences to other potentials, which also what is
            held constant for derivatives has.
    """

    of_sum: Callable[[tuple[Array, ...], tuple[Array, ...]], tuple[Array, ...]]
    width: int
    differences: int = 0


class NotAdditiveError(Exception):
    """A programme that does more with potentials than to add them up."""


def lift(
    programme: Callable[[Any], Array],
    potentials: tuple[Any, ...],
    carried: tuple[Any, ...],
    rule: Rule,
) -> Lifted:
    """Run a programme for each of the potentials, which carry these properties at first.

    Raises:
        NotAdditiveError: for another operation on what depends on the potentials.
    """
    closed = jax.make_jaxpr(programme)(potentials[0])
    runs, properties = (
        zip(*map(jax.tree.leaves, trees), strict=True) for trees in (potentials, carried)
    )
    (out,) = _run(closed, [*map(Lifted, runs, properties)], rule)
    return out if isinstance(out, Lifted) else _lifted((out,) * len(potentials), rule)


def _lifted(runs: tuple[Array, ...], rule: Rule) -> Lifted:
    """Values that carry nothing yet."""
    floating = jnp.issubdtype(runs[0].dtype, jnp.floating)
    return Lifted(
        runs, tuple(jnp.zeros_like(runs[0]) for _ in range(rule.width if floating else 0))
    )


def _run(closed: Any, args: list[Any], rule: Rule) -> list[Any]:
    """The operations of a programme, one after another."""
    known: dict[Any, Any] = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    known |= dict(zip(closed.jaxpr.invars, args, strict=True))

    def read(place: Any) -> Any:
        return place.val if isinstance(place, Literal) else known[place]

    for operation in closed.jaxpr.eqns:
        results = _apply(operation, [*map(read, operation.invars)], rule)
        known |= dict(zip(operation.outvars, results, strict=True))
    return [*map(read, closed.jaxpr.outvars)]


def _apply(operation: Any, args: list[Any], rule: Rule) -> list[Any]:
    """The results of one operation."""
    name, params = operation.primitive.name, operation.params
    lifted = [isinstance(x, Lifted) for x in args]
    if operation.primitive is logsumexp_p and any(lifted):
        (z,) = args
        return [Lifted(tuple(map(exact_logsumexp, z.runs)), rule.of_sum(*z))]
    if not any(lifted):
        return bound(operation, args)
    if name in INLINED:
        return _run(_closed(params[INLINED[name]]), args, rule)
    if name == "scan":
        return _scan(operation, args, rule)
    if name == "stop_gradient":
        (x,), (still,) = args, _lift_plain(operation, args, rule)
        kept = x.carried[: rule.differences]
        return [still._replace(carried=(*kept, *still.carried[len(kept) :]))]
    return _lift_plain(operation, args, rule)


def _lift_plain(operation: Any, args: list[Any], rule: Rule) -> list[Any]:
    """An operation that properties follow as tangents do."""
    name, count = operation.primitive.name, max(len(x.runs) for x in args if isinstance(x, Lifted))
    moving = [i for i, x in enumerate(args) if isinstance(x, Lifted) and x.carried]
    runs = [bound(operation, [_of_run(x, run) for x in args]) for run in range(count)]
    floating = [jnp.issubdtype(x.dtype, jnp.floating) for x in runs[0]]
    alone = name in BILINEAR and len(moving) == 1 and moving[0] < BILINEAR[name]
    if any(floating) and moving and not (name in LINEAR or alone):
        raise NotAdditiveError(name)

    def first(*values: Array) -> list[Array]:
        rest = [_of_run(x, 0) for x in args]
        for place, value in zip(moving, values, strict=True):
            rest[place] = value
        return [x for x, keep in zip(bound(operation, rest), floating, strict=True) if keep]

    each: list[list[Array]] = []
    for which in range(rule.width if any(floating) else 0):
        values = [args[place].runs[0] for place in moving]
        tangents = [args[place].carried[which] for place in moving]
        if moving:
            each.append(jax.jvp(first, values, tangents)[1])
        else:
            each.append([*map(jnp.zeros_like, first())])
    carried = iter(zip(*each, strict=True)) if each else iter(())
    return [
        Lifted(values, tuple(next(carried)) if keep and each else ())
        for values, keep in zip(zip(*runs, strict=True), floating, strict=True)
    ]


def _scan(operation: Any, args: list[Any], rule: Rule) -> list[Any]:
    """A loop, all of whose carry is lifted."""
    params, inner = operation.params, operation.params["jaxpr"]
    count = max(len(x.runs) for x in args if isinstance(x, Lifted))
    # What has an axis of time outside and none inside are xs and ys; how the rest is divided has
    # other names in other versions of JAX.
    steps, kept = (
        [len(a.aval.shape) > len(b.shape) for a, b in zip(outside, inside, strict=True)].count(flag)
        for outside, inside, flag in (
            (operation.invars, inner.in_avals, True),
            (operation.outvars, inner.out_avals, False),
        )
    )
    consts, rest = args[: len(args) - steps - kept], args[len(args) - steps - kept :]
    start, xs = rest[:kept], rest[kept:]

    def wide(x: Any) -> Lifted:
        return x if isinstance(x, Lifted) else _lifted((jnp.asarray(x),) * count, rule)

    def body(carry: Any, now: Any) -> Any:
        outs = _run(inner, [*consts, *carry, *now], rule)
        return [*map(wide, outs[: len(carry)])], outs[len(carry) :]

    loop = partial(jax.lax.scan, length=params["length"], reverse=params["reverse"])
    carry, ys = loop(body, [*map(wide, start)], xs, unroll=params["unroll"])
    return [*carry, *ys]


def _closed(jaxpr: Any) -> Any:
    return jaxpr if hasattr(jaxpr, "consts") else ClosedJaxpr(jaxpr, ())


def _of_run(x: Any, run: int) -> Any:
    return x.runs[run] if isinstance(x, Lifted) else x
