"""How haiku's cores are written in jaxrnn's cells."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..._typing import Array, Params
from ...cells import LSTM, Cell, Constrained, Elman, ResetBeforeGRU
from ...constraints import Shifted, ShiftedParams, SummedParams
from .. import _parts
from .._biases import joined, parted, plain

_LSTM = (0, 2, 1, 3)  # i g f o there, i f g o here, and back
_GRU = (1, 0, 2)  # z r a there, r z n here, and back


def lstm(inputs: int, hidden: int) -> Cell:
    """The LSTM of haiku, which adds 1 to the forget gate in every step."""
    shift = np.repeat(np.array([0, 1, 0, 0], np.float32), hidden)
    return Constrained(LSTM(inputs, hidden), "bias", Shifted(shift))


def plain_cell(noun: Any) -> tuple[Any, bool]:
    """The cell inside of one that is parametrised as haiku's, and whether it is one."""
    kept = isinstance(noun, Constrained) and isinstance(noun.constraint, Shifted)
    if kept and isinstance(noun.cell, LSTM) and noun == lstm(noun.cell.inputs, noun.cell.hidden):
        return noun.cell, True
    cell = plain("haiku", noun)
    return cell, cell is not noun


def write(cell: Any, params: Params) -> dict[str, Array] | None:
    """haiku's arrays of a cell, or None for a cell that it lacks."""
    cell, _ = plain_cell(cell)
    match cell:
        case LSTM(use_bias=True):
            both = jnp.concatenate([params.kernel, params.recurrent])
            free = isinstance(params.bias, ShiftedParams)
            bias = params.bias.rest if free else params.bias - _forget(params.bias)
            return {
                "/linear.w": _parts.reordered(both, _LSTM),
                "/linear.b": _parts.reordered(bias, _LSTM),
            }
        case ResetBeforeGRU(use_bias=True):
            mixed = jnp.concatenate([params.recurrent, params.candidate], axis=-1)
            return {
                ".w_i": _turned(_parts.reordered(params.kernel, _GRU), 0),
                ".w_h": _turned(_parts.reordered(mixed, _GRU), 0),
                ".b": _turned(_parts.reordered(params.bias, _GRU), 0),
            }
        case Elman(use_bias=True) if cell.activation is jax.nn.relu:
            found = {"/linear.w": params.kernel}
            if isinstance(params.bias, SummedParams):
                found["/linear.b"], second = parted(cell, params) or (None, None)
                return {**found, "/linear_1.w": params.recurrent, "/linear_1.b": second}
            return {**found, "/linear.b": params.bias, "/linear_1.w": params.recurrent}
    return None


def read(noun: Any, arrays: Mapping[str, Array]) -> Params:
    """The parameters of a cell."""
    cell, kept = plain_cell(noun)
    if isinstance(cell, LSTM):
        kernel, recurrent = jnp.split(_parts.reordered(arrays["/linear.w"], _LSTM), [cell.inputs])
        rest = _parts.reordered(arrays["/linear.b"], _LSTM)
        bias = ShiftedParams(rest) if kept else rest + _forget(rest)
        fields = {"kernel": kernel, "recurrent": recurrent, "bias": bias}
    elif isinstance(cell, ResetBeforeGRU):
        kernel, mixed, bias = (
            _parts.reordered(_turned(arrays[name], 0), _GRU) for name in (".w_i", ".w_h", ".b")
        )
        recurrent, candidate = jnp.split(mixed, [2 * cell.hidden], axis=-1)
        fields = {"kernel": kernel, "recurrent": recurrent, "candidate": candidate, "bias": bias}
    else:
        fields = {"kernel": arrays["/linear.w"], "recurrent": arrays["/linear_1.w"]}
        bias = arrays["/linear.b"]
        if kept:
            fields |= joined(cell, bias, arrays["/linear_1.b"], both=True)
        else:
            fields |= {"bias": bias}
    return _parts.made(cell, fields)


def _forget(bias: Array) -> Array:
    """1 for the forget gate."""
    return jnp.repeat(jnp.array([0, 1, 0, 0], bias.dtype), len(bias) // 4)


def _turned(value: Array, gate: int) -> Array:
    """The update gate with its sign turned: haiku's opens towards the candidate."""
    blocks = jnp.split(value, 3, axis=-1)
    blocks[gate] = -blocks[gate]
    return jnp.concatenate(blocks, axis=-1)
