"""What every converter needs: names and shapes compared at once, and no digit lost unasked."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import _check, _host
from .._dtypes import floating, refuse_narrowing
from .._kinds import shown
from .._typing import Array


def compare(who: str, given: Mapping[str, Any], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `ValueError` unless names and shapes are the same, listing all that differ."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{who}: weights must be a mapping of arrays, got {shown(given)}.")
    wrong = []
    for name in [*wanted, *(name for name in given if name not in wanted)]:
        there = _shown(_shape(given[name])) if name in given else ""
        if name not in given:
            wrong.append(f"{name} {_shown(wanted[name])} is missing")
        elif name not in wanted:
            wrong.append(f"{_check.word(name)} {there} is left over")
        elif _shape(given[name]) != tuple(wanted[name]):
            wrong.append(f"{name} is {there}, the network takes {_shown(wanted[name])}")
    if wrong:
        raise ValueError(f"{who}: the weights do not fit: {_check.listed(wrong)}.")


def array(who: str, name: str, value: Any, dtype: Any = None) -> Array:
    """A weight as JAX holds it, in its own type or in the floating type that was asked for.

    Raises `TypeError` for what is no array of numbers, and where digits would be lost unasked:
    float64 while JAX has 64 bits disabled.
    """
    numbers = _host.read(who, name, value)
    if dtype is not None:
        if jnp.issubdtype(numbers.dtype, jnp.complexfloating):
            raise TypeError(f"{who}: {name} is {numbers.dtype}, of which {dtype} keeps one part.")
        numbers = numbers.astype(floating(who, "dtype", dtype))
    refuse_narrowing(who, name, numbers.dtype)
    return jnp.asarray(numbers)


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of an array of any library; of what is none, `None`."""
    try:
        return tuple(map(int, getattr(value, "shape", None) or np.shape(value)))
    except Exception:  # whatever another library, or numpy, makes of it
        return None


def _shown(shape: tuple[int, ...] | None) -> str:
    return "no array" if shape is None else f"[{', '.join(map(str, shape))}]"
