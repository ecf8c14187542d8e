"""`Fused`: the loop of a cell as one kernel."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import divided, known, varies
from .._typing import Array, Batch, Carry, Inputs, Key, Params, Size
from ..cells import Cell, GatedCell
from ._controls import Controlled
from ._engine import Engine
from ._gated import Gated, Weights, run_gated
from ._grid import shape_of
from ._in_blocks import Step, same
from ._kernel import scan_rows
from ._loop import Tree
from ._single import batch_axes


class Fused(Engine[Cell]):
    """The loop over time as one kernel, which keeps the recurrent weights and the carry on chip.

    It is `BPTT` whose loops are kernels written in Pallas: one forward, and one backward. What can
    be computed for all steps at once (products with the inputs, the gradients of weights) stays
    outside of them. A program of the kernel runs `rows` sequences through all steps, so that a
    batch occupies as many cores of a GPU as it has such groups; the last one is filled up. The
    step of a cell that is not gated, a linear recurrence say, is in the kernel as a whole.

    **It has not been measured on an accelerator, nor run on one.** On a CPU the kernel is
    interpreted, as plain operations of JAX, which the tests compare with `Scan`. So `Auto` never
    chooses it. It is meant for few units: all weights of the loop have to fit on one core's chip
    memory, for an H100 those of 64 units of an `LSTM` or `GRU`, or 128 of an `Elman`.

    On a GPU, `rows` is a power of two of at least 16, and the sizes of a carry are multiples of
    16. On a TPU, `rows` is a multiple of 8. Which operations a step may have depends on the
    platform; a program for one that cannot compile it raises an error. Several devices run it
    under `shard_map` with `check_vma=False`.

    Args:
        rows: sequences in a program of the kernel.

    Raises:
        ValueError: a number of steps or sequences that is a symbol; an array that is sharded over
            an explicit mesh, or varies over that of a `shard_map` which checks this; a cell that
            holds numbers of its own for every sequence (`StateDropout` with a key).
        TypeError: a carry that holds keys.
        NotImplementedError: a step that does not compile for this platform.

    Reference: J. Appleyard, T. Kocisky & P. Blunsom, arXiv 1604.01946; G. Diamos et al.,
    "Persistent RNNs", ICML 2016.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.LSTM(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Fused(rows=2))[1].shape
        (7, 2, 4)
    """

    rows: int = jax.tree.static(default=16)

    def __post_init__(self) -> None:
        """Check the size."""
        _check.sizes("Fused", rows=self.rows)

    def run(self, cell: Any, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        _check_arrays(carry, xs)
        if isinstance(cell, Controlled):  # a program needs the fresh carry of any sequence
            cell = dataclasses.replace(cell, fresh=cell.cell.carry(params))
        if not issubclass(cell.kind, GatedCell):
            cell = Whole(cell)
        return run_gated(_Rows(self.rows), cell, params, carry, xs)


class Whole(GatedCell):
    """A cell of any kind as a gated one: its gate is all that a step does in the loop.

    Args:
        cell: the cell inside.
    """

    cell: Cell

    def init(self, key: Key) -> Params:
        return self.cell.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.cell.carry(params, batch)

    def project(self, params: Params, x: Inputs) -> Inputs:
        return self.cell.prepare(params, x)

    def mix(self, params: Params, carry: Carry) -> Inputs:
        return ()

    def gate(self, params: Params, carry: Carry, u: Inputs, r: Inputs) -> tuple[Carry, Inputs]:
        return self.cell.advance(params, carry, u)

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        return self.cell.finish(params, outs, xs)


class _Rows(Gated):
    """The loop of a gated cell whose steps a kernel runs, some rows of the batch at a time."""

    who = "Fused"

    def __init__(self, rows: int) -> None:
        super().__init__(None)
        self.rows = rows

    def group(self, weights: Weights, carry: Carry, tree: Tree) -> Tree:
        axes = len(_batch(weights, carry))

        def leaf(x: Any) -> Any:
            return shape_of((self.rows, *x.shape[axes:]), x.dtype)

        return jax.tree.map(leaf, tree)

    def scan(
        self,
        weights: Weights,
        carry: Carry,
        step: Step,
        start: Any,
        xs: Any,
        prepare: Callable[[Inputs], Inputs] = same,
        size: Size | None = None,
        *,
        reverse: bool = False,
    ) -> tuple[Any, Any]:
        batch = _batch(weights, carry)
        size = math.prod(batch)
        more = -size % self.rows  # which fill up the last group

        def folded(x: Array, first: int) -> Array:
            if x.shape[first : first + len(batch)] != batch:
                raise ValueError(
                    f"Fused: every array of a step of {weights[0]!r} has the axes {batch} of the "
                    f"batch in front, got shape {x.shape[first:]}. Use `Auto()`."
                )
            x = x.reshape(*x.shape[:first], size, *x.shape[first + len(batch) :])
            return jnp.pad(x, [(0, more * (axis == first)) for axis in range(x.ndim)])

        def unfolded(x: Array, first: int) -> Array:
            x = jax.lax.slice_in_dim(x, 0, size, axis=first)
            return x.reshape(*x.shape[:first], *batch, *x.shape[first + 1 :])

        start = jax.tree.map(lambda x: folded(x, 0), start)
        xs = jax.tree.map(lambda x: folded(x, 1), prepare(xs))
        try:
            last, ys = scan_rows(step, start, xs, rows=self.rows, reverse=reverse)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Fused: a step of {weights[0]!r} does not run for {self.rows} sequences alone "
                f"({error}). If the cell holds numbers for every sequence, use `Auto()`."
            ) from error
        return (
            jax.tree.map(lambda x: unfolded(x, 0), last),
            jax.tree.map(lambda x: unfolded(x, 1), ys),
        )

    def _size(self, weights: Weights, xs: Inputs) -> Size:
        return jax.tree.leaves(xs)[0].shape[0]


def _batch(weights: Weights, carry: Carry) -> tuple[int, ...]:
    """The axes of the batch: those that a carry has in front of its own."""
    return jax.tree.leaves(carry)[0].shape[: batch_axes(*weights, carry)]


def _check_arrays(carry: Carry, xs: Inputs) -> None:
    """Raise where the arrays are not for a kernel."""
    if not jax.tree.leaves(carry):
        raise ValueError("Fused: the carry is empty, so nothing recurs. Use `Scan()`.")
    for leaf in jax.tree.leaves((carry, xs)):
        if not all(known(n) for n in leaf.shape):
            raise ValueError(
                f"Fused: a kernel is made for sizes that are numbers, got shape {leaf.shape}. Use "
                "`Auto()` in a program for `jax.export` that takes any size."
            )
        if divided(leaf):
            raise ValueError(
                "Fused: a kernel runs on one device, got arrays that are sharded over an explicit "
                "mesh. Use `jax.shard_map(..., check_vma=False)` around it, or `Auto()`."
            )
        if varies(leaf):
            raise ValueError(
                "Fused: a kernel does not say over which devices its results vary. Use "
                "`jax.shard_map(..., check_vma=False)`, or `Auto()`."
            )
    for leaf in jax.tree.leaves(carry):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
            raise TypeError(
                f"Fused: a kernel holds numbers and flags, got a carry with {leaf.dtype}. Use "
                "`Auto()`."
            )
