"""The laws of what types a cell's numbers have, and how often it is traced."""

import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..engines import unroll
from . import _trees as trees
from ._cell_case import BATCH, HALF, CellCase

NARROW, WIDE = jnp.bfloat16, jnp.float32


def types(case: CellCase) -> None:
    """Of shapes alone: nothing is compiled. A gradient has the type of what it is taken by."""
    for dtype in (WIDE, NARROW):
        last, ys, carry = _typed(case, dtype)
        what = f"with {jnp.dtype(dtype)} parameters and inputs "
        trees.alike(last, carry, f"{what}the last carry")
        for leaf in trees.numbers(ys):
            assert leaf.dtype == dtype, f"{what}the output is {leaf.dtype}"


def _typed(case: CellCase, dtype: Any) -> Any:
    def both(params: Any, xs: Any) -> Any:
        def total(own: list[Any]) -> Any:
            last, ys = unroll(case.noun, trees.with_numbers(params, own), xs)
            return sum(leaf.astype(WIDE).sum() for leaf in trees.numbers(ys)), (last, ys)

        own = trees.numbers(params)
        gradient, (last, ys) = jax.grad(total, has_aux=True)(own)
        trees.alike(gradient, own, f"with {jnp.dtype(dtype)} parameters the gradient")
        return last, ys, case.noun.carry(params, BATCH)

    drawn, xs = case.drawn, case.xs
    with jax.enable_x64(False):
        return jax.eval_shape(both, *trees.cast((drawn, xs), dtype))


def carries(case: CellCase) -> None:
    drawn = case.drawn
    with jax.enable_x64(False):
        carry = jax.eval_shape(case.noun.carry, trees.cast(drawn, NARROW))
    for leaf in trees.numbers(carry):
        assert not trees.is_narrow(leaf), f"with bfloat16 parameters a carry is {leaf.dtype}"


def precision(case: CellCase) -> None:
    drawn, inputs = case.drawn, case.xs
    with jax.enable_x64(False):
        params, xs = trees.cast((drawn, inputs), NARROW)
        narrow = jax.jit(lambda cell, params, xs: unroll(cell, params, xs)[1])(
            case.noun, params, xs
        )
    params, xs = trees.cast((params, xs), jnp.float64)
    wide = case.scan(params=params, xs=xs, carry=case.cell.carry(params, BATCH), flags=case.neutral)
    for low, high in zip(trees.numbers(narrow), trees.numbers(wide.ys), strict=True):
        error = np.abs(np.asarray(low).astype(np.complex128) - np.asarray(high))
        size = np.sqrt((np.abs(np.asarray(high)) ** 2).mean())
        share = np.sqrt((error**2).mean()) / max(size, 1e-3)
        assert share <= 0.02, f"in bfloat16 the outputs are {share:.1%} off"


def traces(case: CellCase) -> None:
    row, _, _ = case.second_half[0]
    here = (slice(HALF), *row)
    for cell in (copy.deepcopy(case.cell), trees.moved(case.cell, case.cell, 0.01)):
        case.single(cell, case.params, trees.at(case.xs, here), trees.at(case.carry, row))
    count = len(case.traces)
    assert count == 1, f"it was traced {count} times"
