"""Kinds of values: what is taken for one, what is kept of it, and what to say of others."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Kind(NamedTuple):
    """What is wanted, in words, and what is kept of a value; `Refused` where it is none."""

    wanted: str
    take: Callable[[Any], Any]
    remedy: Callable[[Any], str] = lambda value: ""


class Refused:
    """Stands for "this value is not of the kind"; a class, so that no value equals it."""


def refusal(who: str, name: str, kind: Kind, value: Any) -> str:
    """What is said of a value that is not of the kind."""
    said = f"{who}: {name} must be {kind.wanted}, got {shown(value)}. {kind.remedy(value)}"
    return said.rstrip()


def is_noun(value: Any) -> bool:
    """Whether `value` is a class of nouns."""
    return isinstance(value, type) and hasattr(value, "_remedy")


def shown(value: Any) -> str:
    """`value` for a message: arrays by dtype and shape, and nothing longer than a line."""
    if isinstance(value, type):
        return f"the class `{value.__name__}`"
    if isinstance(value, jax.core.Tracer):
        return f"a traced {_described(value)}"
    if _is_array(value) and np.ndim(value):
        masked = isinstance(value, np.ma.MaskedArray)
        return f"a masked {_described(value)}" if masked else _described(value)
    if isinstance(value, dict | list | tuple) and any(map(_is_array, jax.tree.leaves(value))):
        return f"a {type(value).__name__} of {', '.join(map(shown, jax.tree.leaves(value)[:3]))}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function `{value.__name__}`"
    text = " ".join(repr(value).split())
    return text if len(text) <= 200 else f"{text[:160]} ... (a `{type(value).__name__}`)"


def remedy(value: Any, wanted: type | None = None) -> str:
    """What to do with a value that is not of the kind."""
    if is_noun(value):
        return f"Call it: `{value.__name__}({_dots(value)})`."
    made = makes(value)
    if made is not None and (wanted is None or issubclass(made, wanted)):
        return f"It makes one. Call it: `{value.__name__}({_dots(value)})`."
    return str(wanted._remedy(value)) if is_noun(wanted) else ""  # type: ignore[union-attr]


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | jax.Array)


def _described(value: Any) -> str:
    return f"{value.dtype}[{','.join(map(str, value.shape))}]"


def makes(value: Any) -> type | None:
    """The class of nouns that a function returns."""
    made = getattr(value, "__annotations__", {}).get("return") if callable(value) else None
    return made if is_noun(made) else None


def _dots(function: Any) -> str:
    """What stands between the parentheses of a call: `...`, or nothing where nothing has to."""
    parameters = inspect.signature(function).parameters.values()
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return "..." if any(p.default is p.empty and p.kind not in several for p in parameters) else ""


# --- kinds ------------------------------------------------------------------------------------


def _integer(value: Any) -> Any:
    if type(value) is int:
        return value
    plain = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return int(value) if plain else Refused


def _integer_remedy(value: Any) -> str:
    if isinstance(value, jax.Array):
        return "It is static, a number of Python's own: `int(x)`, outside of `jit`."
    return ""


def _flag(value: Any) -> Any:
    return bool(value) if isinstance(value, bool | np.bool_) else Refused


def _real(value: Any) -> Any:
    real = isinstance(value, int | float | np.integer | np.floating)
    return value if real and not isinstance(value, bool) else Refused


def _number(value: Any) -> Any:
    if type(value) is float:
        return value
    if isinstance(value, list | tuple):
        value = _stacked(value)
    if isinstance(value, bool | np.ma.MaskedArray):
        return Refused
    if isinstance(value, int) and not _fits(value):
        return Refused
    if isinstance(value, int | float | np.generic | np.ndarray | jax.Array):
        dtype = getattr(value, "dtype", None)
        real = dtype is None or any(jnp.issubdtype(dtype, k) for k in (np.floating, np.integer))
        return value if real else Refused
    return value if hasattr(value, "__jax_array__") else Refused


def _stacked(rows: Any) -> Any:
    """Nested numbers as an array, which is one leaf where lists are many."""
    if _hides(rows):
        return Refused
    try:
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(rows))
        return jnp.asarray(rows) if traced else np.asarray(rows)
    except Exception:  # lists may hold anything, and what reads them may raise anything
        return Refused


def _hides(rows: Any) -> bool:
    """Whether it is a masked array, or lists hold one: numpy stacks what it hides."""
    if isinstance(rows, list | tuple):
        return any(map(_hides, rows))
    return isinstance(rows, np.ma.MaskedArray)


def _number_remedy(value: Any) -> str:
    if isinstance(value, list | tuple) and not _hides(value):
        return "Stack numbers: `jnp.asarray(values)`."
    if _hides(value):
        return "Its mask would be lost: `.filled(value)` or `.compressed()` first."
    if isinstance(value, int) and not isinstance(value, bool):
        return "It fits no integer of JAX's: pass a float."
    if hasattr(value, "__array__") and not isinstance(value, np.generic | np.ndarray | jax.Array):
        return "Make it an array: `np.asarray(x)`, of torch `x.detach().numpy()`."
    return ""


def _size(value: Any) -> Any:
    return int(value) if isinstance(value, np.integer) else value


SIZE = Kind("an integer", _size)
"""How many; a symbol is taken too. Numpy's integers become Python's, whose powers never wrap."""

NUMBER = Kind("a number or an array of real numbers", _number, _number_remedy)
"""A leaf: what arithmetic is done with, concrete or traced."""


def _optimizer(value: Any) -> Any:
    pair = (getattr(value, name, None) for name in ("init", "update"))
    return value if all(map(callable, pair)) else Refused


OPTIMIZER = Kind("an optax transformation such as `optax.adam(1e-3)`", _optimizer)
"""What optax updates by; optax is not loaded to check it, for that takes a tenth of a second."""


def _array(value: Any) -> Any:
    """An array of numbers or flags; nested lists and what numpy can read become one of numpy."""
    if isinstance(value, list | tuple):
        value = _stacked(value)
    elif not isinstance(value, np.ndarray) and hasattr(value, "__array__"):
        value = value if isinstance(value, jax.Array | np.generic) else _stacked(value)
    if isinstance(value, bool | float | complex) or hasattr(value, "__jax_array__"):
        return value
    if isinstance(value, int):
        return value if _fits(value) else Refused
    if isinstance(value, np.ma.MaskedArray) or not hasattr(value, "dtype"):
        return Refused
    if not isinstance(value, np.ndarray | np.generic | jax.Array):
        return Refused
    number = jnp.issubdtype(value.dtype, np.number) or value.dtype == np.bool_
    return value if number else Refused


def _array_remedy(value: Any) -> str:
    if type(value) is int:
        return "It fits no integer of JAX's: pass a float."
    if isinstance(value, str | bytes):
        return "Encode text: `vocab.encode(text)`."
    return _number_remedy(value)


def _fits(value: int) -> bool:
    """Whether an integer of Python's fits those of JAX."""
    return -(2**31) <= value < 2**31 or (
        jax.dtypes.canonicalize_dtype(np.int64) == np.int64 and -(2**63) <= value < 2**63
    )


ARRAY = Kind("an array of numbers", _array, _array_remedy)
"""What a function computes with."""


def _key(value: Any) -> Any:
    old = isinstance(value, np.ndarray | jax.Array) and value.dtype == np.uint32
    return value if old or _is_key(value) else Refused


def _one_key(value: Any) -> Any:
    shape = () if _is_key(value) else (2,)
    return value if _key(value) is not Refused and value.shape[-1:] == shape else Refused


def _is_key(value: Any) -> bool:
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def _key_remedy(value: Any) -> str:
    if _is_key(value):
        return "It holds several: `keys[0]` is one, and `jax.vmap` runs over all."
    return "Make one: `jax.random.key(0)`."


KEY = Kind("a key", _key, _key_remedy)
ONE_KEY = Kind("a key", _one_key, _key_remedy)


def _sizes(value: Any) -> Any:
    """One of them may be a symbol, in a program for `jax.export`."""
    if not isinstance(value, tuple | list):
        return Refused
    kept = tuple(size if hasattr(size, "dimension_as_value") else _integer(size) for size in value)
    return Refused if any(size is Refused for size in kept) else kept


def _sizes_remedy(value: Any) -> str:
    if _integer(value) is not Refused:
        return f"Write `({value},)`."
    return "`()` stands for one sequence alone."


SIZES = Kind("a tuple of sizes, such as (8,)", _sizes, _sizes_remedy)

PLAIN: dict[Any, Kind] = {
    int: Kind("an integer", _integer, _integer_remedy),
    bool: Kind("True or False", _flag),
    float: Kind("a number", _real),
}
