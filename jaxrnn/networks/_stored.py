"""Arrays by their names, in a tree and in a safetensors file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check, _host, _paths
from .._dtypes import refuse_narrowing
from .._typing import Array, Params
from ._summary import refuse_definition

# The names by which safetensors calls the types that it writes and numpy can read back.
_DTYPES = {
    "BOOL": "bool",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}
_KINDS = jnp.bool_, jnp.signedinteger, jnp.unsignedinteger, jnp.floating, jnp.complexfloating


def opened(who: str, path: Any, use: Callable[[Path, Any], Any]) -> Any:
    """What `use` makes of a file."""
    from safetensors import SafetensorError, safe_open

    file = _paths.local(who, "path", path)
    if not os.path.isfile(file):  # false too for a name that no file can have
        raise FileNotFoundError(f"{who}: there is no file {file}")
    try:
        with safe_open(file, "np") as stored:
            return use(file, stored)
    except SafetensorError as error:
        said = f"{error}"[:500]
        raise ValueError(f"{who}: {file} is damaged, or no safetensors file ({said})") from error


def named(who: str, tree: Params) -> dict[str, Any]:
    """The arrays of a tree by their names."""
    refuse_definition(who, tree)
    arrays: dict[str, Any] = {}
    for path, leaf in jax.tree.leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator=".") or "params"
        if not isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct):
            raise TypeError(f"{who}: {name} must be an array, got {type(leaf).__name__}: {leaf!r}")
        _host.refuse_masked(who, name, leaf)
        if name in arrays:
            raise ValueError(
                f"{who}: two arrays of the tree are called {name}. Rename a key that holds a dot."
            )
        arrays[name] = leaf
    return arrays


def readable(name: str, leaf: Any) -> np.ndarray:
    """An array as numpy holds it; raises `TypeError` for one that could not be read again."""
    if isinstance(leaf, jax.core.Tracer | jax.ShapeDtypeStruct):
        raise TypeError(f"save: {name} has no numbers yet, got {leaf}. Save outside of `jax.jit`.")
    if str(leaf.dtype) not in _DTYPES.values():
        raise TypeError(
            f"save: {name} is {leaf.dtype}, which the file has no name for. It takes "
            f"{', '.join(_DTYPES.values())}."
        )
    return np.ascontiguousarray(np.asarray(leaf)).reshape(leaf.shape)


def stored_arrays(stored: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The type and the shape of every array of a file, by its name."""
    slices = {name: stored.get_slice(name) for name in stored.keys()}  # noqa: SIM118
    return {
        name: (_DTYPES.get(part.get_dtype(), part.get_dtype()), tuple(part.get_shape()))
        for name, part in slices.items()
    }


def differing(
    there: dict[str, tuple[str, tuple[int, ...]]],
    wanted: dict[str, Any],
    fits: Callable[[str, Any], bool],
    places: tuple[str, str],
) -> str:
    """All names, shapes and types that do not fit, in words, before any number is read."""
    wrong: list[str] = []
    for name in sorted(there.keys() | wanted.keys()):
        if name not in wanted:
            wrong.append(f"{_check.word(name)} is not {places[1]}")
        elif name not in there:
            wrong.append(f"{_check.word(name)} is not {places[0]}")
        else:
            (dtype, shape), here = there[name], wanted[name]
            if shape != here.shape or not (dtype in _DTYPES.values() and fits(dtype, here.dtype)):
                shapes = _shown(dtype, shape), _shown(here.dtype, here.shape)
                wrong.append(f"{_check.word(name)} is {shapes[0]} there, {shapes[1]} here")
    return _check.listed(wrong)


def same_kind(dtype: str, like: Any) -> bool:
    """Whether both are flags, signed or unsigned integers, floating or complex numbers."""
    return any(jnp.issubdtype(dtype, k) and jnp.issubdtype(like, k) for k in _KINDS)


def widens(dtype: str, into: Any) -> bool:
    """Whether both types are of the same kind, and `into` holds every number of `dtype`."""
    if not same_kind(dtype, into):
        return False
    with jax.numpy_dtype_promotion("standard"):
        return bool(jnp.promote_types(dtype, into) == into)


def like_another(stored: Any, name: str, like: Any) -> Array:
    """An array of a file, in the type and on the devices of another one."""
    sharding = getattr(like, "sharding", None)
    return jax.device_put(_numbers("load", stored, name).astype(like.dtype), sharding)


def converted(stored: Any, name: str, dtype: Any) -> Array:
    """An array of a file as JAX holds it, in its own type or in the one that was asked for."""
    array = _numbers("load_network", stored, name)
    if dtype is not None and jnp.issubdtype(array.dtype, jnp.floating):
        array = array.astype(dtype)
    refuse_narrowing("load_network", name, array.dtype)
    return jnp.asarray(array)


def _numbers(who: str, stored: Any, name: str) -> np.ndarray:
    array = stored.get_tensor(name)
    if array.dtype.kind == "b" and (array.view(np.uint8) > 1).any():
        raise ValueError(f"{who}: {name} holds bytes that are neither true nor false.")
    return array


def _shown(dtype: Any, shape: tuple[int, ...]) -> str:
    return f"{dtype}[{','.join(map(str, shape))}]"


def replace(file: Path, content: bytes) -> None:
    """Replace a file by another, at once, and wait until it is on the disk."""
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new.open("wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
        _paths.sync(file.parent)
    except OSError as error:
        raise OSError(f"save: {file} cannot be written ({error}). Choose another path.") from error
