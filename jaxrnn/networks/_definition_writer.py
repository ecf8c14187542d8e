"""From a noun to JSON's own values."""

import base64
import dataclasses
import math
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _host, _names
from .._config import Config
from .._kinds import shown

ARRAYS = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
)
"""The types of arrays that a definition may hold."""

DEEPEST = 64
"""How many nouns may lie in each other."""


def written(who: str, noun: Config) -> Any:
    """A noun as dicts, lists, strings and numbers.

    A tuple is a list, and all that JSON has no word for a dict of one entry: a noun is
    `{"cells.LSTM": {"inputs": 3, ...}}`, a function `{"function": "jax.numpy.tanh"}`.
    """
    names: dict[Any, str] = {}
    for name, thing in _names.table().items():
        names.setdefault(thing, name)
    return _Writer(who, names).value(noun, "definition", 0)


class _Writer:
    def __init__(self, who: str, names: dict[Any, str]) -> None:
        self.who, self.names = who, names

    def value(self, value: Any, where: str, depth: int) -> Any:  # noqa: PLR0911  (a kind a line)
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if kind in (tuple, list):
            parts = [self.value(x, f"{where}.{i}", depth) for i, x in enumerate(value)]
            return parts if kind is tuple else {"list": parts}
        if kind is dict and all(isinstance(key, str) for key in value):
            return {"dict": self.fields(value, where, depth)}
        if isinstance(value, Config):
            names = [field.name for field in dataclasses.fields(value)]  # type: ignore[arg-type]
            fields = {name: getattr(value, name) for name in names}
            return {self.name(kind, value, where): self.fields(fields, where, depth + 1)}
        if _host.is_record(value):
            return {self.name(kind, value, where): self.fields(value._asdict(), where, depth + 1)}
        if isinstance(value, np.ndarray | np.generic | jax.Array):
            return self.array(value, where)
        if isinstance(value, np.dtype):
            return {"dtype": value.name}
        if isinstance(value, pathlib.PurePath):
            return {"path": str(value)}
        if kind is jax.tree_util.Partial:
            call = {"function": value.func, "args": value.args, "keywords": value.keywords}
            return {"partial": self.fields(call, where, depth + 1)}
        return {"function": self.name(value, value, where)}

    def fields(self, fields: dict[str, Any], where: str, depth: int) -> dict[str, Any]:
        if depth > DEEPEST:
            raise ValueError(f"{self.who}: {where} lies deeper than {DEEPEST} nouns.")
        return {name: self.value(x, f"{where}.{name}", depth) for name, x in fields.items()}

    def name(self, thing: Any, value: Any, where: str) -> str:
        try:
            return self.names[thing]
        except (KeyError, TypeError):  # one that has no hash
            raise TypeError(
                f"{self.who}: {where} is {shown(value)}, which has no name that a definition can "
                'hold. Give it one, `networks.register("mine.name", ...)`: a class, or a function '
                "at the top of a module."
            ) from None

    def array(self, value: Any, where: str) -> dict[str, Any]:
        if isinstance(value, jax.core.Tracer):
            raise TypeError(f"{self.who}: {where} has no numbers yet, got {shown(value)}.")
        _host.refuse_masked(self.who, where, value)
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            bits = self.array(jax.random.key_data(value), where)
            return {"key": {"kind": str(jax.random.key_impl(value)), "data": bits}}
        numbers = np.asarray(value)
        if numbers.dtype.name not in ARRAYS:
            raise TypeError(f"{self.who}: {where} is {shown(value)}, not an array of numbers.")
        little = numbers.astype(numbers.dtype.newbyteorder("<"))
        kinds = {"jax": jax.Array, "numpy": np.ndarray, "scalar": np.generic}
        content = {
            "of": next(word for word, kind in kinds.items() if isinstance(value, kind)),
            "dtype": numbers.dtype.name,
            "shape": list(numbers.shape),
            "data": base64.b64encode(little.tobytes()).decode(),
        }
        return {"array": content}
