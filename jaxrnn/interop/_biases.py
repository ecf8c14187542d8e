"""One bias where another library has two: the sum, or both by `constraints.Summed`."""

from typing import Any

import jax.numpy as jnp

from .._typing import Array, Params
from ..cells import GRU, Cell, Constrained
from ..constraints import Summed, SummedParams


def keeping_both(cell: Any) -> Cell:
    """The cell with both biases of the library, as two parts that are trained; or without any."""
    if not cell.use_bias:
        return cell
    size = 2 * cell.hidden if isinstance(cell, GRU) else None
    return Constrained(cell, "bias", Summed(size))


def plain(library: str, cell: Any) -> Any:
    """The cell inside of one that keeps both biases; any other as it is."""
    if not (isinstance(cell, Constrained) and isinstance(cell.constraint, Summed)):
        return cell
    if cell != keeping_both(cell.cell):
        size = "Summed(2 * hidden)" if isinstance(cell.cell, GRU) else "Summed()"
        raise TypeError(
            f"{library}: both biases of {type(cell.cell).__name__} are kept by "
            f'cells.Constrained(cell, "bias", constraints.{size}), got {cell}.'
        )
    return cell.cell


def parted(cell: Any, params: Params) -> tuple[Array, Array] | None:
    """The bias of the input and that of the state; of one bias, itself and zeros."""
    if params.bias is None:
        return None
    if isinstance(params.bias, SummedParams):
        first, second = params.bias
    else:
        first = params.bias
        size = 2 * cell.hidden if isinstance(cell, GRU) else first.shape[-1]
        second = jnp.zeros_like(first[:size])
    if isinstance(cell, GRU):
        if params.candidate_bias is None:
            raise TypeError(
                "GRU: a candidate without a bias of its own, use_candidate_bias=False, has no "
                "counterpart there. Leave out all biases, use_bias=False, or none."
            )
        second = jnp.concatenate([second, params.candidate_bias])
    return first, second


def joined(cell: Any, first: Array | None, second: Array | None, *, both: bool) -> dict[str, Any]:
    """The fields of the parameters that hold biases, kept apart if `both`, else their sum."""
    candidate = None
    if first is None or second is None:
        bias = None
    else:
        if isinstance(cell, GRU):
            second, candidate = jnp.split(second, [2 * cell.hidden])
        kept = SummedParams(first, second)
        bias = kept if both else Summed().value(kept)
    fields = {"bias": bias}
    return {**fields, "candidate_bias": candidate} if isinstance(cell, GRU) else fields
