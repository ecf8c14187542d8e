"""Checks of what a user passes. A message says who, what was expected, what came, what to do."""

import functools
import math
import operator
import os
from collections.abc import Callable
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from ._host import refuse_masked
from ._kinds import KEY, ONE_KEY, Refused, refusal, shown
from ._kinds import remedy as general
from ._typing import Batch


def sizes(who: str, **values: Any) -> None:
    """Raise unless every value is an integer of at least 1."""
    integers(who, 1, **values)


def integers(who: str, least: int, **values: Any) -> None:
    """Raise unless every value is an integer of at least `least`."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{who}: {name} must be an integer, got {shown(value)}")
        if value < least:
            raise ValueError(f"{who}: {name} must be at least {least}, got {value}")


def heads(who: str, value: Any, **features: int) -> None:
    """Raise unless `value` is an integer of at least 1 that divides every number of features."""
    sizes(who, heads=value)
    for name, size in features.items():
        if size % value:
            raise ValueError(
                f"{who}: heads must divide {name}, got heads = {value}, {name} = {size}"
            )


def counter(who: str, value: Any) -> int:
    """`value` as an integer of at least 0; a counter in an array is one too."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{who} takes an integer of at least 0, got {shown(value)}") from None
    if count < 0:
        raise ValueError(f"{who} takes an integer of at least 0, got {count}")
    return count


def memory(who: str, what: str, shape: tuple[int, ...], dtype: Any, remedy: str) -> None:
    """Raise unless an array of that shape and dtype fits into this machine's memory."""
    wanted, there = math.prod(map(int, shape)) * jnp.dtype(dtype).itemsize, _memory()
    if wanted > there:
        raise ValueError(
            f"{who}: {what} would be {jnp.dtype(dtype)}[{','.join(map(str, shape))}] and take "
            f"{_in_words(wanted)}; this machine has {_in_words(there)}. {remedy}"
        )


def fraction(who: str, **values: Any) -> None:
    """Raise unless every concrete value lies in [0, 1)."""
    for name, value in values.items():
        if not holds(lambda value: (value >= 0) & (value < 1), value):
            raise ValueError(f"{who}: {name} must lie in [0, 1), got {value}")


def at_least_0(who: str, **values: Any) -> None:
    """Raise unless every concrete value is finite and at least 0."""
    for name, value in values.items():
        if not holds(lambda value: (value >= 0) & (value < np.inf), value):
            raise ValueError(f"{who}: {name} must be finite and at least 0, got {value}")


def positive(who: str, **values: Any) -> None:
    """Raise unless every concrete value is finite and greater than 0."""
    for name, value in values.items():
        if not holds(lambda value: (value > 0) & (value < np.inf), value):
            raise ValueError(f"{who}: {name} must be finite and greater than 0, got {value}")


def number(who: str, **values: Any) -> None:
    """Raise unless every value is one number where it is used: under `vmap`, one of a sweep is."""
    for name, value in values.items():
        if jnp.ndim(value):
            raise ValueError(
                f"{who}: {name} must be one number, got an array {jnp.shape(value)}. For several, "
                "`jax.vmap` over the configuration that holds them."
            )


def arrays(who: str, **trees: Any) -> None:
    """Raise unless every leaf of the trees is an array, as those of JAX and of numpy are."""
    unmasked(who, **trees)
    for name, tree in trees.items():
        for leaf in jax.tree.leaves(tree):
            if not is_array(leaf):
                raise TypeError(f"{who}: {name} must be an array, {_came(name, leaf)}")
            if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in "OSUMm":
                raise TypeError(f"{who}: {name} must hold numbers, got an array of {leaf.dtype}.")


def unmasked(who: str, **trees: Any) -> None:
    """Raise if a leaf of the trees is a masked array of numpy."""
    for name, tree in trees.items():
        if any(isinstance(leaf, np.ma.MaskedArray) for leaf in jax.tree.leaves(tree)):
            raise TypeError(
                f"{who}: {name} is a masked array of numpy, whose mask would be lost. Pass "
                f"`{name}.data`, and say what counts with a mask of its own."
            )


def listed(wrong: list[str]) -> str:
    """All that is wrong, for a message; of very much the first, and how much more there is."""
    more = len(wrong) - 200
    return "; ".join(wrong[:200]) + (f"; and {more} more" if more > 0 else "")


def word(name: Any) -> str:
    """A name out of a file or a mapping, which may be anything."""
    plain = isinstance(name, str) and name.isprintable() and len(name) < 200
    return name if plain else shown(name)


def array(who: str, name: str, value: Any) -> None:
    """Raise unless `value` itself is an array, as those of JAX and of numpy are."""
    if not is_array(value):
        raise TypeError(f"{who}: {name} must be an array, {_came(name, value)}")
    arrays(who, **{name: value})


def numbers(who: str, name: str, value: Any) -> jax.Array:
    """`value`, an array, a number, or a list of these, as an array of JAX, or raise."""
    refuse_masked(who, name, value)
    if is_array(value) or isinstance(value, bool | int | float | complex | list | tuple):
        try:
            array = jnp.asarray(value)
        except (TypeError, ValueError, OverflowError):
            array = None
        if array is not None and not jnp.issubdtype(array.dtype, jax.dtypes.extended):
            return array
    came = f"got {shown(value)}." if isinstance(value, list | tuple | int) else _came(name, value)
    raise TypeError(f"{who}: {name} must be an array of numbers, {came}")


def one_array(who: str, **values: Any) -> None:
    """Raise unless every value is one array, and no tree of them."""
    for name, value in values.items():
        if not is_array(value):
            raise TypeError(f"{who}: {name} must be one array, got {_tree(value)}.")


def _tree(value: Any) -> str:
    """A tree of arrays for a message, without their numbers."""
    leaves = jax.tree.leaves(value)
    if not isinstance(value, dict | list | tuple) or not all(map(is_array, leaves)):
        return shown(value)
    return f"a {type(value).__name__} of {', '.join(map(describe, leaves)) or 'nothing'}"


def is_array(value: Any) -> bool:
    """Whether `value` is an array of JAX, traced or not, or of numpy."""
    return isinstance(value, (jax.Array, np.ndarray, np.generic))


def _came(name: str, leaf: Any) -> str:
    """What stands in the place of an array, and what to do."""
    if isinstance(leaf, bool | int | float | complex):
        return f"got Python numbers, such as {leaf!r}. Pass `jnp.asarray({name})`."
    kind = f"{type(leaf).__module__}.{type(leaf).__qualname__}".removeprefix("builtins.")
    if callable(getattr(leaf, "numpy", None)):
        return f"got a `{kind}`. Pass `{name}.numpy()`."
    return f"got a `{kind}`."


def kind(who: str, name: str, value: Any, wanted: type, remedy: str = "") -> None:
    """Raise unless the argument is a `wanted`; of a noun's fields, `Config` sees to that."""
    if not isinstance(value, wanted):
        raise TypeError(
            f"{who}: {name} must be a kind of `{wanted.__name__}`, got {shown(value)}. "
            f"{remedy or general(value, wanted)}".rstrip()
        )


def key(who: str, value: Any) -> None:
    """Raise unless it is a key for random numbers."""
    if KEY.take(value) is Refused:
        raise TypeError(refusal(who, "key", KEY, value))


def one_key(who: str, value: Any) -> None:
    """Raise unless it is one key, and no array of several."""
    if ONE_KEY.take(value) is Refused:
        raise TypeError(refusal(who, "key", ONE_KEY, value))


def function(who: str, name: str, value: Any) -> None:
    """Raise unless `value` can be called."""
    if not callable(value):
        raise TypeError(f"{who}: {name} must be a function such as `jnp.tanh`, got {shown(value)}")


def flags(who: str, name: str, value: Any, shape: Batch, axes: str = "[T, *batch]") -> None:
    """Raise unless `value` is `Bool[T, *batch]`, or of other `axes`."""
    _refuse_others(who, name, value)
    if jnp.result_type(value) != jnp.bool_:
        raise TypeError(
            f"{who}: {name} must be Bool, got {jnp.result_type(value)}. Compare first: {name} != 0."
        )
    if jnp.shape(value) != shape:
        raise ValueError(f"{who}: {name} must be {axes} = {shape}, got {jnp.shape(value)}")


def lengths(who: str, name: str, value: Any, shape: Batch, least: int = 0) -> None:
    """Raise unless `value` is `Int[*batch]` in `[least, T]` for a `shape` of `[T, *batch]`."""
    _refuse_others(who, name, value)
    steps, *batch = shape
    came = value.dtype if isinstance(value, np.ndarray) else jnp.result_type(value)
    if not jnp.issubdtype(came, jnp.integer):
        raise TypeError(f"{who}: {name} must be integers, got {came}")
    if jnp.shape(value) != tuple(batch):
        raise ValueError(
            f"{who}: {name} must have the batch shape {tuple(batch)}, got {jnp.shape(value)}"
        )
    if concrete(value):
        values = np.asarray(value)
        wrong = values[(values < least) | (values > steps)]
        if wrong.size:
            raise ValueError(
                f"{who}: {name} must lie in [{least}, T={steps}], got {wrong.ravel()[0]}"
            )


def floating(who: str, name: str, value: Any, remedy: str) -> None:
    """Raise unless `value` is an array of real floating numbers."""
    _refuse_others(who, name, value)
    if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise TypeError(f"{who}: {name} must be floating, got {jnp.result_type(value)}. {remedy}")


def _refuse_others(who: str, name: str, value: Any) -> None:
    """Raise for what is no array and no number."""
    refuse_masked(who, name, value)
    texts = is_array(value) and getattr(value.dtype, "kind", "") in "OSUMm"
    if texts or not (is_array(value) or isinstance(value, bool | int | float | complex)):
        raise TypeError(f"{who}: {name} must be an array, {_came(name, value)}")


def holds(condition: Callable[..., Any], *values: Any) -> bool:
    """Whether every number meets the condition, as far as they can be read.

    A noun may hold arrays: one number for each member of a sweep.
    """
    return not all(map(concrete, values)) or bool(np.all(condition(*map(np.asarray, values))))


def concrete(value: Any) -> TypeGuard[Any]:
    """Whether the numbers in `value` can be read: it is not an array that is being traced."""
    return isinstance(value, int | float | np.ndarray | np.generic | list | tuple) or (
        isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer)
    )


def describe(value: Any) -> str:
    """Shape and dtype, as `float32[3,4]`."""
    shape, dtype = jnp.shape(value), jnp.result_type(value)
    return f"{dtype}[{','.join(map(str, shape))}]"


@functools.cache
def _memory() -> int:
    """How many bytes this machine holds; a terabyte, where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on every system
        return 2**40


def _in_words(size: int) -> str:
    unit = min(int(math.log2(size)) // 10, 5)
    tenths = 10 * size // 2 ** (10 * unit)  # in integers: a size may be too large for a float
    name = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")[unit]
    return f"{tenths // 10:,}.{tenths % 10} {name}"
