"""The laws of every noun: it can be copied, sent to another process, and read back from a log."""

import copy
import dataclasses
import pickle
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._config import Config
from ._law import Law


def copies(case: Any) -> None:
    noun = case.noun
    assert copy.deepcopy(noun) == noun, "a deep copy is not equal"
    assert pickle.loads(pickle.dumps(noun)) == noun, "what is pickled and read back is not equal"


def shows(case: Any) -> None:
    noun = case.noun
    try:
        made = eval(repr(noun), {"Array": jnp.asarray, "array": np.array, **dict(_words(noun))})
    except (SyntaxError, NameError, TypeError) as error:
        raise AssertionError(f"{noun!r} cannot be read back: {error}") from error
    assert made == noun, f"{noun!r} makes another one, {made!r}"


def _words(value: Any) -> Any:
    """The names that the `repr` of a noun is made of, and what they mean."""
    if isinstance(value, Config):
        yield type(value).__name__, type(value)
        for field in dataclasses.fields(value):  # type: ignore[arg-type]
            yield from _words(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        yield type(value).__name__, type(value)
        for item in value:
            yield from _words(item)
    elif callable(value) and hasattr(value, "__name__"):
        yield value.__name__, value


COPIES = Law(
    "copies",
    "A deep copy is equal, and so is what is pickled and read back.",
    copies,
    "Define classes and functions at the top of a module, where pickle finds them; keep arrays and "
    "numbers as fields, and nothing in closures.",
)
SHOWS = Law(
    "repr",
    "What `repr` shows makes the same noun again.",
    shows,
    "Hold functions by their names: no lambdas, no partials.",
)
