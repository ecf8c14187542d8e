"""The compiled programs of one cell: few, and each is run with many inputs."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..engines import Chunked, Engine, unroll
from ._trees import numbers, with_numbers


class Flags(NamedTuple):
    """What `unroll` takes beside the inputs; arrays, so that any of them run the same program."""

    lengths: Any
    mask: Any
    resets: Any


class Problem(NamedTuple):
    """All that a run depends on."""

    cell: Any
    params: Any
    xs: Any
    carry: Any
    flags: Flags
    order: Any
    """`0 .. T-1`, or backwards: which weight in the loss each step has."""


class Run(NamedTuple):
    """What an engine makes of a problem."""

    last: Any
    ys: Any
    loss: Any
    gradient: tuple[Any, Any, Any, Any]
    """With respect to the numbers of the cell, the parameters, the inputs and the carry."""


def loss(problem: Problem, results: tuple[Any, Any]) -> Any:
    """A sum of everything that `unroll` gives, each number with a weight of its own.

    But for a logarithm of nothing, minus infinity or nearly so, which would drown all the rest.
    """
    last, ys = results

    def weighed(leaf: Any, places: Any) -> Any:
        weights = jnp.cos(places.astype(leaf.real.dtype))
        weights = jnp.broadcast_to(weights, leaf.shape)
        leaf = jnp.where(jnp.abs(leaf) < 1e6, leaf, jnp.zeros_like(leaf))
        return (weights * leaf.real).sum() + 0.3 * (weights * leaf.imag).sum()

    def over_time(leaf: Any) -> Any:
        rest = jnp.arange(leaf[0].size).reshape(leaf[0].shape)
        steps = problem.order.reshape((-1,) + (1,) * rest.ndim)
        return weighed(leaf, steps * leaf[0].size + rest[None])

    total = sum(over_time(leaf) for leaf in numbers(ys))
    for leaf in numbers(last):
        total += weighed(leaf, jnp.arange(leaf.size).reshape(leaf.shape) + 7)
    return total


def controls(flags: Flags | None) -> dict[str, Any]:
    """As arguments of `unroll`."""
    return {} if flags is None else flags._asdict()


def differentiated(engine: Engine[Any], problem: Problem, *, plain: bool, reverse: bool) -> Run:
    """Values and gradients of a cell on an engine."""
    parts = problem[:4]
    own = [numbers(part) for part in parts]

    def run(own: list[Any]) -> tuple[Any, tuple[Any, Any]]:
        cell, params, xs, carry = map(with_numbers, parts, own)
        flags = {} if plain else controls(problem.flags)
        results = unroll(cell, params, xs, carry, engine=engine, reverse=reverse, **flags)
        return loss(problem, results), results

    (total, (last, ys)), gradient = jax.value_and_grad(run, has_aux=True)(own)
    return Run(last, ys, total, tuple(gradient))


class Programs:
    """The programs that run a cell on all engines that take it.

    `controlled` takes flags, `plain` none, and `backward` runs in reverse, with flags. With flags
    that say nothing, the first does what the second does, and with a sequence that is turned around
    what the third does; so one engine in the first, `Scan()`, is the reference for all. The engine
    that is there for this kind of cell runs in the other two. `Chunked` runs where it takes least
    time: its own tests run it everywhere.
    """

    def __init__(self, engines: dict[str, Engine[Any]]) -> None:
        direct = [n for n in engines if n != "scan" and not isinstance(engines[n], Chunked)]
        chunked = [n for n in engines if isinstance(engines[n], Chunked)]
        self.engines = engines
        self.of_backward = (direct or ["scan"])[0]
        self.of_controlled = ["scan", *direct[1:], *chunked[1:]]
        self.of_plain = [*direct, *chunked[:1]] or ["scan"]
        self.controlled = jax.jit(partial(self._all, self.of_controlled, plain=False))
        self.plain = jax.jit(partial(self._all, self.of_plain, plain=True))
        engine = engines[self.of_backward]
        self.backward = jax.jit(partial(differentiated, engine, plain=False, reverse=True))

    def _all(self, names: Sequence[str], problem: Problem, *, plain: bool) -> dict[str, Run]:
        return {
            name: differentiated(self.engines[name], problem, plain=plain, reverse=False)
            for name in names
        }


@jax.jit
def transforms(problem: Problem, directions: Any) -> dict[str, Any]:
    """Derivatives of the default engine, of first and second order, forward and reverse.

    Directions are those of the numbers of cell, parameters, inputs and carry, two of each.
    """
    parts = problem[:4]
    own = [numbers(part) for part in parts]

    def value(own: list[Any]) -> Any:
        cell, params, xs, carry = map(with_numbers, parts, own)
        results = unroll(cell, params, xs, carry, **controls(problem.flags))
        return loss(problem, results)

    def along(own: list[Any], direction: Any) -> Any:
        return jax.jvp(value, (own,), (direction,))[1]

    def curved(direction: Any) -> Any:
        return jax.jvp(jax.grad(jax.checkpoint(value)), (own,), (direction,))

    first = jax.tree.map(lambda leaf: leaf[0], directions)
    gradient, curvature = jax.vmap(curved, out_axes=(None, 0))(directions)
    pushed, again = jax.value_and_grad(along)(own, first)
    return {"gradient": gradient, "curvature": curvature, "pushed": pushed, "again": again}


def one(cell: Any, params: Any, xs: Any, carry: Any) -> tuple[Any, Any]:
    """One sequence, without batch, on the default engine."""
    return unroll(cell, params, xs, carry)
