"""The kind that an annotation stands for."""

import collections.abc
import functools
import operator
import os
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any

import jax
import numpy as np
from jaxtyping import AbstractArray, PRNGKeyArray

from ._kinds import (
    ARRAY,
    KEY,
    NUMBER,
    ONE_KEY,
    PLAIN,
    SIZES,
    Kind,
    Refused,
    is_noun,
    makes,
    remedy,
    shown,
)

_KNOWN = {*PLAIN, str, os.PathLike, type(None)}
"""The classes besides nouns that are checked; of others a function says more itself."""


def kind_of_argument(annotation: Any) -> Kind | None:
    """The kind of a function's argument: arrays are among them, and a key is one key."""
    arguments = typing.get_args(annotation)
    if annotation == PRNGKeyArray:
        return ONE_KEY
    if type(None) in arguments:
        given = [argument for argument in arguments if argument is not type(None)]
        kind = kind_of_argument(functools.reduce(operator.or_, given))
        return None if kind is None else _or_none(kind)
    both = jax.Array in arguments and np.ndarray in arguments  # as `ArrayLike` has
    if both or _is_array_type(annotation):
        return ARRAY
    if _is_union(annotation) and None in map(kind_of_argument, arguments):
        return None
    other = isinstance(annotation, type) and not (annotation in _KNOWN or is_noun(annotation))
    return None if other else kind_of(annotation, static=True)


def kind_of(annotation: Any, *, static: bool) -> Kind | None:  # noqa: PLR0911  (a case a line)
    """The kind that an annotation stands for; `None` where it says nothing that can be checked.

    A number that is a leaf may be an array, traced too; one that is static is Python's own.
    """
    if annotation == PRNGKeyArray:
        return KEY
    if annotation in (tuple[int, ...], tuple[int, int]):
        return SIZES
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        meant = arguments[1]
        return meant if isinstance(meant, Kind) else kind_of(meant, static=static)
    if _is_union(annotation):
        return _either(arguments, static=static)
    if annotation in (None, type(None)):
        return Kind("None", lambda value: value if value is None else Refused)
    if annotation in (int, float) and not static:
        return NUMBER
    if annotation in PLAIN:
        return PLAIN[annotation]
    if annotation is Callable or origin is collections.abc.Callable:
        return _function(arguments, static=static)
    if origin is tuple and arguments:
        return _tuple(arguments, static=static)
    if origin is dict and arguments:
        return _dict(arguments, static=static)
    kind = origin or annotation
    # numpy's arrays are no `Sequence`, and are taken for one.
    if kind in (Any, object, collections.abc.Sequence) or not isinstance(kind, type):
        return None
    if getattr(kind, "_is_protocol", False):
        return None
    return None if _is_array_type(kind) else _instance(kind)


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _is_array_type(annotation: Any) -> bool:
    if annotation in (jax.Array, np.ndarray):
        return True
    return isinstance(annotation, type) and issubclass(annotation, AbstractArray)


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


def _or_none(kind: Kind) -> Kind:
    """An argument that may be left out, of which `None` needs no mention."""

    def take(value: Any) -> Any:
        return None if value is None else kind.take(value)

    return Kind(kind.wanted, take, kind.remedy)


def _either(annotations: tuple[Any, ...], *, static: bool) -> Kind | None:
    """One of several; beside a kind of noun, what only makes one is not taken for a function."""
    kinds = [kind_of(annotation, static=static) for annotation in annotations]
    if None in kinds:
        return None
    known = typing.cast(list[Kind], kinds)
    nouns = any(is_noun(typing.get_origin(a) or a) for a in annotations)

    def take(value: Any) -> Any:
        if nouns and (is_noun(value) or makes(value)):
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
