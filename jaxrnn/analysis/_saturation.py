"""Gates that stay open or shut."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._numerics import drop, select, within
from .._typing import Array, ArrayOrList, Carry, Inputs, Leaf, Params
from ..cells import Cell
from ._stepping import carry_of, led


class Saturation(NamedTuple):
    """How often a gate's units are nearly shut and nearly open, as shares of the steps.

    Shapes:
        shut: below `low`.
        open: above `high`.
    """

    shut: Float[Array, " H"]
    open: Float[Array, " H"]


@checked
def gate_saturation(
    cell: Cell,
    params: Params,
    xs: Inputs,
    carry: Carry | None = None,
    *,
    low: Leaf = 0.1,
    high: Leaf = 0.9,
    lengths: ArrayOrList | None = None,
) -> dict[str, Saturation]:
    r"""For each gate of a cell, how often each unit is nearly shut and nearly open.

    A forget gate that is nearly always open remembers; gates that are always shut, or never move,
    are not used. The derivative of a saturated gate is close to 0, so that it hardly learns.

    Args:
        cell: a cell that tells its `gates`: LSTM, GRU, a wrapper around one, or your own.
        params: its parameters.
        xs: `[T, *batch, ...]`.
        carry: what the first step starts from; the cell's initial carry where `None`.
        low: below it a gate counts as shut.
        high: above it a gate counts as open.
        lengths: `Int[*batch]`, how many leading steps count.

    Returns:
        For each gate its `Saturation`; NaN where no step counts.

    Raises:
        TypeError: a cell without gates.
        ValueError: no step, lengths out of range.

    Reference: A. Karpathy, J. Johnson & L. Fei-Fei, "Visualizing and understanding recurrent
    networks", 2015, arXiv 1506.02078.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import analysis, cells
        >>> cell = cells.LSTM(2, 4, forget_bias=5.0)
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((9, 3, 2))
        >>> found = analysis.gate_saturation(cell, params, xs)
        >>> {name: float(gate.open.mean()) for name, gate in found.items()}
        {'forget': 1.0, 'input': 0.0, 'output': 0.0}
    """
    who = "gate_saturation"
    xs, batch = led(who, cell, xs)
    length = jax.tree.leaves(xs)[0].shape[0]
    counts = jnp.ones((length, *batch), bool)
    if lengths is not None:
        lengths = np.asarray(lengths) if isinstance(lengths, list | tuple) else lengths
        _check.lengths(who, "lengths", lengths, (length, *batch))
        counts = within(jnp.asarray(lengths), length)
        xs = drop(~counts, xs)
    carry = carry_of(who, cell, params, batch, carry)

    def body(carry: Carry, now: Any) -> tuple[Carry, dict[str, tuple[Array, Array]]]:
        x, counted = now
        gates = cell.gates(params, carry, x)
        after = cell.step(params, carry, x)[0]
        flags = {name: (value < low, value > high) for name, value in gates.items()}
        return select(counted, after, carry), flags

    _, seen = jax.lax.scan(body, carry, (xs, counts))
    if not seen:
        raise TypeError(
            f"{who}: `{type(cell).__name__}` tells of no gates. A cell of your own does by its "
            "method `gates(params, carry, x)`, which returns their values by name."
        )

    def share(flags: Array) -> Array:
        of_step = counts.reshape(*counts.shape, *(1,) * (flags.ndim - counts.ndim))
        axes = tuple(range(counts.ndim))
        return jnp.sum(flags & of_step, axis=axes) / jnp.sum(counts)

    return {name: Saturation(*map(share, flags)) for name, flags in seen.items()}
