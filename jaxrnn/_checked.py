"""`checked`: a function whose arguments are held against their annotations, as a noun's fields are.

Keys, sizes, flags, nouns, functions and arrays are checked before the call, and numbers in lists
become arrays. Trees of parameters and carries are annotated as anything; what is wrong with those
is looked for where the call has failed, which costs a call that succeeds nothing.
"""

import functools
import inspect
import pathlib
import traceback
import typing
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp

from ._annotations import kind_of_argument
from ._kinds import Kind, Refused, refusal, shown

P = ParamSpec("P")
R = TypeVar("R")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of a public function, or of a method, by their annotations.

    Raises:
        TypeError: in the name of the function, for an argument of another kind.
    """
    plain: Any = inspect.unwrap(function)
    names = plain.__code__.co_varnames[: plain.__code__.co_argcount]

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        kinds = _kinds_of(plain)
        values: list[Any] = list(args)
        for index, name in enumerate(names[: len(args)]):
            if name in kinds:
                values[index] = _taken(plain, args, kinds[name], name, values[index])
        for name, value in kwargs.items():
            if name in kinds:
                kwargs[name] = _taken(plain, args, kinds[name], name, value)
        return function(*values, **kwargs)

    return call


def guard(cls: type) -> None:
    """Check those methods of a class of nouns that take a key, a size or a batch.

    They are what a user calls first, and every author's own: `init`, `carry`, `sample`.
    """
    for name, method in list(vars(cls).items()):
        public = inspect.isfunction(method) and (name == "__call__" or name[0] != "_")
        if public and not getattr(method, "__isabstractmethod__", False):
            plain = inspect.unwrap(method)
            names = plain.__code__.co_varnames
            explained = name in ("carry", "step", "apply") and "params" in names
            made: Any = _explained(method) if explained else method
            setattr(cls, name, checked(made) if {"key", "batch", "size"} & {*names} else made)


@functools.cache
def _kinds_of(function: Any) -> dict[str, Kind]:
    """The kinds of the arguments, as far as annotations say."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError):
        hints = function.__annotations__
    kinds = {name: kind_of_argument(hint) for name, hint in hints.items() if name != "return"}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _taken(function: Any, args: tuple[Any, ...], kind: Kind, name: str, value: Any) -> Any:
    kept = kind.take(value)
    if kept is Refused:
        raise TypeError(refusal(_who(function, args), name, kind, value))
    return kept


def _who(function: Any, args: tuple[Any, ...]) -> str:
    """Whose argument it is: a function's or a noun's, with a method's name if it is not usual."""
    if "." not in function.__qualname__ or not args:
        return str(function.__name__)
    owner = type(args[0]).__name__
    alone = function.__name__ in ("__call__", "init", "carry", "step", "apply")
    return owner if alone else f"{owner}.{function.__name__}"


# --- after a call has failed ------------------------------------------------------------------


def _explained(method: Any) -> Any:
    """A method of parameters, which says of those that are another noun's that they are."""

    @functools.wraps(method)
    def call(self: Any, params: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, params, *args, **kwargs)
        except (AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
            wrong = None if _is_ours(error) else _differs(self, params)
            if wrong is None:
                raise
            raise ValueError(
                f"{type(self).__name__}: the parameters are not those of {shown(self)}: {wrong}. "
                "`init(key)` makes them."
            ) from error

    return call


def _is_ours(error: Exception) -> bool:
    """Whether the library has raised the error itself, and so said what is wrong."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    inside = pathlib.Path(__file__).parent in pathlib.Path(frame.filename).parents
    return inside and (frame.line or "").startswith("raise")


def _differs(noun: Any, params: Any) -> str | None:
    """The first difference between parameters and those that `init` would make."""
    try:
        wanted: Any = jax.eval_shape(noun.init, jax.random.key(0))
    except Exception:
        return None
    known = {jax.tree_util.keystr(path): leaf for path, leaf in _leaves(wanted)}
    given = {jax.tree_util.keystr(path): leaf for path, leaf in _leaves(params)}
    structures: list[Any] = [jax.tree.structure(wanted), jax.tree.structure(params)]
    if structures[0] != structures[1]:
        for place in [*known, *given]:
            if place not in given or place not in known:
                return f"params{place} is {'not there' if place in known else 'too much'}"
        return f"params is {shown(params)}"
    for place, leaf in known.items():
        if not hasattr(given[place], "dtype") or jnp.shape(given[place]) != leaf.shape:
            return f"params{place} is {shown(given[place])}, not of shape {leaf.shape}"
    return None


def _leaves(tree: Any) -> Any:
    return jax.tree_util.tree_leaves_with_path(tree)
