"""`save` and `load`: parameters as a file that other tools read as well."""

import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _host, _paths
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


def save(path: str | os.PathLike[str], params: Params) -> None:
    """Write parameters to a safetensors file, without an optimizer or anything else.

    Every array is named by its place in the tree, as `1.recurrent` for the field `recurrent` of the
    second layer of a stack. The file is written whole or not at all: if the process is killed, the
    older file remains.

    Args:
        path: a local file; folders above it are made, and an older file is replaced.
        params: any tree of arrays: parameters of a network, a layer or a cell.

    Raises:
        OSError: the file cannot be written.
        TypeError: the network itself, or a leaf that is no array, or of a type that the format
            lacks.
        ValueError: two arrays have the same name, or the path is remote.

    Example:
        >>> import tempfile, jax
        >>> from jaxrnn import cells, networks
        >>> network = networks.stack(
        ...     networks.Recurrent(cells.Elman(2, 3)), networks.Dense(3, 1)
        ... )
        >>> params = network.init(jax.random.key(0))
        >>> path = tempfile.mkdtemp() + "/model.safetensors"
        >>> networks.save(path, params)
        >>> loaded = networks.load(path, like=network.init(jax.random.key(1)))
        >>> bool((loaded[1].kernel == params[1].kernel).all())
        True
        >>> from safetensors import safe_open
        >>> sorted(safe_open(path, "np").keys())
        ['0.bias', '0.kernel', '0.recurrent', '1.bias', '1.kernel']
    """
    from safetensors.numpy import save as serialize

    file = _paths.local("save", "path", path)
    arrays = {name: _readable(name, leaf) for name, leaf in _named("save", params).items()}
    _replace(file, serialize(arrays))


def load(path: str | os.PathLike[str], like: Params) -> Params:
    """Read parameters that `save` wrote.

    Args:
        path: the file.
        like: what the file must fit: `network.init(key)`, or only its shapes,
            `jax.eval_shape(network.init, key)`. The arrays get its types and its devices.
            bfloat16 in the file fits float32, since nothing is lost; float32 does not fit
            bfloat16.

    Returns:
        A tree of the structure of `like`.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: a leaf of `like` is no array.
        ValueError: names, shapes or types in the file differ from those of `like` (the message
            lists all that do); or the file is damaged, or not a safetensors file.

    Example:
        >>> import tempfile, jax
        >>> from jaxrnn import networks
        >>> path, dense = tempfile.mkdtemp() + "/dense.safetensors", networks.Dense(2, 1)
        >>> networks.save(path, dense.init(jax.random.key(0)))
        >>> shapes = jax.eval_shape(dense.init, jax.random.key(0))
        >>> networks.load(path, like=shapes).kernel.shape
        (2, 1)
    """
    from safetensors import SafetensorError, safe_open

    file = _paths.local("load", "path", path)
    if not os.path.isfile(file):  # false too for a name that no file can have
        raise FileNotFoundError(f"load: there is no file {file}")
    wanted = _named("load", like)
    try:
        with safe_open(file, "np") as stored:
            _compare(file, {name: stored.get_slice(name) for name in stored.keys()}, wanted)  # noqa: SIM118
            leaves = [_like(leaf, stored.get_tensor(name)) for name, leaf in wanted.items()]
    except SafetensorError as error:
        raise ValueError(f"load: {file} is damaged, or no safetensors file ({error})") from error
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _named(who: str, tree: Params) -> dict[str, Any]:
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


def _readable(name: str, leaf: Any) -> np.ndarray:
    """An array as numpy holds it; raises `TypeError` for one that could not be read again."""
    if isinstance(leaf, jax.core.Tracer | jax.ShapeDtypeStruct):
        raise TypeError(f"save: {name} has no numbers yet, got {leaf}. Save outside of `jax.jit`.")
    if str(leaf.dtype) not in _DTYPES.values():
        raise TypeError(
            f"save: {name} is {leaf.dtype}, which the file has no name for. It takes "
            f"{', '.join(_DTYPES.values())}."
        )
    return np.ascontiguousarray(np.asarray(leaf)).reshape(leaf.shape)


def _compare(file: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise unless every name, shape and type fits, before any number is read."""
    differing = []
    for name in sorted(there.keys() | wanted.keys()):
        here, stored = wanted.get(name), there.get(name)
        if here is None:
            differing.append(f"{name} is not in `like`")
        elif stored is None:
            differing.append(f"{name} is not in the file")
        else:
            shape, dtype = tuple(stored.get_shape()), _DTYPES.get(stored.get_dtype())
            if shape != here.shape or dtype is None or not _widens(dtype, here.dtype):
                found = _shown(dtype or stored.get_dtype(), shape)
                differing.append(f"{name} is {found} there, {_shown(here.dtype, here.shape)} here")
    if differing:
        raise ValueError(
            f"load: {file} does not fit `like`: {'; '.join(differing)}. Build the network as it "
            "was; types may only grow, as bfloat16 to float32."
        )


def _widens(dtype: str, into: Any) -> bool:
    """Whether both types are of the same kind, and `into` holds every number of `dtype`."""
    if not any(jnp.issubdtype(dtype, k) and jnp.issubdtype(into, k) for k in _KINDS):
        return False
    with jax.numpy_dtype_promotion("standard"):
        return bool(jnp.promote_types(dtype, into) == into)


def _like(like: Any, array: np.ndarray) -> Array:
    """An array in the type and on the devices of another one."""
    sharding = getattr(like, "sharding", None)
    return jax.device_put(array.astype(like.dtype), sharding)


def _shown(dtype: Any, shape: tuple[int, ...]) -> str:
    return f"{dtype}[{','.join(map(str, shape))}]"


def _replace(file: Path, content: bytes) -> None:
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
