"""Outputs, targets and levels as a head reads them."""

from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import real
from .._typing import Array, ArrayLike


@runtime_checkable
class Reader(Protocol):
    """What is asked of a head here."""

    discrete: bool

    @property
    def parameters(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def target_shape(self) -> tuple[int, ...]: ...

    @property
    def level_range(self) -> tuple[float, float]: ...

    @property
    def support(self) -> str: ...

    def supports(self, y: Any) -> Any: ...


def read_outputs(head: Reader, z: Array) -> Array:
    """Outputs as `theta`, `[*steps, *target_shape, parameters]`."""
    if z.ndim == 0 or z.shape[-1] != head.size:
        coordinates = f" for each of {head.target_shape[0]}" if head.target_shape else ""
        raise ValueError(
            f"{_name(head)}: outputs must be [T, *batch, {head.size}], {head.parameters} numbers"
            f"{coordinates}, got {_check.describe(z)}. End the network with "
            "`networks.Dense(hidden, head.size)`."
        )
    return z.reshape(*z.shape[:-1], *head.target_shape, head.parameters)


def read_targets(head: Reader, theta: Array, targets: ArrayLike) -> Array:
    """Targets `[*steps, *target_shape]` as numbers of the dtype of `theta`."""
    who, wanted = _name(head), theta.shape[:-1]
    if head.discrete:
        y = _check.numbers(who, "targets", targets)
        if jnp.issubdtype(y.dtype, jnp.complexfloating):
            raise TypeError(f"{who}: targets must be real, got {_check.describe(y)}.")
    else:
        y = real(who, "targets", targets)
    if y.shape != wanted:
        axes = "[T, *batch, dim]" if head.target_shape else "[T, *batch]"
        raise ValueError(
            f"{who}: targets must be {axes} = {wanted}, got {_check.describe(y)}. "
            f"{_remedy(head, wanted, y.shape)}".rstrip()
        )
    return y.astype(theta.dtype)


def _remedy(head: Reader, wanted: tuple[int, ...], given: tuple[int, ...]) -> str:
    if head.target_shape == (1,) and given == wanted[:-1]:
        return "Give a single coordinate its own axis: `targets[..., None]`."
    if not head.target_shape and given == (*wanted, 1):
        return "Squeeze the trailing axis of 1."
    return "Time leads and nothing broadcasts."


def refuse_unsupported(head: Reader, targets: ArrayLike, where: ArrayLike | None) -> None:
    """Raise for a target that cannot be one, if it can be read and its step counts."""
    if not (_check.concrete(targets) and (where is None or _check.concrete(where))):
        return
    given = np.asarray(targets)
    if np.iscomplexobj(given):
        return  # refused where targets are read
    with np.errstate(invalid="ignore"):  # the remainder of what is infinite
        wrong = ~np.asarray(head.supports(given.astype(float)))
    if where is not None:
        counts = np.asarray(where) != 0
        wrong &= counts.reshape(*counts.shape, *(1 for _ in range(wrong.ndim - counts.ndim)))
    if wrong.any():
        first = tuple(map(int, np.argwhere(wrong)[0]))
        raise ValueError(
            f"{_name(head)}: targets must be {head.support}, got {given[first]} at index {first}. "
            "Leave out padding with the objective's `where`."
        )


def check_levels(
    head: Reader, name: str, levels: ArrayLike, outputs: ArrayLike, *, central: bool = False
) -> Array:
    """Levels of quantiles, or of `central` intervals; raises for one out of range that is known."""
    who = _name(head)
    given = _check.numbers(who, name, levels)
    if not jnp.issubdtype(given.dtype, jnp.floating):
        raise TypeError(f"{who}: {name} must be floating, in (0, 1), got {_check.describe(given)}.")
    wide = jnp.issubdtype(jnp.result_type(outputs), jnp.floating)
    array = given.astype(at_least_float32(jnp.result_type(outputs) if wide else given.dtype))
    if _check.concrete(array):
        values = np.asarray(array)
        ends = [(1 - values) / 2, (1 + values) / 2] if central else [values]
        bad = ~np.logical_and.reduce([within_range(head, end) for end in ends])
        if bad.any():
            low, high = head.level_range
            place = f"[{low}, {high}]" if low > 0 else "(0, 1)"
            wanted = f"have its quantiles in {place}" if central and low > 0 else f"lie in {place}"
            raise ValueError(f"{who}: {name} must {wanted}, got {values[bad][0]}.")
    return array


def within_range(head: Reader, levels: Any) -> Any:
    """Which levels a head has quantiles for; those at its ends are, however they are rounded."""
    low, high = head.level_range
    slack = 4 * float(np.finfo(levels.dtype).eps)
    inside = (levels > 0) & (levels < 1)
    return inside & (levels >= low - slack) & (levels <= high + slack)


def _name(head: Any) -> str:
    return type(head).__name__
