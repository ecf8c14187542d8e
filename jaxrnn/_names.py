"""The names by which a definition calls classes and functions; it can name nothing else.

Nouns and records of the library are called by their package, `cells.LSTM`. Functions are those of
the lists below and those marked `named`; what belongs to users is entered by `register`. A name
that is read from a file is looked up here, and never imported.
"""

import functools
import inspect
import operator
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from ._config import Config
from ._kinds import shown

_F = TypeVar("_F", bound=Callable[..., Any])

_OTHERS: list[tuple[str, Any, str]] = [
    (
        "jax.nn",
        jax.nn,
        "relu relu6 sigmoid softplus soft_sign silu swish log_sigmoid leaky_relu hard_sigmoid "
        "hard_silu hard_swish hard_tanh elu celu selu gelu glu squareplus mish sparse_plus "
        "sparse_sigmoid identity softmax log_softmax standardize",
    ),
    ("jax.nn.initializers", jax.nn.initializers, "zeros ones"),
    (
        "jax.numpy",
        jnp,
        "tanh sin cos tan sinh cosh arctan arcsinh exp exp2 expm1 log log1p sqrt square abs "
        "absolute negative positive sign reciprocal mean sum bool_ int8 int16 int32 int64 uint8 "
        "uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 complex128",
    ),
    ("jax.lax", jax.lax, "tanh logistic erf rsqrt"),
    ("jax.random", jax.random, "normal uniform"),
    ("operator", operator, "lt le gt ge"),
]
"""Functions and types of other libraries. Those that a version of theirs lacks are left out."""

_functions: dict[str, Any] = {
    f"{place}.{name}": getattr(module, name)
    for place, module, names in _OTHERS
    for name in names.split()
    if hasattr(module, name)
}
_registered: dict[str, Any] = {}


def named(function: _F) -> _F:
    """Mark a function of the library that a definition may name, as `cells.glorot`."""
    _functions[_name(function)] = function
    return function


def register(name: str, value: Any) -> None:
    """Give a class or a function of your own a name, so that definitions can hold it.

    The process that reads a definition has to register the same names before.

    Args:
        name: two words at least, with dots between them, such as `"mine.Cell"`. It stays in files,
            so it should stay the same where the class moves or is called something else.
        value: a class of nouns, a NamedTuple, or a function.

    Raises:
        TypeError: something else.
        ValueError: a name of another form, one of the library's, or one that is taken.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> def bent(x):
        ...     return x / (1 + abs(x))
        >>> networks.register("mine.bent", bent)
        >>> networks.from_json(networks.to_json(networks.Activation(bent)))
        Activation(function=bent)
    """
    if not isinstance(name, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", name):
        raise ValueError(
            f'register: name must be words with dots between them, such as "mine.Cell", '
            f"got {shown(name)}"
        )
    if inspect.isclass(value) and not (_is_record(value) or issubclass(value, Config)):
        raise TypeError(f"register: {name} must be a class of nouns, got {shown(value)}")
    if not callable(value) or isinstance(value, Config):
        raise TypeError(f"register: {name} must be a class or a function, got {shown(value)}")
    if value.__hash__ is None:
        raise TypeError(f"register: {name} must have a hash, got {shown(value)}")
    there = table().get(name)
    if there is not None and (name not in _registered or not _same(there, value)):
        raise ValueError(f"register: {name} is the name of {shown(there)} already. Choose another.")
    _registered[name] = value


def table() -> dict[str, Any]:
    """All that a definition may name now; what a package has is there once it is imported."""
    return {**_functions, **_classes(len(sys.modules)), **_registered}


@functools.lru_cache(1)
def _classes(modules: int) -> dict[str, type]:
    """The nouns and records of the library, as long as no further module is imported."""
    records = (cls for cls in tuple.__subclasses__() if _is_record(cls))
    return {_name(cls): cls for cls in [*_nouns(Config), *records] if _is_ours(cls)}


def _nouns(cls: Any) -> Iterator[type]:
    for one in cls.__subclasses__():
        if not inspect.isabstract(one):
            yield one
        yield from _nouns(one)


def _is_record(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, tuple) and hasattr(value, "_fields")


def _is_ours(cls: type) -> bool:
    inside = cls.__module__.startswith(f"{__package__}.")
    return inside and not cls.__name__.startswith("_") and "<locals>" not in cls.__qualname__


def _name(value: Any) -> str:
    """The package and the name, without the file."""
    parts = [part for part in value.__module__.split(".")[1:] if not part.startswith("_")]
    return ".".join([*parts, value.__qualname__.lstrip("_")])


def _same(a: Any, b: Any) -> bool:
    """Whether it is the same thing, or was made anew by the same lines, as in a notebook."""
    places = [[getattr(x, name, None) for name in ("__module__", "__qualname__")] for x in (a, b)]
    return a is b or (places[0] == places[1] and None not in places[0])
