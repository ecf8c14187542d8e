"""What an objective gives, hidden where it does not count, and how much each step does."""

from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from .. import _check
from .._dtypes import at_least_float32
from .._typing import Array, ArrayLike


@runtime_checkable
class Scorer(Protocol):
    """What is asked of an objective here."""

    @property
    def stepwise(self) -> bool: ...

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None: ...

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array: ...


def evaluate(
    objective: Scorer, outputs: Any, targets: Any, where: ArrayLike | None
) -> tuple[Array, Array]:
    """The value of every step, 0 where it does not count, and how much it counts."""
    _check.arrays(_name(objective), outputs=outputs, targets=targets, where=where)
    mask = None if where is None else _check_where(objective, outputs, where)
    weight = objective.weight(outputs, targets, mask)
    if weight is None:
        values = as_values(objective, objective.values_where(outputs, targets, None))
        return values, jnp.ones_like(values)
    counts = weight.astype(bool)
    values = as_values(objective, objective.values_where(outputs, targets, counts))
    if values.shape != counts.shape:
        raise ValueError(
            f"{_name(objective)}: where must have the shape of the values, {values.shape}, got "
            f"{counts.shape}; both have one a step. Broadcast the one, or reduce the features of "
            "the other and nothing else."
        )
    weight = weight.astype(values.dtype)
    if objective.stepwise:
        return jnp.where(counts, values, 0), weight
    # Impossible, and without a step of its own to say so.
    lost = jnp.isinf(values) & ~jnp.any(counts, axis=0, keepdims=True)
    return jnp.where(counts | lost, values, 0), jnp.where(lost, 1, weight)


def as_values(objective: object, given: Any) -> Array:
    """What an objective gave as an array of at least float32, or raise."""
    if not (_check.is_array(given) or isinstance(given, int | float | complex)):
        raise TypeError(
            f"{objective!r}: an objective gives one value a step, an array [T, *batch], got "
            f"{type(given).__name__}."
        )
    values = jnp.asarray(given)
    if jnp.issubdtype(values.dtype, jnp.complexfloating):
        raise TypeError(f"{objective!r}: values must be real, got {values.dtype}.")
    real = jnp.issubdtype(values.dtype, jnp.floating)
    return values.astype(at_least_float32(values.dtype) if real else jnp.float32)


def _check_where(objective: Scorer, outputs: Any, where: ArrayLike) -> Array:
    mask = _check.numbers(_name(objective), "where", where)
    if mask.dtype != bool:
        raise TypeError(
            f"{_name(objective)}: where must be bool, got {_check.describe(mask)}. "
            "Compare first: `where != 0`."
        )
    for leaf in jax.tree.leaves(outputs):
        if jnp.shape(leaf)[: mask.ndim] != mask.shape:
            raise ValueError(
                f"{_name(objective)}: where says which steps count, so it has the leading axes of "
                f"the outputs; got where {mask.shape} for outputs {jnp.shape(leaf)}."
            )
    return mask


def fill(tree: Any, counts: Array, constant: float) -> Any:
    """Put `constant`, 0 where integers stand, at the steps that do not count."""

    def fill(value: ArrayLike) -> Array:
        leaf = jnp.asarray(value)
        if leaf.shape[: counts.ndim] != counts.shape:
            raise ValueError(
                f"objective: the steps that count have shape {counts.shape}, which are not the "
                f"leading axes of {_check.describe(leaf)}. Give every target its own step."
            )
        select = jnp.expand_dims(counts, range(counts.ndim, leaf.ndim))
        return jnp.where(
            jnp.broadcast_to(select, leaf.shape), leaf, jnp.asarray(constant, leaf.dtype)
        )

    return jax.tree.map(fill, tree)


def shield(tree: Any, counts: Array) -> Any:
    """The tree itself, whose derivatives are exactly 0 at the steps that do not count.

    Whatever follows may have derivatives of NaN there.
    """

    def leaf(value: ArrayLike) -> Array:
        x = jnp.asarray(value)
        return _shield(x, counts) if jnp.issubdtype(x.dtype, jnp.inexact) else x

    return jax.tree.map(leaf, tree)


@jax.custom_jvp
def _shield(x: Array, counts: Array) -> Array:
    return x


@_shield.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x, counts), (dx, _) = primals, tangents
    return _shield(x, counts), fill(dx, counts, 0.0)


def _name(objective: Scorer) -> str:
    return type(objective).__name__
