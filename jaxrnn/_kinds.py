"""What a field of a noun may hold: the kind that an annotation stands for, and what to say."""

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import AbstractArray, PRNGKeyArray


class Kind(NamedTuple):
    """What is wanted, in words, and what is kept of a value; `Refused` where it is none."""

    wanted: str
    take: Callable[[Any], Any]
    remedy: Callable[[Any], str] = lambda value: ""


class Refused:
    """Stands for "this value is not of the kind"; a class, so that no value equals it."""


def kind_of(annotation: Any, *, static: bool) -> Kind | None:  # noqa: PLR0911  (a case a line)
    """The kind that an annotation stands for; `None` where it says nothing that can be checked.

    A number that is a leaf may be an array, traced too; one that is static is Python's own.
    """
    if annotation == PRNGKeyArray:
        return KEY
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        meant = arguments[1]
        return meant if isinstance(meant, Kind) else kind_of(meant, static=static)
    if origin in (typing.Union, types.UnionType):
        return _either(arguments, static=static)
    if annotation in (None, type(None)):
        return Kind("None", lambda value: value if value is None else Refused)
    if annotation in (int, float) and not static:
        return NUMBER
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if annotation is Callable or origin is collections.abc.Callable:
        return _function(arguments, static=static)
    if origin is tuple and arguments:
        return _tuple(arguments, static=static)
    if origin is dict and arguments:
        return _dict(arguments, static=static)
    kind = origin or annotation
    if kind in (Any, object) or not isinstance(kind, type) or issubclass(kind, AbstractArray):
        return None
    return _instance(kind)


def is_noun(value: Any) -> bool:
    """Whether `value` is a class of nouns."""
    return isinstance(value, type) and hasattr(value, "_remedy")


def shown(value: Any) -> str:
    """`value` for a message: arrays by dtype and shape, and nothing longer than a line."""
    if isinstance(value, type):
        return f"the class `{value.__name__}`"
    if isinstance(value, jax.core.Tracer):
        return f"a traced {_described(value)}"
    if isinstance(value, np.ndarray | jax.Array) and np.ndim(value):
        masked = isinstance(value, np.ma.MaskedArray)
        return f"a masked {_described(value)}" if masked else _described(value)
    if callable(value) and hasattr(value, "__name__"):
        return f"the function `{value.__name__}`"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:160]} ... (a `{type(value).__name__}`)"


def remedy(value: Any, wanted: type | None = None) -> str:
    """What to do with a value that is not of the kind."""
    if is_noun(value):
        return f"Call it: `{value.__name__}({_dots(value)})`."
    made = _makes(value)
    if made is not None and (wanted is None or issubclass(made, wanted)):
        return f"It makes one. Call it: `{value.__name__}({_dots(value)})`."
    return str(wanted._remedy(value)) if is_noun(wanted) else ""  # type: ignore[union-attr]


def _described(value: Any) -> str:
    return f"{value.dtype}[{','.join(map(str, value.shape))}]"


def _makes(value: Any) -> type | None:
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
    if type(value) in (float, int):
        return value
    if isinstance(value, list | tuple):
        value = _stacked(value)
    if isinstance(value, bool | np.ma.MaskedArray):
        return Refused
    if isinstance(value, int | float | np.generic | np.ndarray | jax.Array):
        dtype = getattr(value, "dtype", None)
        real = dtype is None or any(jnp.issubdtype(dtype, k) for k in (np.floating, np.integer))
        return value if real else Refused
    return value if hasattr(value, "__jax_array__") else Refused


def _stacked(rows: list[Any] | tuple[Any, ...]) -> Any:
    """Nested numbers as an array, which is one leaf where lists are many."""
    try:
        return np.asarray(rows)
    except (ValueError, TypeError, jax.errors.TracerArrayConversionError):
        return Refused


def _number_remedy(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "Stack numbers: `jnp.asarray(values)`."
    if isinstance(value, np.ma.MaskedArray):
        return "Its mask would be lost: `.filled(value)` or `.compressed()` first."
    if hasattr(value, "__array__") and not isinstance(value, np.generic | np.ndarray | jax.Array):
        return "Make it an array: `np.asarray(x)`."
    return ""


NUMBER = Kind("a number or an array of real numbers", _number, _number_remedy)
"""A leaf: what arithmetic is done with, concrete or traced."""


def _optimizer(value: Any) -> Any:
    pair = (getattr(value, name, None) for name in ("init", "update"))
    return value if all(map(callable, pair)) else Refused


OPTIMIZER = Kind("an optax transformation such as `optax.adam(1e-3)`", _optimizer)
"""What optax updates by; optax is not loaded to check it, for that takes a tenth of a second."""


def _key(value: Any) -> Any:
    old = isinstance(value, np.ndarray | jax.Array) and value.dtype == np.uint32
    new = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    return value if old or new else Refused


KEY = Kind("a key", _key, lambda value: "Make one: `jax.random.key(0)`.")

_PLAIN: dict[Any, Kind] = {
    int: Kind("an integer", _integer, _integer_remedy),
    bool: Kind("True or False", _flag),
    float: Kind("a number", _real),
}


def _instance(kind: type) -> Kind:
    def take(value: Any) -> Any:
        return value if isinstance(value, kind) else Refused

    if is_noun(kind):
        return Kind(f"a kind of `{kind.__name__}`", take, lambda value: remedy(value, kind))
    return Kind("a string" if kind is str else f"a `{kind.__name__}`", take)


def _function(arguments: tuple[Any, ...], *, static: bool) -> Kind:
    """What can be called; not a class of nouns, unless what is called may return one."""
    returns = arguments[-1] if arguments else Any
    makes = returns is Any or is_noun(typing.get_origin(returns) or returns)

    def take(value: Any) -> Any:
        if not callable(value) or (is_noun(value) and not makes):
            return Refused
        return Refused if static and not _hashable(value) else value

    def advise(value: Any) -> str:
        if callable(value) and not _hashable(value):
            return "It has no hash, and a program is compiled for each function."
        return remedy(value)

    of_array = len(arguments) == 2 and returns is jax.Array
    return Kind("a function such as `jnp.tanh`" if of_array else "a function", take, advise)


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _either(annotations: tuple[Any, ...], *, static: bool) -> Kind | None:
    """One of several; beside a kind of noun, what only makes one is not taken for a function."""
    kinds = [kind_of(annotation, static=static) for annotation in annotations]
    if None in kinds:
        return None
    known = typing.cast(list[Kind], kinds)
    nouns = any(is_noun(typing.get_origin(a) or a) for a in annotations)

    def take(value: Any) -> Any:
        if nouns and (is_noun(value) or _makes(value)):
            return Refused
        kept = (kind.take(value) for kind in known)
        return next((value for value in kept if value is not Refused), Refused)

    def advise(value: Any) -> str:
        return next(filter(None, (kind.remedy(value) for kind in known)), "")

    return Kind(" or ".join(dict.fromkeys(kind.wanted for kind in known)), take, advise)


def _tuple(arguments: tuple[Any, ...], *, static: bool) -> Kind | None:
    """`tuple[X, ...]`; of other tuples no more is checked than that they are tuples."""
    each = kind_of(arguments[0], static=static) if arguments[1:] == (...,) else None
    if each is None:
        return _instance(tuple)

    def take(value: Any) -> Any:
        if not isinstance(value, tuple):
            return Refused
        kept = tuple(map(each.take, value))
        return Refused if any(part is Refused for part in kept) else kept

    def advise(value: Any) -> str:
        if not isinstance(value, tuple):
            return "Write a tuple: `(x,)`, or `tuple(several)`."
        wrong = next(part for part in value if each.take(part) is Refused)
        return each.remedy(wrong) or f"It holds {shown(wrong)}."

    return Kind(f"a tuple, each of it {each.wanted}", take, advise)


def _dict(arguments: tuple[Any, ...], *, static: bool) -> Kind:
    """`dict[K, X]`."""
    each = kind_of(arguments[1], static=static) or Kind("anything", lambda value: value)

    def take(value: Any) -> Any:
        if not isinstance(value, dict):
            return Refused
        kept = {key: each.take(part) for key, part in value.items()}
        return Refused if any(part is Refused for part in kept.values()) else kept

    def advise(value: Any) -> str:
        parts = value.values() if isinstance(value, dict) else ()
        return next((each.remedy(part) for part in parts if each.take(part) is Refused), "")

    return Kind(f"a dict of names, each {each.wanted}", take, advise)
