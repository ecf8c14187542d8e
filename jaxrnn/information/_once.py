"""Functions of functions, compiled once for every function as long as it lives."""

import functools
import types
import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_COMPILED: Any = weakref.WeakKeyDictionary()
"""What was compiled of a function. It goes with the function, such as a `lambda` made anew."""


def once(what: Callable[..., Any], function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """`what(function, *args, **options)`, compiled unless it is part of what is compiled already.

    Of a `functools.partial` the arrays are arguments, so that others need no new compilation.
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((args, options))):
        return what(function, *args, **options)
    inner, bound = _unbound(function)
    leaves, structure = jax.tree.flatten(bound)
    dynamic = [isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves]
    arrays = [jnp.asarray(leaf) for leaf, moves in zip(leaves, dynamic, strict=True) if moves]
    rest = tuple(None if moves else leaf for leaf, moves in zip(leaves, dynamic, strict=True))
    try:
        compiled = _COMPILED.setdefault(inner, {})
        run = compiled[what] = compiled.get(what) or _compile(inner, what)
        hash(rest)
    except TypeError:  # it cannot be held by a weak reference, or holds what has no hash
        return what(function, *args, **options)
    return run((rest, tuple(dynamic), structure), arrays, args, options)


def _compile(inner: Callable[..., Any], what: Callable[..., Any]) -> Callable[..., Any]:
    held: Any = weakref.ref(inner)

    @functools.partial(jax.jit, static_argnums=0)
    def run(known: Any, arrays: list[Any], args: Any, options: Any) -> Any:
        rest, dynamic, structure = known
        given = iter(arrays)
        leaves = [next(given) if moves else x for x, moves in zip(rest, dynamic, strict=True)]
        (positional, keywords), function = jax.tree.unflatten(structure, leaves), held()
        return what(functools.partial(function, *positional, **keywords), *args, **options)

    return run


def _unbound(function: Callable[..., Any]) -> tuple[Any, tuple[tuple[Any, ...], dict[str, Any]]]:
    """A function, and the arguments that it is bound to."""
    if isinstance(function, types.MethodType):
        return function.__func__, ((function.__self__,), {})
    if isinstance(function, functools.partial):
        return function.func, (function.args, dict(function.keywords))
    return function, ((), {})
