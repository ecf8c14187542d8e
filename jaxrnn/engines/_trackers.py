"""How the parameters have influenced the carry of one sequence, kept from step to step."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._dtypes import at_least_float32
from .._typing import Array, Carry, Inputs, Key, Params
from ._loop import Tree, split
from ._reals import reals, with_reals
from ._structure import NOTHING, SEVERAL, reached, shape_of

Step = Callable[[Params, Carry, Inputs], tuple[Carry, Inputs]]
Begin = Callable[[Params], Carry]
Influence = Any


class Plan(NamedTuple):
    """What is known of a step before any number is.

    moves: as a tree of flags, which parameters ever reach the carry.
    units: for each of these, which unit every entry reaches; None if units mix, or if an entry
        reaches several.
    """

    moves: Tree
    units: list[Any] | None


def plan(step: Step, begin: Begin, params: Params, carry: Carry, x: Inputs) -> Plan:
    """Which parameters reach which units, directly or from the start of a sequence."""
    shapes = jax.tree.map(lambda leaf: shape_of(leaf.shape, leaf.dtype), (params, carry, x))
    numbers = jax.eval_shape(reals, shapes[1])
    sizes = [int(np.prod(leaf.shape)) for leaf in numbers]
    named = [np.arange(n).reshape(leaf.shape) for n, leaf in zip(sizes, numbers, strict=True)]

    def all_reals(params: Params, h: list[Array], carry: Carry, x: Inputs) -> list[Array]:
        return [*reals(step(params, with_reals(carry, h), x)[0]), *reals(begin(params))]

    args = shapes[0], numbers, *shapes[1:]
    of_params, of_units, *_ = reached(all_reals, args, [*named, *named])
    moves = jax.tree.map(
        lambda _, units: units is not None and bool((units != NOTHING).any()), params, of_params
    )
    own = [units for units in jax.tree.leaves(of_params) if (units != NOTHING).any()]
    apart = len(set(sizes)) == 1 and all(
        bool(np.all((got == unit) | (got == NOTHING)))
        for got, unit in zip(of_units, named, strict=True)
    )
    if not apart or any((units == SEVERAL).any() for units in own):
        return Plan(moves, None)
    return Plan(moves, own)


class Tracker(abc.ABC):
    """The derivative of a carry by the parameters, or what stands for it; all of one sequence."""

    def __init__(self, step: Step, begin: Begin, moves: Tree) -> None:
        self.step, self.begin, self.moves = step, begin, moves

    @abc.abstractmethod
    def fresh(self, params: Params, key: Key | None) -> Influence:
        """At the first step of a sequence, whose carry may be a parameter itself."""

    @abc.abstractmethod
    def advance(
        self, influence: Influence, params: Params, carry: Carry, x: Inputs, key: Key | None
    ) -> Influence:
        """After a step that was made from `carry`."""

    @abc.abstractmethod
    def gradient(self, influence: Influence, cts: list[Array]) -> list[Array]:
        """By the parameters that reach the carry, from those by the carry's numbers."""

    def none(self, params: Params, key: Key | None) -> Influence:
        """At a carry that does not depend on the parameters."""
        return jax.tree.map(jnp.zeros_like, self.fresh(params, key))

    def following(self, params: Params, carry: Carry, x: Inputs) -> tuple[Any, Any, Any]:
        """The step as a function of its own parameters and the carry's numbers; and both."""
        own, rebuild = split(self.moves, params)

        def function(own: list[Array], numbers: list[Array]) -> list[Array]:
            return reals(self.step(rebuild(own), with_reals(carry, numbers), x)[0])

        return function, own, reals(carry)

    def beginning(self, params: Params) -> tuple[Any, Any]:
        """The numbers that a sequence begins with, as a function of the parameters; and those."""
        own, rebuild = split(self.moves, params)
        return lambda own: reals(self.begin(rebuild(own))), own


class Traces(Tracker):
    """Units apart: of each parameter, the derivative of its unit's numbers by it.

    With `K` numbers in a unit these are `K` arrays of the parameter's shape.
    """

    def __init__(self, step: Step, begin: Begin, plan: Plan) -> None:
        super().__init__(step, begin, plan.moves)
        assert plan.units is not None
        self.units = [_repeated(units) for units in plan.units]

    def fresh(self, params: Params, key: Key | None) -> Influence:
        function, own = self.beginning(params)
        return self._direct(function, own)

    def advance(
        self, influence: Influence, params: Params, carry: Carry, x: Inputs, key: Key | None
    ) -> Influence:
        function, own, numbers = self.following(params, carry, x)
        direct = self._direct(lambda own: function(own, numbers), own)
        _, push = jax.linearize(lambda numbers: function(own, numbers), numbers)
        columns = [push(_unit(numbers, j)) for j in range(len(numbers))]
        return [
            [
                trace + sum(_wide(c[i], unit, e[p]) * e[p] for c, e in _pairs(columns, influence))
                for p, (trace, unit) in enumerate(zip(traces, self.units, strict=True))
            ]
            for i, traces in enumerate(direct)
        ]

    def gradient(self, influence: Influence, cts: list[Array]) -> list[Array]:
        return [
            sum(_wide(ct, unit, e[p]) * e[p] for ct, e in _pairs(cts, influence))
            for p, unit in enumerate(self.units)
        ]

    def _direct(self, function: Callable[[Any], list[Array]], own: list[Array]) -> Influence:
        """The derivative of a unit's number, which is that of their sum: others do not count."""
        numbers, pull = jax.vjp(function, own)
        return [_widened(pull(_unit(numbers, i))[0]) for i in range(len(numbers))]


class Matrices(Tracker):
    """Units that mix: the derivative of every number by every parameter, `[D, *shape]`."""

    def fresh(self, params: Params, key: Key | None) -> Influence:
        function, own = self.beginning(params)
        return self._direct(function, own)

    def advance(
        self, influence: Influence, params: Params, carry: Carry, x: Inputs, key: Key | None
    ) -> Influence:
        function, own, numbers = self.following(params, carry, x)
        direct = self._direct(lambda own: function(own, numbers), own)
        vector, rebuild = _raveled(numbers)
        _, push = jax.linearize(lambda v: _raveled(function(own, rebuild(v)))[0], vector)
        jacobian = jax.vmap(push, 1, 1)(_basis(vector))
        return [d + _product(jacobian, m) for d, m in zip(direct, influence, strict=True)]

    def gradient(self, influence: Influence, cts: list[Array]) -> list[Array]:
        vector = _raveled(cts)[0]
        return [_product(vector[None], m)[0] for m in influence]

    def _direct(self, function: Callable[[Any], list[Array]], own: list[Array]) -> Influence:
        vector, pull = jax.vjp(lambda own: _raveled(function(own))[0], own)
        rows = jax.vmap(pull)(_basis(vector))[0]
        return _widened(rows)


class RankOne(Tracker):
    """A random product of a carry and parameters, whose mean is the derivative."""

    def fresh(self, params: Params, key: Key | None) -> Influence:
        function, own = self.beginning(params)
        numbers, pull = jax.vjp(function, own)
        signs = _signs(key, numbers)
        return signs, _widened(pull(signs)[0])

    def advance(
        self, influence: Influence, params: Params, carry: Carry, x: Inputs, key: Key | None
    ) -> Influence:
        function, own, numbers = self.following(params, carry, x)
        states, weights = influence
        states = jax.jvp(lambda n: function(own, n), (numbers,), (states,))[1]
        signs = _signs(key, numbers)
        direct = _widened(jax.vjp(lambda own: function(own, numbers), own)[1](signs)[0])
        # Any two factors keep the mean; these make the variance least.
        old, new = _balance(weights, states), _balance(direct, signs)
        states = [old * a + new * b for a, b in zip(states, signs, strict=True)]
        return states, [_over(a, old) + _over(b, new) for a, b in zip(weights, direct, strict=True)]

    def gradient(self, influence: Influence, cts: list[Array]) -> list[Array]:
        states, weights = influence
        total = sum((jnp.sum(ct * h) for ct, h in _pairs(cts, states)), jnp.zeros(()))
        return [total.astype(weight.dtype) * weight for weight in weights]


def _balance(left: list[Array], right: list[Array]) -> Array:
    """The root of the ratio of two norms; 1 where one of them is 0."""
    a, b = (sum(jnp.sum(jnp.abs(leaf) ** 2) for leaf in leaves) for leaves in (left, right))
    kind = jnp.result_type(b)
    a = jnp.asarray(a, kind)
    sound = (a > 0) & (b > 0)
    return jnp.where(sound, (jnp.where(sound, a, 1) / jnp.where(sound, b, 1)) ** 0.25, 1)


def _over(leaf: Array, factor: Array) -> Array:
    return leaf / factor.astype(leaf.dtype)


def _signs(key: Key | None, numbers: list[Array]) -> list[Array]:
    assert key is not None
    keys = jax.random.split(key, len(numbers))
    return [
        jax.random.rademacher(k, leaf.shape, leaf.dtype)
        for k, leaf in zip(keys, numbers, strict=True)
    ]


def _unit(numbers: list[Array], i: int) -> list[Array]:
    """Ones in the i-th array and zeros elsewhere."""
    return [
        jnp.ones_like(leaf) if i == j else jnp.zeros_like(leaf) for j, leaf in enumerate(numbers)
    ]


def _pairs(left: Any, right: Any) -> Any:
    return zip(left, right, strict=True)


def _widened(leaves: Any) -> Any:
    return [leaf.astype(at_least_float32(leaf.dtype)) for leaf in leaves]


def _repeated(units: Any) -> Any:
    """The units without the axes along which they are the same, which have size 1 then."""
    for axis in range(units.ndim):
        first = units.take([0], axis)
        if (units == first).all():
            units = first
    return np.maximum(units, 0)  # what reaches no unit has a trace of zeros


def _wide(vector: Array, units: Any, like: Array) -> Array:
    """The entry of its unit for every parameter."""
    return jnp.broadcast_to(vector.ravel()[units], like.shape).astype(like.dtype)


def _product(matrix: Array, leaf: Array) -> Array:
    flat = leaf.reshape(len(leaf), -1)
    product = jnp.matmul(matrix.astype(leaf.dtype), flat, precision="highest")
    return product.reshape(len(matrix), *leaf.shape[1:])


def _basis(vector: Array) -> Array:
    """The rows of a unit matrix, each varying over devices as the vector does."""
    return jnp.eye(vector.size, dtype=vector.dtype) + jnp.zeros_like(vector)[None]


def _raveled(numbers: list[Array]) -> tuple[Array, Callable[[Array], list[Array]]]:
    """All numbers in one vector of the widest type, and back."""
    kind = at_least_float32(max((leaf.dtype for leaf in numbers), key=lambda d: d.itemsize))
    vector = jnp.concatenate([leaf.ravel().astype(kind) for leaf in numbers])

    def rebuild(vector: Array) -> list[Array]:
        ends = np.cumsum([leaf.size for leaf in numbers])[:-1]
        parts = jnp.split(vector, ends)
        return [
            part.reshape(leaf.shape).astype(leaf.dtype)
            for part, leaf in zip(parts, numbers, strict=True)
        ]

    return vector, rebuild
