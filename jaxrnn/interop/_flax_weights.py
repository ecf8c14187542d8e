"""Parameters of a network as the arrays that flax names, and back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Array, Params
from ..cells import Cell
from ..networks import (
    Activation,
    Bidirectional,
    Dense,
    DenseParams,
    Directions,
    Dropout,
    Embedding,
    Layer,
    LayerNorm,
    LayerNormParams,
    Recurrent,
    Stack,
)
from ._weights import array, compare

Name = tuple[str, ...]


class FlaxStyle(NamedTuple):
    """How one of flax's two interfaces names things.

    cell: for a cell and its place, the arrays that stand side by side in each of its fields.
    layer: the name of a layer of a `Sequential`, from its number.
    """

    who: str
    cell: Callable[[Cell, Name], "Mapping[str, Blocks] | None"]
    layer: Callable[[int], Name]


@dataclass(frozen=True)
class Blocks:
    """Arrays of flax that stand side by side in one of jaxrnn's, along the last axis.

    order: that of jaxrnn's gates among flax's, where one array of flax holds them in another order.
    """

    names: tuple[Name, ...]
    order: tuple[int, ...] = ()

    def under(self, prefix: Name) -> "Blocks":
        return Blocks(tuple((*prefix, *name) for name in self.names), self.order)

    def join(self, arrays: Mapping[Name, Array]) -> Array:
        parts = [arrays[name] for name in self.names]
        if self.order:
            gates = jnp.split(parts[0], len(self.order), axis=-1)
            parts = [gates[gate] for gate in self.order]
        return parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)

    def split(self, joined: Array) -> Iterator[tuple[Name, Array]]:
        if self.order:
            gates = jnp.split(joined, len(self.order), axis=-1)
            places = [self.order.index(gate) for gate in range(len(gates))]
            yield self.names[0], jnp.concatenate([gates[place] for place in places], axis=-1)
        else:
            parts = [joined]
            if len(self.names) > 1:
                parts = jnp.split(joined, len(self.names), axis=-1)
            yield from zip(self.names, parts, strict=True)


def blocks(names: str, order: tuple[int, ...] = ()) -> Blocks:
    """Blocks by their names, as `"ir.kernel iz.kernel"`."""
    return Blocks(tuple(tuple(name.split(".")) for name in names.split()), order)


def load(style: FlaxStyle, network: Cell | Layer, weights: Mapping[str, Any], dtype: Any) -> Params:
    """The parameters, from a nested mapping of flax's arrays."""
    who = f"{style.who}.load"
    tree = named(style, network)
    given = flat(weights)
    wanted = jax.eval_shape(lambda key: _split(tree, network.init(key)), jax.random.key(0))
    compare(
        who,
        {_dotted(name): value for name, value in given.items()},
        {_dotted(name): value.shape for name, value in wanted.items()},
    )
    arrays = {name: array(who, _dotted(name), value, dtype) for name, value in given.items()}
    return join(tree, arrays)


def dump(style: FlaxStyle, network: Cell | Layer, params: Params) -> dict[str, Any]:
    """The arrays of flax, in nested dicts."""
    fits = jax.eval_shape(network.init, jax.random.key(0))
    if jax.tree.map(jnp.shape, params) != jax.tree.map(jnp.shape, fits):
        raise ValueError(
            f"{style.who}.dump: the parameters are not those of {type(network).__name__}: they are "
            f"{jax.tree.map(jnp.shape, params)}, it has {jax.tree.map(jnp.shape, fits)}."
        )
    tree: dict[str, Any] = {}
    for name, value in _split(named(style, network), params).items():
        inner = tree
        for part in name[:-1]:
            inner = inner.setdefault(part, {})
        inner[name[-1]] = value
    return tree


def named(style: FlaxStyle, network: Cell | Layer, prefix: Name = ()) -> Any:
    """A tree like the network's parameters, with `Blocks` in the place of arrays."""

    def plain(*names: str) -> list[Any]:
        return [Blocks(((*prefix, name),)) for name in names]

    tree: Any = ()
    match network:
        case Recurrent():
            tree = named(style, network.cell, (*prefix, "cell"))
        case Bidirectional():
            tree = Directions(
                named(style, network.forward, (*prefix, "forward_rnn", "cell")),
                named(style, network.backward, (*prefix, "backward_rnn", "cell")),
            )
        case Stack():
            places = [(*prefix, *style.layer(i)) for i in range(len(network.layers))]
            tree = tuple(map(named, [style] * len(places), network.layers, places))
            if network.names is not None:
                tree = dict(zip(network.names, tree, strict=True))
        case Dense():
            kernel, bias = plain("kernel", "bias")
            tree = DenseParams(kernel, bias if network.use_bias else None)
        case Embedding():
            (tree,) = plain("embedding")
        case LayerNorm():
            tree = LayerNormParams(*plain("scale", "bias"))
        case Cell():
            tree = _named_cell(style, network, prefix)
        case Activation() | Dropout():
            pass
        case _:
            raise TypeError(
                f"{style.who}: {type(network).__name__} has no counterpart in flax. Those that do: "
                "Recurrent, Bidirectional, Dense, Embedding, LayerNorm, Activation, Dropout, "
                "stacks of these, and cells. Convert the parts that do one by one."
            )
    return tree


def _named_cell(style: FlaxStyle, cell: Cell, prefix: Name) -> Any:
    fields = style.cell(cell, prefix)
    if fields is None:
        raise TypeError(
            f"{style.who}: the cell {type(cell).__name__} has no counterpart in flax. Use it in a "
            f"flax module as `{style.who}.Layer(networks.Recurrent(cell))`."
        )
    shapes = jax.eval_shape(cell.init, jax.random.key(0))
    present = {name for name, value in shapes._asdict().items() if value is not None}
    return type(shapes)(
        **{
            field: fields[field].under(prefix) if field in present else None
            for field in shapes._fields
        }
    )


def join(tree: Any, arrays: Mapping[Name, Array]) -> Params:
    """The parameters, from flax's arrays by name."""
    return jax.tree.map(lambda part: part.join(arrays), tree)


def _split(tree: Any, params: Params) -> dict[Name, Array]:
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(params), strict=True)
    return {name: value for part, joined in pairs for name, value in part.split(joined)}


def names(tree: Any) -> set[Name]:
    """All names of a tree that `named` made."""
    return {name for part in jax.tree.leaves(tree) for name in part.names}


def check_mapping(who: str, weights: Any) -> None:
    """Raise `TypeError` for what holds no weights."""
    if not isinstance(weights, Mapping):
        raise TypeError(
            f"{who}.load: weights must be a nested mapping of arrays or a module, got "
            f"{type(weights).__name__}."
        )


def flat(tree: Mapping[Any, Any], prefix: Name = ()) -> dict[Name, Any]:
    """The arrays of nested mappings by their paths."""
    found: dict[Name, Any] = {}
    for name, value in tree.items():
        path = (*prefix, str(name))
        found |= flat(value, path) if isinstance(value, Mapping) else {path: value}
    return found


def _dotted(name: Name) -> str:
    return ".".join(name)
