"""`save`, `load` and `load_network`: files whose arrays other tools read as well."""

import os
from pathlib import Path
from typing import Any

import jax

from .. import _host, _paths
from .._dtypes import floating
from .._kinds import shown
from .._typing import Array, Params
from ..cells import Cell
from ._definition import to_json
from ._definition_reader import made, read
from ._layer import Layer
from ._stored import (
    converted,
    differing,
    like_another,
    named,
    opened,
    readable,
    replace,
    same_kind,
    stored_arrays,
    widens,
)

_DEFINITION = "jaxrnn"
"""The entry of the file that holds the definition."""


def save(
    path: str | os.PathLike[str], params: Params, *, network: Layer | Cell | None = None
) -> None:
    """Write parameters to a safetensors file, and the network that they belong to if it is given.

    Every array is named by its place in the tree, as `1.recurrent` for the field `recurrent` of the
    second layer of a stack. The file is written whole or not at all: if the process is killed, the
    older file remains.

    Args:
        path: a local file; folders above it are made, and an older file is replaced.
        params: any tree of arrays: parameters of a network, a layer or a cell.
        network: what made them. Its definition is written as JSON into the same file, as `to_json`
            makes it, so that `load_network` needs nothing else.

    Raises:
        OSError: the file cannot be written.
        TypeError: the network in the place of its parameters; a leaf that is no array, or of a type
            that the format lacks; or a network that holds a function without a name.
        ValueError: two arrays have the same name, the path is remote, or the parameters are not
            those of the network.

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
    arrays = {name: readable(name, leaf) for name, leaf in named("save", params).items()}
    metadata = None
    if network is not None:
        if not isinstance(network, Layer | Cell):
            raise TypeError(f"save: network must be a layer or a cell, got {shown(network)}.")
        wanted = named("save", _shapes(network))
        there = {name: (str(array.dtype), array.shape) for name, array in arrays.items()}
        wrong = differing(there, wanted, same_kind, ("given", "in `network`"))
        if wrong:
            raise ValueError(f"save: the parameters are not those of `network`: {wrong}.")
        metadata = {_DEFINITION: to_json(network)}
    replace(file, serialize(arrays, metadata))


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
    wanted = named("load", like)

    def leaves(file: Path, stored: Any) -> list[Array]:
        wrong = differing(stored_arrays(stored), wanted, widens, ("in the file", "in `like`"))
        if wrong:
            raise ValueError(
                f"load: {file} does not fit `like`: {wrong}. Build the network as it was; "
                "types may only grow, as bfloat16 to float32."
            )
        return [like_another(stored, name, leaf) for name, leaf in wanted.items()]

    return jax.tree.unflatten(jax.tree.structure(like), opened("load", path, leaves))


def load_network(path: str | os.PathLike[str], *, dtype: Any = None) -> tuple[Layer | Cell, Params]:
    """Read a network and its parameters, which `save(path, params, network=network)` wrote.

    The file may come from anybody: nothing of it is run. It names nouns and functions of the
    library, and what you `register`ed; anything else is an error. The shapes of its arrays are
    compared with those of the network before one is read. For what a definition may take, see
    `from_json`.

    Args:
        path: the file.
        dtype: the floating type of the parameters; that of the file without it.

    Returns:
        The network, equal to the one that was saved, and its parameters.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: the file has a type that JAX would narrow, such as float64 where 64 bits are
            disabled, and no `dtype` was asked for.
        ValueError: the file holds parameters alone; a definition that names what is not known here,
            or cannot be read; arrays that are not the network's; or it is damaged, or no
            safetensors file.

    Example:
        >>> import tempfile, jax
        >>> from jaxrnn import cells, networks
        >>> network = networks.stack(
        ...     networks.Recurrent(cells.GRU(2, 3)), networks.Dense(3, 1)
        ... )
        >>> path = tempfile.mkdtemp() + "/model.safetensors"
        >>> networks.save(path, network.init(jax.random.key(0)), network=network)
        >>> loaded, params = networks.load_network(path)
        >>> loaded == network, params[1].kernel.shape
        (True, (3, 1))
    """
    if dtype is not None:
        dtype = floating("load_network", "dtype", dtype)

    def loaded(file: Path, stored: Any) -> tuple[Layer | Cell, Params]:
        text = (stored.metadata() or {}).get(_DEFINITION)
        if text is None:
            raise ValueError(
                f"load_network: {file} holds parameters alone. Read them by `load(path, like=...)`"
                ", or write both by `save(path, params, network=network)`."
            )
        network = read("load_network", text)
        if not isinstance(network, Layer | Cell):
            raise ValueError(
                f"load_network: {file} holds a `{type(network).__name__}`, no network."
            )
        with _host.shapes_only():
            like = made("load_network", "definition", lambda: _shapes(network))
        wanted = named("load_network", like)
        there = stored_arrays(stored)
        wrong = differing(there, wanted, same_kind, ("in the file", "in its network"))
        if wrong:
            raise ValueError(f"load_network: the arrays of {file} do not fit: {wrong}.")
        leaves = [converted(stored, name, dtype) for name in wanted]
        return network, jax.tree.unflatten(jax.tree.structure(like), leaves)

    return opened("load_network", path, loaded)


def _shapes(network: Layer | Cell) -> Params:
    return jax.eval_shape(network.init, jax.random.key(0))
