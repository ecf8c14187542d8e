"""Parameters of a network as another library's arrays by name, and back, part by part."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._kinds import shown
from .._typing import Array, Params
from ..cells import Cell
from ..networks import Layer
from ._weights import array, compare


@dataclass(frozen=True)
class Part:
    """A cell or a layer that another library has, and the names of its arrays: `"lstm.{}_l0"`."""

    noun: Cell | Layer
    names: str = "{}"


class Style(NamedTuple):
    """How a library keeps its weights.

    parts: a tree like the network's parameters, with a `Part` in the place of what it has.
    write: the arrays of one part by their names, in the library's order.
    read: the parameters of one part, from its arrays.
    """

    library: str
    parts: Callable[[Any], Any]
    write: Callable[[Any, Params], dict[str, Array]]
    read: Callable[[Any, Mapping[str, Array]], Params]


def written(style: Style, network: Any, params: Params) -> dict[str, Array]:
    """The library's arrays by name; raises for parameters that are not the network's."""
    _same(style, network, params)
    return {
        part.names.format(name): value
        for part, own in _pairs(style.parts(network), params)
        for name, value in style.write(part.noun, own).items()
    }


def _same(style: Style, network: Any, params: Params) -> None:
    """Raise `ValueError` unless the parameters have the structure and the shapes of `init`."""
    wanted = jax.eval_shape(network.init, jax.random.key(0))
    shapes = [
        {jax.tree_util.keystr(path): np.shape(leaf) for path, leaf in jax.tree.leaves_with_path(t)}
        for t in (wanted, params)
    ]
    structures: list[Any] = [jax.tree.structure(tree) for tree in (wanted, params)]
    if shapes[0] != shapes[1] or structures[0] != structures[1]:
        differing = [
            f"params{place} is {there.get(place, 'missing')}, not {here.get(place, 'there')}"
            for here, there in [shapes]
            for place in [*here, *(place for place in there if place not in here)]
            if here.get(place) != there.get(place)
        ]
        what = "; ".join(differing) or f"got {shown(params)}"
        raise ValueError(
            f"{style.library}.dump: the parameters are not those of {shown(network)}: {what}. "
            "`init(key)` makes them."
        )


def _pairs(parts: Any, params: Params) -> Iterator[tuple[Part, Params]]:
    """Every part and its parameters, in the order of the layers; JAX sorts a dict by its keys."""
    if isinstance(parts, Part):
        yield parts, params
    elif isinstance(parts, dict):
        for name, inner in parts.items():
            yield from _pairs(inner, params[name])
    else:
        for inner, own in zip(parts, params, strict=True):
            yield from _pairs(inner, own)


def wanted(style: Style, network: Any) -> dict[str, Any]:
    """The shapes of these arrays, in their order."""
    names: list[str] = []  # of their own, since JAX sorts a dict

    def values(key: Any) -> list[Array]:
        found = written(style, network, network.init(key))
        names.extend(found)
        return list(found.values())

    return dict(zip(names, jax.eval_shape(values, jax.random.key(0)), strict=True))


def load(style: Style, network: Any, weights: Any, dtype: Any) -> Params:
    """The parameters, from the library's arrays by name."""
    who = f"{style.library}.load"
    if not isinstance(weights, Mapping):
        raise TypeError(f"{who}: weights must be a mapping of arrays, got {shown(weights)}.")
    compare(who, weights, {name: value.shape for name, value in wanted(style, network).items()})
    arrays = {name: weight(who, name, value, dtype) for name, value in weights.items()}

    def read(part: Part) -> Params:
        shapes = jax.eval_shape(part.noun.init, jax.random.key(0))
        names = jax.eval_shape(lambda own: style.write(part.noun, own), shapes)
        return style.read(part.noun, {name: arrays[part.names.format(name)] for name in names})

    return jax.tree.map(read, style.parts(network))


def dump(style: Style, network: Any, params: Params) -> dict[str, Any]:
    """The library's arrays by name, on the host; those that JAX traces stay as they are."""
    return {name: on_host(value) for name, value in written(style, network, params).items()}


def on_host(value: Array) -> Any:
    """A new array of numpy, which other libraries may write into."""
    return value if isinstance(value, jax.core.Tracer) else np.array(value)


def weight(who: str, name: str, value: Any, dtype: Any) -> Array:
    """A weight of a floating type; raises `TypeError` for any other."""
    numbers = array(who, name, value, dtype)
    if not jnp.issubdtype(numbers.dtype, jnp.floating):
        raise TypeError(
            f"{who}: {name} must be floating-point numbers, got {numbers.dtype}. Ask for a type: "
            "dtype=jnp.float32."
        )
    return numbers


def reordered(value: Array, order: Iterable[int], axis: int = -1) -> Array:
    """The blocks of gates along an axis, in another order."""
    order = tuple(order)
    blocks = jnp.split(value, len(order), axis=axis)
    return jnp.concatenate([blocks[gate] for gate in order], axis=axis)


def made(cell: Any, fields: dict[str, Any]) -> Params:
    """The parameters of a cell from its fields."""
    return jax.eval_shape(cell.init, jax.random.key(0))._replace(**fields)


def has_parameters(network: Any) -> bool:
    """Whether there is anything to convert."""
    return bool(jax.tree.leaves(jax.eval_shape(network.init, jax.random.key(0))))


def refused(style_library: str, network: Any, known: str) -> TypeError:
    """The error for a noun that the library does not have."""
    return TypeError(
        f"{style_library}: {type(network).__name__} has no counterpart there. Those that do: "
        f"{known}. Convert the parts that do one by one."
    )
