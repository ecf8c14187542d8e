"""Arrays on the host: what a user passes, read into numpy with nothing lost, or refused."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._kinds import shown
from ._typing import Array


def read(who: str, name: str, value: Any, remedy: str = "") -> np.ndarray:
    """`value` as an array of numbers, numpy's own.

    Numpy takes much for an array: of a masked one it drops the mask, a NamedTuple it stacks, and
    what it cannot read becomes an array of objects.

    Args:
        who: the function or class that was called.
        name: the argument.
        value: an array of numpy, JAX or another library, or nested lists of numbers.
        remedy: what to do where something else came.

    Raises:
        TypeError: anything else, masked values and traced ones among them.
    """
    refuse_masked(who, name, value)
    if isinstance(value, jax.core.Tracer):
        raise TypeError(
            f"{who}: {name} must be known, got {shown(value)}. Data are prepared on the host: call "
            f"it outside of `jit`, `vmap` and `grad`."
        )
    if is_record(value) or isinstance(value, dict | set | frozenset | str | bytes):
        raise TypeError(_wanted(who, name, kind_of(value), remedy))
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever another library's `__array__` raises
        ragged = isinstance(value, list | tuple) and isinstance(error, ValueError)
        hint = "Sequences of different lengths go through data.pad." if ragged else str(error)
        raise TypeError(_wanted(who, name, shown(value), remedy or hint)) from error
    if not (array.dtype == bool or jnp.issubdtype(array.dtype, np.number)):
        came = f"{array.dtype} of shape {array.shape}" if array.ndim else shown(value)
        raise TypeError(_wanted(who, name, came, remedy))
    return array


def array(who: str, name: str, value: Any, remedy: str = "") -> np.ndarray | Array:
    """An array of JAX as it is, traced ones too; all else as `read` takes it."""
    numbers = isinstance(value, jax.Array) and not jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    return value if numbers else read(who, name, value, remedy)


def refuse_masked(who: str, name: str, value: Any) -> None:
    """Raise where numpy has masked a value, be it in an array of a list: none reads what it hides.

    Raises:
        TypeError: a masked value. An array of which none is masked holds all it shows.
    """
    parts = jax.tree.leaves(value) if isinstance(value, list | tuple) else [value]
    for part in parts:
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
            raise TypeError(
                f"{who}: {name} must hold all its values, got {shown(part)}, in which "
                f"{np.ma.getmaskarray(part).sum()} are hidden. The mask would be lost: put numbers "
                "there, `x.filled(0)`, and say by a mask of your own which steps count, such as "
                "`~np.ma.getmaskarray(x)`; or cut the data where they have gaps."
            )


def is_record(value: Any) -> bool:
    """Whether `value` is a NamedTuple: a tuple by inheritance, but no sequence of like things."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def kind_of(value: Any) -> str:
    """What a tree or a text is called in a message."""
    if is_record(value):
        return f"a `{type(value).__name__}` of {', '.join(value._fields)}"
    return shown(value) if isinstance(value, str | bytes) else f"a {type(value).__name__}"


_shapes_only = contextvars.ContextVar("shapes_only", default=False)


@contextlib.contextmanager
def shapes_only() -> Iterator[None]:
    """Within it, tracing a function for its shapes computes nothing, in numpy either."""
    token = _shapes_only.set(True)
    try:
        yield
    finally:
        _shapes_only.reset(token)


def numbers(function: Callable[[], Any], shape: tuple[int, ...], dtype: Any = float) -> Array:
    """What a function of numpy returns, as a constant of the program.

    Within `shapes_only` the function is called where the program runs, if it ever does.
    """
    like: Any = jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(dtype))  # type: ignore[no-untyped-call]
    if _shapes_only.get():
        return jax.pure_callback(lambda: np.asarray(function(), like.dtype), like)
    return jnp.asarray(function(), like.dtype)


def _wanted(who: str, name: str, came: str, remedy: str) -> str:
    return f"{who}: {name} must be an array of numbers, got {came}. {remedy}".rstrip()
