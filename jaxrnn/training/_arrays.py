"""Arrays on disk. The only file that knows orbax."""

import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._seal import DamagedError

_PLAIN = re.compile(r"[\w ./:=,@+~-]+")


def write(folder: Path, leaves: Sequence[Any]) -> None:
    """Write leaves into a new folder, none at all where no leaf has a number in it.

    Raises:
        OSError: they cannot be written, or not be read again.
    """
    from orbax.checkpoint import args

    arrays = _numbered([numbers(leaf) for leaf in leaves])
    if not arrays:
        return
    try:
        with _checkpointer() as checkpointer, _plain(folder) as place:
            checkpointer.save(place, args=args.PyTreeSave(arrays))
        _check_declared(folder, arrays)
    except Exception as error:  # whatever the storage raises
        raise OSError(f"{folder} cannot be written: {_first_line(error)}") from error


def read(folder: Path, like: Sequence[Any]) -> list[Any]:
    """Read what was written, in the shapes, types and shardings of `like`.

    Raises:
        DamagedError: something else is there. Shapes are compared before any number is read.
    """
    from orbax.checkpoint import RestoreArgs, args

    wanted = _numbered([numbers(leaf) for leaf in like])
    found: dict[str, Any] = {}
    if wanted:
        try:
            _check_declared(folder, wanted)
            how = dict.fromkeys(wanted, RestoreArgs(restore_type=np.ndarray))
            with _checkpointer() as checkpointer, _plain(folder) as place:
                found = checkpointer.restore(place, args=args.PyTreeRestore(restore_args=how))
        except Exception as error:  # whatever the storage raises
            raise DamagedError(f"{folder} cannot be read: {_first_line(error)}") from error
    read = [found.get(str(index), numbers(leaf)) for index, leaf in enumerate(like)]
    return [with_numbers(leaf, array) for leaf, array in zip(like, read, strict=True)]


def _checkpointer() -> Any:
    from orbax.checkpoint import Checkpointer, PyTreeCheckpointHandler
    from orbax.checkpoint.options import MultiprocessingOptions

    # Who writes and who reads is said elsewhere: orbax is not to wait for other processes.
    own = jax.process_index()
    alone = MultiprocessingOptions(primary_host=own, active_processes={own})
    handler = PyTreeCheckpointHandler(multiprocessing_options=alone)
    return Checkpointer(handler, multiprocessing_options=alone)


def _check_declared(folder: Path, wanted: dict[str, Any]) -> None:
    """Raise unless the arrays in a folder have the shapes and types wanted, stored as such."""
    from orbax.checkpoint import PyTreeCheckpointHandler

    with _plain(folder) as place:
        declared = PyTreeCheckpointHandler().metadata(_epath(place)).tree
    if declared.keys() != wanted.keys():
        raise ValueError(f"{len(wanted)} arrays are expected, {len(declared)} are there")
    for name, leaf in wanted.items():
        there = declared[name]
        chunk = there.storage.chunk_shape if there.storage else None
        # A piece may not be larger than the whole: it is unpacked as one.
        fits = chunk is None or np.prod(chunk) <= leaf.size
        if (tuple(there.shape), there.dtype) != (leaf.shape, leaf.dtype) or not fits:
            raise ValueError(
                f"array {name} should be {leaf.dtype}{[*leaf.shape]}, and is "
                f"{there.dtype}{[*there.shape]} in pieces of {chunk}"
            )


def _epath(path: Path) -> Any:
    from etils import epath

    return epath.Path(path)


@contextlib.contextmanager
def _plain(folder: Path) -> Iterator[Path]:
    r"""The folder under a name that the storage takes as it is.

    orbax looks for files by patterns, in which `[`, `*` and `?` mean something else, and
    tensorstore takes `\` for a slash: what they wrote lay elsewhere, or was not found again.
    """
    if _PLAIN.fullmatch(folder.as_posix()):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="jaxrnn-") as place:
        link = Path(place) / "link"
        link.symlink_to(folder.parent, target_is_directory=True)
        yield link / folder.name


def _numbered(arrays: Sequence[Any]) -> dict[str, Any]:
    """By their place; orbax writes no empty ones, of which the shape says everything."""
    return {str(index): array for index, array in enumerate(arrays) if array.size}


def numbers(leaf: Any) -> np.ndarray:
    """The whole of an array on this host, however many devices hold it: of a key its data."""
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)


def is_key(leaf: Any) -> bool:
    """Whether it is an array of keys of `jax.random.key`."""
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def with_numbers(like: Any, found: np.ndarray) -> Any:
    """What was read, as the kind of leaf that is wanted, and on its devices."""
    if is_key(like):
        key = jax.random.wrap_key_data(jnp.asarray(found), impl=jax.random.key_impl(like))
        return jax.device_put(key, like.sharding)
    if isinstance(like, jax.Array):
        return jax.device_put(found, like.sharding)
    if isinstance(like, np.ndarray):
        return found
    return found[()] if isinstance(like, np.generic) else found.item()


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
