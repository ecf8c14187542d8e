"""From a text of JSON to a noun; the text may be a stranger's."""

import base64
import binascii
import dataclasses
import json
import math
import pathlib
from collections.abc import Callable
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from .. import _host, _names
from .._config import Config
from .._kinds import shown
from ._definition_writer import ARRAYS, DEEPEST

FORMAT = 1
"""The version of the form. A new one is for a change that this reader would not understand."""

_LONGEST = 2**26
_MOST = 20_000
_LARGEST = 2**63
_WORK = 20_000
_KEYS = "fry", "rbg", "urbg", "threefry2x32", "unsafe_rbg"


def read(who: str, text: str) -> Any:
    """The noun of a text, or `ValueError`."""
    refuse_large(who, text)
    try:
        content = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{who}: the definition is no JSON ({_short(error)}).") from error
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise ValueError(f"{who}: the definition has no format number, got {shown(content)}.")
    if not 1 <= content["format"] <= FORMAT:
        raise ValueError(
            f"{who}: the definition has format {shown(content['format'])}, and this version of "
            f"jaxrnn reads 1 to {FORMAT}. A newer one reads more."
        )
    if content.keys() != {"format", "definition"}:
        raise ValueError(
            f'{who}: there must be "format" and "definition", got {shown([*content])}.'
        )
    with _host.shapes_only():  # some nouns are traced when they are made
        return _Reader(who).value(content["definition"], "definition", 0)


def made(who: str, where: str, make: Callable[[], Any]) -> Any:
    """What is made of a stranger's values: whatever that raises, the definition is wrong."""
    try:
        return make()
    except Exception as error:
        raise ValueError(f"{who}: {where} cannot be made: {_short(error)}") from error


def refuse_large(who: str, text: str) -> None:
    """Raise for a text that would take much memory; before it is parsed."""
    if len(text) > _LONGEST:
        raise ValueError(
            f"{who}: a definition may be {_LONGEST} characters long, got {len(text)}. Keep large "
            "arrays in the parameters, such as `constraints.Held`."
        )
    if sum(map(text.count, "[{,")) > _MOST:
        raise ValueError(f"{who}: a definition may have {_MOST} values, this one has more.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("an entry is there twice")
    return entries


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


class _Reader:
    def __init__(self, who: str) -> None:
        self.who, self.known, self.work = who, _names.table(), 0
        self.words: dict[str, Callable[[Any, str, int], Any]] = {
            "float": self.not_finite,
            "list": self.parts,
            "dict": self.mapping,
            "array": self.array,
            "key": self.random_key,
            "dtype": self.numbers,
            "path": self.path,
            "partial": self.partial,
            "function": self.function,
        }

    def value(self, value: Any, where: str, depth: int) -> Any:
        if isinstance(value, list):
            return tuple(self.parts(value, where, depth))
        if not isinstance(value, dict):
            if type(value) is int and abs(value) >= _LARGEST:
                self.refuse(where, "an integer of 64 bits", value)
            return value
        if len(value) != 1:
            self.refuse(where, "a value, or a dict of one entry", value)
        ((word, content),) = value.items()
        if depth > DEEPEST:
            raise ValueError(f"{self.who}: {where} lies deeper than {DEEPEST} nouns.")
        make = self.words.get(word)
        return make(content, where, depth + 1) if make else self.noun(word, content, where, depth)

    def noun(self, name: str, content: Any, where: str, depth: int) -> Any:
        """A noun, or a record, of the table."""
        cls = self.known.get(name)
        if not isinstance(cls, type) or not issubclass(cls, Config | tuple):
            self.unknown(where, name)
        self.work += depth  # some nouns look at all that is inside them when they are made
        if self.work > _WORK:
            raise ValueError(f"{self.who}: the definition has too many nouns that lie in others.")
        allowed, needed = _fields(cls)
        given = self.entries(content, where, needed, allowed)
        values = {key: self.value(x, f"{where}.{key}", depth + 1) for key, x in given.items()}
        return self.made(where, lambda: cls(**values))

    def function(self, content: Any, where: str, depth: int) -> Any:
        found = self.known.get(content) if isinstance(content, str) else None
        if found is None or (isinstance(found, type) and issubclass(found, Config | tuple)):
            self.unknown(where, content)
        return found

    def not_finite(self, content: Any, where: str, depth: int) -> float:
        if content not in ("nan", "inf", "-inf"):
            self.refuse(where, "nan, inf or -inf", content)
        return float(content)

    def parts(self, content: Any, where: str, depth: int) -> list[Any]:
        if not isinstance(content, list):
            self.refuse(where, "a list", content)
        return [self.value(x, f"{where}.{i}", depth) for i, x in enumerate(content)]

    def mapping(self, content: Any, where: str, depth: int) -> dict[str, Any]:
        if not isinstance(content, dict):
            self.refuse(where, "a dict", content)
        return {key: self.value(x, f"{where}.{key}", depth) for key, x in content.items()}

    def array(self, content: Any, where: str, depth: int) -> Any:
        parts = self.entries(content, where, ["of", "dtype", "shape", "data"])
        if parts["dtype"] not in ARRAYS:
            self.refuse(where, "a type of numbers", parts["dtype"])
        dtype, shape = jnp.dtype(parts["dtype"]), parts["shape"]
        if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
            self.refuse(where, "a shape", shape)
        try:
            data = base64.b64decode(parts["data"], validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise ValueError(f"{self.who}: {where} is not in base64 ({_short(error)}).") from error
        if len(data) != math.prod(shape) * dtype.itemsize:
            self.refuse(where, f"{dtype} of shape {shown(shape)}", f"{len(data)} bytes")
        flat = np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype)
        array = self.made(where, lambda: flat.reshape(shape))
        if dtype.kind == "b" and (array.view(np.uint8) > 1).any():
            self.refuse(where, "flags of 0 and 1", "others")
        if parts["of"] == "numpy":
            return array
        if parts["of"] == "scalar" and not shape:
            return array[()]
        if parts["of"] != "jax":
            self.refuse(where, "an array of jax or numpy", parts["of"])
        if jax.dtypes.canonicalize_dtype(dtype) != dtype:
            raise ValueError(
                f"{self.who}: {where} is {dtype}, which JAX would narrow. Call "
                '`jax.config.update("jax_enable_x64", True)` first.'
            )
        return jnp.asarray(array)

    def random_key(self, content: Any, where: str, depth: int) -> Any:
        parts = self.entries(content, where, ["kind", "data"])
        if parts["kind"] not in _KEYS:
            self.refuse(where, "a kind of keys", parts["kind"])
        data = self.value(parts["data"], f"{where}.data", depth)
        return self.made(where, lambda: jax.random.wrap_key_data(data, impl=parts["kind"]))

    def numbers(self, content: Any, where: str, depth: int) -> Any:
        if content not in ARRAYS:
            self.refuse(where, "a type of numbers", content)
        return jnp.dtype(content)

    def path(self, content: Any, where: str, depth: int) -> pathlib.Path:
        if not isinstance(content, str):
            self.refuse(where, "a path", content)
        return pathlib.Path(content)

    def partial(self, content: Any, where: str, depth: int) -> Any:
        parts = self.entries(content, where, ["function", "args", "keywords"])
        found = {key: self.value(x, f"{where}.{key}", depth) for key, x in parts.items()}
        function, args, keywords = found.values()
        Partial: Any = jax.tree_util.Partial
        return self.made(where, lambda: Partial(function, *args, **keywords))

    # --- what is wrong ------------------------------------------------------------------------

    def entries(self, content: Any, where: str, needed: Any, allowed: Any = None) -> dict[str, Any]:
        """The entries by these names, in this order, or raise for all that are wrong."""
        allowed = needed if allowed is None else allowed
        if not isinstance(content, dict):
            self.refuse(where, f"a dict of {', '.join(allowed) or 'nothing'}", content)
        wrong = [f"{shown(key)} is unknown" for key in content if key not in allowed]
        wrong += [f"{key} is missing" for key in needed if key not in content]
        if wrong:
            raise ValueError(f"{self.who}: {where}: {'; '.join(wrong[:20])}.")
        return {key: content[key] for key in allowed if key in content}

    def made(self, where: str, make: Callable[[], Any]) -> Any:
        return made(self.who, where, make)

    def refuse(self, where: str, wanted: str, value: Any) -> NoReturn:
        raise ValueError(f"{self.who}: {where} must be {wanted}, got {shown(value)}.")

    def unknown(self, where: str, name: Any) -> NoReturn:
        raise ValueError(
            f"{self.who}: {where} is {shown(name)}, which is no noun or function known here. "
            "Import the package of the library that has it, or name your own by "
            "`networks.register` first."
        )


def _fields(cls: Any) -> tuple[list[str], list[str]]:
    """The fields of a noun or a record, and those that have no default."""
    if not issubclass(cls, Config):
        return list(cls._fields), [name for name in cls._fields if name not in cls._field_defaults]
    fields = [field for field in dataclasses.fields(cls) if field.init]
    missing = dataclasses.MISSING
    needed = [field for field in fields if field.default is field.default_factory is missing]
    return [field.name for field in fields], [field.name for field in needed]


def _short(error: BaseException) -> str:
    """One line of an error, and no long one."""
    text = " ".join(f"{error or type(error).__name__}".split())
    return text if len(text) <= 500 else f"{text[:500]} ..."
