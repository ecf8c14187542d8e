"""`Noisy`: what wrappers share that change the carry at random, and the output with it."""

import abc
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._numerics import moving
from .._typing import Batch, Carry, Inputs, Key, Params
from ._resolving import leading
from ._rule import Automatic, Rule, WithOutput
from ._wrapper import Parted, Settling, Wrapper


class Drawn(NamedTuple):
    """Inputs, and the random numbers of their steps."""

    x: Any
    noise: Any


class Noisy(Wrapper):
    """A wrapper with random numbers for every leaf of the carry, at every step.

    Where the cell's output is a part of its new carry, as that of an LSTM is, the output is that
    part of the settled carry. `settle` gets the random numbers, or None if no key was given.
    """

    @abc.abstractmethod
    def noise(self, key: Key, shape: Batch, carry: Any, index: int) -> Any:
        """The random numbers of one leaf of the carry, `[T, *batch, ...]`."""

    def draw(self, params: Params, xs: Inputs, key: Key) -> Drawn:
        """Inputs with random numbers, of the cell inside as well."""
        mine, inside = jax.random.split(key)
        steps, *batch = leading(self.cell, xs)
        carry = jax.eval_shape(lambda params: self.cell.carry(params, tuple(batch)), params)
        structure: Any
        leaves, structure = jax.tree.flatten(carry)
        keys = jax.random.split(mine, max(1, len(leaves)))
        drawn = [
            self.noise(k, (steps, *leaf.shape), leaf, i)
            if jnp.issubdtype(leaf.dtype, jnp.inexact)
            else None
            for i, (k, leaf) in enumerate(zip(keys, leaves, strict=False))
        ]
        return Drawn(self.cell.draw(params, xs, inside), structure.unflatten(drawn))

    def split(self, x: Inputs) -> tuple[Inputs, Any]:
        return (x.x, x.noise) if isinstance(x, Drawn) else (x, None)

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        carry, out = self.advance(params, carry, self.prepare(params, x))
        return carry, self.finish(params, out, x)

    def advance(self, params: Params, carry: Carry, u: Parted) -> tuple[Carry, Inputs]:
        return self._settled(
            partial(self.cell.advance, self.inside(params)), u.aside, carry, u.inner
        )

    def gate(self, params: Params, carry: Carry, u: Parted, r: Inputs) -> tuple[Carry, Inputs]:
        return self._settled(
            partial(self._inner.gate, self.inside(params)), u.aside, carry, u.inner, r
        )

    def _settled(
        self, step: Callable[..., Any], aside: Any, carry: Carry, *read: Inputs
    ) -> tuple[Carry, Inputs]:
        place = shown(step, carry, *read)
        new, y = step(carry, *read)
        settled = self.settle(carry, new, aside)
        return settled, _output(place, settled, y)

    @property
    def rule(self) -> Rule:
        """The inner cell's, followed by the derivative of `settle`."""
        shape = self.cell.input_shape
        if shape is None:
            return Automatic()  # what the cell reads is not known here
        x = jnp.zeros([size or 1 for size in shape])
        params = jax.eval_shape(self.cell.init, jax.random.key(0))
        carry = jax.eval_shape(self.cell.carry, params)

        def advance(params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
            return self.cell.advance(params, carry, self.cell.prepare(params, x))

        place = shown(advance, params, carry, x)
        return Shown(Settling(self._inner.rule), place)


class Shown(WithOutput):
    """A rule for a gate whose output is, or is not, a leaf of its new carry."""

    place: int | None = jax.tree.static()

    def output(self, old: Carry, new: Carry, y: Inputs) -> Inputs:
        return _output(self.place, new, y)


def shown(step: Callable[..., Any], *args: Any) -> int | None:
    """Which number of the carry that `step` returns its output is, maybe in another type."""
    traced: Any = jax.make_jaxpr(step, return_shape=True)(*args)
    jaxpr, (carry, y) = traced[0].jaxpr, traced[1]
    if not isinstance(y, jax.ShapeDtypeStruct):
        return None
    made = {id(eqn.outvars[0]): eqn for eqn in jaxpr.eqns}

    def source(variable: Any) -> Any:
        while id(variable) in made and made[id(variable)].primitive.name == "convert_element_type":
            variable = made[id(variable)].invars[0]
        return variable

    numbers = [jnp.issubdtype(leaf.dtype, jnp.inexact) for leaf in jax.tree.leaves(carry)]
    *parts, output = map(source, jaxpr.outvars)
    kept = [part for part, number in zip(parts, numbers, strict=True) if number]
    return next((place for place, part in enumerate(kept) if part is output), None)


def _output(place: int | None, carry: Carry, y: Any) -> Any:
    if place is None:
        return y
    return jax.tree.leaves(moving(carry))[place].astype(y.dtype)
