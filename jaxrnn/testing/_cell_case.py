"""What the laws of one cell share: a problem, its programs, and what they give."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..cells import Cell
from ..engines import Engine, unroll
from . import _trees as trees
from ._law import Shared
from ._runs import Flags, Problem, Programs, Run, one, transforms

T, BATCH = 6, (2, 3)
ROWS = list(np.ndindex(BATCH))
HALF = T // 2


class CellCase:
    """One cell, and everything that is computed for it, once, where a law first needs it.

    Sizes are small and even, so that whole, halves and segments need few programs. The rows of the
    batch differ in what is asked of them: see `flags`.
    """

    def __init__(
        self, cell: Cell, engines: dict[str, Engine[Any]], examples: Any, key: Any
    ) -> None:
        self.noun, self.key, self.examples = cell, key, examples
        self.cell = jax.tree.map(_wide, cell)
        self.programs = Programs(engines)

    # --- the problem ------------------------------------------------------------------------------

    @Shared
    def drawn(self) -> Any:
        """Parameters as the cell draws them."""
        return trees.cast(self.noun.init(self.key), jnp.float64)

    @Shared
    def params(self) -> Any:
        """Near those, so that none is zero and no two are alike."""
        return trees.moved(self.drawn, trees.noise(self.drawn, 1), 0.3)

    @Shared
    def inputs(self) -> Any:
        """Twice as many steps as are needed: `[2 * T, *batch, ...]`."""
        shape = features(self.noun)
        if self.examples is None and shape:
            return trees.noise(jnp.zeros((2 * T, *BATCH, *shape)), 2)
        chosen = np.random.default_rng(2).integers(10**6, size=(2 * T, *BATCH))
        examples = np.arange(2) if self.examples is None else self.examples  # symbols
        xs = jax.tree.map(lambda leaf: np.asarray(leaf)[chosen % len(leaf)], examples)
        return trees.cast(xs, jnp.float64)

    @Shared
    def xs(self) -> Any:
        return trees.at(self.inputs, slice(T))

    @Shared
    def fresh(self) -> Any:
        """The cell's own carry."""
        return self.cell.carry(self.params, BATCH)

    @Shared
    def carry(self) -> Any:
        """Near one that the cell has reached, in sign too, but at no whole number of steps."""
        carry = self.fresh
        for t in range(T, 2 * T):
            carry, _ = self.step(self.cell, self.params, carry, trees.at(self.inputs, t))
        return trees.with_numbers(carry, [_nearby(leaf) for leaf in trees.numbers(carry)])

    @Shared
    def flags(self) -> Flags:
        """Lengths with 0 and T among them, a mask with holes, resets at masked steps too."""
        lengths = np.array([[T, 4, T], [0, 5, T]])
        mask, resets = np.ones((T, *BATCH), bool), np.zeros((T, *BATCH), bool)
        mask[2, 0, 0] = mask[0, 1, 1] = False
        resets[[2, 3], 0, 0] = resets[[2, 5], 0, 1] = True
        resets[0, 1, 1] = resets[[0, 4, 5], 1, 2] = True
        return Flags(lengths, mask, resets)

    @Shared
    def neutral(self) -> Flags:
        """Flags that change nothing."""
        full, none = np.full(BATCH, T), np.zeros((T, *BATCH), bool)
        return Flags(full, ~none, none)

    @Shared
    def valid(self) -> Any:
        return self.flags.mask & (np.arange(T)[:, None, None] < self.flags.lengths[None])

    def problem(self, **changed: Any) -> Problem:
        """The problem, with some of it changed."""
        order = np.arange(T)
        given = Problem(self.cell, self.params, self.xs, self.carry, self.flags, order)
        return given._replace(**changed)

    # --- what the programs give -------------------------------------------------------------------

    def run(self, **changed: Any) -> dict[str, Run]:
        """Values and gradients of every engine, under flags."""
        return self.programs.controlled(self.problem(**changed))

    def scan(self, **changed: Any) -> Run:
        """Those of the reference alone."""
        return self.run(**changed)["scan"]

    def backward(self, **changed: Any) -> Run:
        """Those of an engine in reverse."""
        return self.programs.backward(self.problem(**changed))

    def engines(self, **changed: Any) -> dict[str, Run]:
        """Those of engines in order of time, and of one in reverse."""
        return {**self.run(**changed), "reverse": self.backward(**changed)}

    @Shared
    def whole(self) -> dict[str, Run]:
        return self.run()

    @Shared
    def plain(self) -> Run:
        """The reference with flags that change nothing."""
        return self.scan(flags=self.neutral)

    @Shared
    def reversed(self) -> Run:
        return self.backward()

    @Shared
    def clean(self) -> dict[str, Run]:
        """With zeros in the padding."""
        return self.engines(xs=trees.where(self.valid, self.xs, 0.0))

    @Shared
    def step(self) -> Any:
        """One step, of one sequence or of a batch."""
        return jax.jit(lambda cell, params, carry, x: cell.step(params, carry, x))

    @Shared
    def traces(self) -> list[Any]:
        """One entry for each time that `single` has been traced."""
        return []

    @Shared
    def single(self) -> Any:
        """Half of one sequence, without batch or flags, on the default engine."""

        def run(cell: Any, params: Any, xs: Any, carry: Any) -> tuple[Any, Any]:
            self.traces.append(None)
            return one(cell, params, xs, carry)

        return jax.jit(run)

    @Shared
    def second_half(self) -> list[tuple[Any, tuple[Any, Any], tuple[Any, Any]]]:
        """A row, and its two halves one after the other, alone."""
        found = []
        for row in ROWS[::2]:
            here = (slice(None), *row)
            xs, carry = trees.at(self.xs, here), trees.at(self.carry, row)
            early, late = trees.at(xs, slice(HALF)), trees.at(xs, slice(HALF, None))
            first = self.single(self.cell, self.params, early, carry)
            found.append((row, first, self.single(self.cell, self.params, late, first[0])))
        return found

    @Shared
    def directions(self) -> Any:
        """Two directions of the numbers of cell, parameters, inputs and carry.

        Those of the cell, which may be as small as an epsilon, change in proportion.
        """
        own = [trees.numbers(part) for part in self.problem()[:4]]
        pairs = [trees.noise(own, seed) for seed in (3, 4)]
        for several in pairs:
            sizes = [np.where(leaf == 0, 1.0, abs(np.asarray(leaf))) for leaf in own[0]]
            several[0] = [a * size for a, size in zip(several[0], sizes, strict=True)]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *pairs)

    @Shared
    def derivatives(self) -> dict[str, Any]:
        return transforms(self.problem(), self.directions)

    @Shared
    def several(self) -> tuple[Any, Any, tuple[Any, Any]]:
        """Keys, the parameters that they draw under `vmap`, and what those give under `vmap`."""
        keys = jax.random.split(self.key, 2)
        drawn = jax.vmap(self.noun.init)(keys)
        half = trees.moved(self.params, self.params, -0.5)
        both = jax.tree.map(lambda *leaves: np.stack(leaves), self.params, half)
        run = jax.jit(jax.vmap(partial(unroll, self.cell), (0, None, None)))
        return keys, drawn, (both, run(both, self.xs, self.carry))


def _nearby(leaf: Any) -> Any:
    """A tenth more or less, and more than nothing where it is zero; infinities stay."""
    factors = np.asarray(trees.noise(leaf, 6)).real
    leaf = np.asarray(leaf)
    moved = np.where(np.isfinite(leaf), leaf, 0) * (1 + 0.1 * factors) + 1e-3 * (1 + abs(factors))
    return jnp.asarray(np.where(np.isfinite(leaf), moved, leaf), leaf.dtype)


def _wide(leaf: Any) -> Any:
    """A number of the cell as an array that can be differentiated."""
    wide = jnp.asarray(leaf)
    return wide.astype(jnp.float64) if jnp.issubdtype(wide.dtype, jnp.floating) else wide


def features(cell: Cell) -> tuple[int, ...]:
    """The shape of one step's input; what may be of any size is small."""
    shape = (3,) if cell.input_shape is None else cell.input_shape
    return tuple(2 if size is None else size for size in shape)


def engine_names(engines: Sequence[Engine[Any]]) -> dict[str, Engine[Any]]:
    """Engines by name, the reference as `scan`."""
    return {"scan" if i == 0 else repr(engine): engine for i, engine in enumerate(engines)}
