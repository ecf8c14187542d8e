"""`PointwiseCell`: a gated cell of squashed sums, then arithmetic unit by unit."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from .._typing import Array, Carry, Inputs, Params
from ._dense import DenseCell
from ._rule import Rule
from ._squash import SIGMOID, Squash, squashed


class PointwiseRule(Rule):
    """The factors of the derivative of `PointwiseCell.update`, which JAX finds.

    There is one array for each pair of an output and a number of the same unit that it depends on.
    They are computed for many steps at once; the backward loop multiplies by them and adds.
    """

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: Params, carry: Carry, u: Inputs, r: Array) -> Any:
        sums, *rest = _parts(u)
        memory = [squashed(sums + r, tuple(cell.blocks.values())), *rest]
        return self.replay(cell, params, carry, memory), memory

    def replay(self, cell: Any, params: Params, carry: Carry, memory: Any) -> tuple[Carry, Array]:
        new, y = cell.update(params, carry, *_split(cell, memory))
        return new, y.astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: Params, carry: Carry, memory: Any) -> list[list[Array]]:
        outputs = _outputs(cell, params, carry)
        units = [*jax.tree.leaves(carry), *_split(cell, memory)]
        rows, places = _dependence(outputs, units)
        first = len(jax.tree.leaves(carry))
        slopes = dict(enumerate((kind.slope for kind in cell.blocks.values()), first))
        factors: list[list[Array]] = [[] for _ in rows]
        for j, unit in enumerate(units):

            def varied(unit: Array, j: int = j) -> list[Array]:
                return outputs(*units[:j], unit, *units[j + 1 :])

            columns = jax.jvp(varied, (unit,), (jnp.ones_like(unit),))[1]
            slope = slopes[j](unit) if j in slopes else jnp.ones_like(unit)
            for k, row in enumerate(rows):
                if j in row:
                    factors[k].append(slope * columns[places.index(k)])
        return factors

    def merge(self, d_u: Inputs, d_r: Array) -> list[Array]:
        """The sums read `u + r`; what there is of u besides stands behind them."""
        sums, *rest = _parts(d_u)
        return [sums + d_r, *rest]

    def push(self, cell: Any, params: Params, point: Any, d_carry: Carry, d_z: list[Array]) -> Any:
        structure: Any
        states, structure = jax.tree.flatten(d_carry)
        units = [*states, *_split(cell, d_z)]
        rows, places = _dependence(_outputs(cell, params, d_carry), units)
        pushed = [
            sum(factor * units[j] for factor, j in zip(factors, row, strict=True))
            for factors, row in zip(point, rows, strict=True)
        ]
        *new, y = (pushed[place] for place in places)
        return structure.unflatten(new), y.astype(params.kernel.dtype)


class PointwiseCell(DenseCell):
    """A dense cell whose gate is squashed sums, then arithmetic unit by unit.

        s_1, ..., s_n  = squash(u + r)            n blocks of units, each by its own function
        carry', h      = update(params, carry, s_1, ..., s_n)

    A subclass says how each block is squashed, in `blocks`, by name, and writes `update`. Its
    derivative needs no rule of its own. If `project` returns a tuple, its first array is u, and the
    others, of the size of one block, are passed on to `update` as they are.
    """

    blocks: ClassVar[dict[str, Squash]]
    rule = PointwiseRule()

    @abc.abstractmethod
    def update(self, params: Params, carry: Carry, *blocks: Array) -> tuple[Carry, Array]:
        """The new carry and the output, elementwise in blocks of `[..., H]`."""

    def gate(self, params: Params, carry: Carry, u: Inputs, r: Array) -> tuple[Carry, Array]:
        """`update` of the squashed sums."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def gates(self, params: Params, carry: Carry, x: Array) -> dict[str, Array]:
        """The blocks that are squashed by the logistic function."""
        sums = _parts(self.project(params, x))[0] + self.mix(params, carry)
        named = zip(self.blocks.items(), jnp.split(sums, len(self.blocks), axis=-1), strict=True)
        return {name: jax.nn.sigmoid(z) for (name, kind), z in named if kind is SIGMOID}


def _parts(u: Inputs) -> list[Array]:
    """What is added to r, and what else there is."""
    return list(u) if isinstance(u, tuple) else [u]


def _split(cell: Any, arrays: list[Array]) -> list[Array]:
    """Blocks of as many units as the cell has."""
    return [b for a in arrays for b in jnp.split(a, a.shape[-1] // cell.hidden, axis=-1)]


def _outputs(cell: Any, params: Params, carry: Carry) -> Callable[..., list[Array]]:
    """`update` as a function of the numbers of every unit: the leaves of the carry, the blocks."""
    structure: Any = jax.tree.structure(carry)

    def outputs(*units: Array) -> list[Array]:
        states, blocks = units[: structure.num_leaves], units[structure.num_leaves :]
        new, y = cell.update(params, structure.unflatten(states), *blocks)
        return [*jax.tree.leaves(new), y]

    return outputs


def _dependence(
    outputs: Callable[..., list[Array]], units: list[Array]
) -> tuple[list[list[int]], list[int]]:
    """Which units every distinct output depends on, and which distinct one each output is."""
    jaxpr = jax.make_jaxpr(outputs)(*units).jaxpr
    reads: dict[Any, set[int]] = {v: {j} for j, v in enumerate(jaxpr.invars)}
    for equation in jaxpr.eqns:
        variables = [v for v in equation.invars if not isinstance(v, Literal)]
        found = set().union(*(reads.get(v, set()) for v in variables))
        reads.update(dict.fromkeys(equation.outvars, found))
    distinct = list(dict.fromkeys(jaxpr.outvars))
    rows = [sorted(reads[v]) for v in distinct]
    return rows, [distinct.index(v) for v in jaxpr.outvars]
