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
from ._kinds import ARRAY, Kind, Refused, refusal, shown

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
            code = plain.__code__
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            known = name in ("carry", "step", "apply") or "memory" in names  # layers, attention
            explained = known and "params" in names
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


_RAISED = (
    *(AttributeError, TypeError, ValueError, KeyError, IndexError),
    *(OverflowError, NotImplementedError),
)
"""What JAX and Python raise where an argument is of another shape or kind."""


def _explained(method: Any) -> Any:
    """A method of parameters, which says of what does not fit its noun that it does not."""

    @functools.wraps(method)
    def call(self: Any, params: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, params, *args, **kwargs)
        except _RAISED as error:
            if _is_ours(error):
                raise
            try:
                given = inspect.signature(method).bind(self, params, *args, **kwargs).arguments
                wrong = _misfit(self, given)
            except Exception:  # of looking for the cause: the first error counts
                wrong = None
            if wrong is None:
                raise
            raise wrong from error

    return call


def _misfit(noun: Any, given: dict[str, Any]) -> Exception | None:
    """What of parameters, inputs and carry the noun did not make, or does not read."""
    who = type(noun).__name__
    wanted: Any = jax.eval_shape(noun.init, jax.random.key(0))
    wrong = _differs("params", given["params"], wanted)
    if wrong is not None:
        parameters = f"{who}: the parameters are not those of {shown(noun)}"
        return ValueError(f"{parameters}: {wrong}. `init(key)` makes them.")
    if "x" not in given:
        return None
    for leaf in jax.tree.leaves(given["x"]) or [given["x"]]:
        if ARRAY.take(leaf) is Refused:
            return TypeError(refusal(who, "x", ARRAY, leaf))
    shape = jnp.shape(jax.tree.leaves(given["x"])[0])
    features = getattr(noun, "input_shape", None) or (None,)
    batch, last = shape[: len(shape) - len(features)], shape[len(shape) - len(features) :]
    pairs = zip(last, features, strict=False)
    if len(last) < len(features) or any(size not in (None, came) for came, size in pairs):
        came = shown(given["x"])
        return ValueError(f"{who}: x must be [*batch, *features], features {features}, got {came}")
    wanted = jax.eval_shape(lambda params: noun.carry(params, batch), given["params"])
    wrong = _differs("carry", given.get("carry"), wanted)
    if wrong is None:
        return None
    made = f"`carry(params, {batch})` makes one that fits x."
    return TypeError(f"{who}: the carry is not one of {shown(noun)}: {wrong}. {made}")


def _is_ours(error: Exception) -> bool:
    """Whether the library has raised the error itself, and so said what is wrong."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    inside = pathlib.Path(__file__).parent in pathlib.Path(frame.filename).parents
    return inside and (frame.line or "").startswith("raise")


def _differs(name: str, given: Any, wanted: Any) -> str | None:
    """The first difference between a tree and what it should be."""
    known = {jax.tree_util.keystr(path): leaf for path, leaf in _leaves(wanted)}
    found = {jax.tree_util.keystr(path): leaf for path, leaf in _leaves(given)}
    structures: list[Any] = [jax.tree.structure(wanted), jax.tree.structure(given)]
    if structures[0] != structures[1]:
        for place in [*known, *found]:
            if place not in found or place not in known:
                return f"{name}{place} is {'missing' if place in known else 'too much'}"
        return f"{name} is {shown(given)}"
    for place, leaf in known.items():
        if ARRAY.take(found[place]) is Refused or jnp.shape(found[place]) != leaf.shape:
            return f"{name}{place} is {shown(found[place])}, not of shape {leaf.shape}"
    return None


def _leaves(tree: Any) -> Any:
    return jax.tree_util.tree_leaves_with_path(tree)
