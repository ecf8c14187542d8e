"""Which arrays of a model hold the parameters of a layer, and both ways between them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ... import _check
from ..._typing import Params
from ...cells import (
    GRU,
    Cell,
    DropConnect,
    InputDropout,
    LearnedCarry,
    LearnedCarryParams,
    LSTMCarry,
    RecurrentDropout,
    StateDropout,
)
from ...networks import (
    Activation,
    Bidirectional,
    Branches,
    Dense,
    DenseParams,
    Directions,
    Dropout,
    Embedding,
    Layer,
    LayerNorm,
    LayerNormParams,
    Parallel,
    Pool,
    Recurrent,
    Repeated,
    Residual,
    Stack,
    Tied,
    TiedParams,
    VariationalDropout,
)
from ._forms import BLOCKS, Form, Weights, form_of, refused

_DROPPING = DropConnect, InputDropout, RecurrentDropout, StateDropout
"""Cells that are the one inside where nothing is dropped, with its parameters."""


class Entry(NamedTuple):
    """The arrays of a layer by their names in the model."""

    shapes: dict[str, tuple[int, ...]]
    read: Callable[[Mapping[str, Any]], Params]
    write: Callable[[Params], dict[str, Any]]


def joined(path: str, name: Any) -> str:
    """The name of a part: `1.forward`."""
    return f"{path}.{name}" if path else str(name)


@functools.singledispatch
def entry(layer: Layer, path: str, who: str) -> Entry:
    """The arrays of a layer.

    Raises:
        TypeError: no operator computes this layer, which is named, with those that have one.
    """
    raise no_counterpart(who, path, f"`{type(layer).__name__}`")


def no_counterpart(who: str, path: str, what: str) -> TypeError:
    """The error for a layer or a cell that ONNX has not, with a list of what it has."""
    layers = sorted(kind.__name__ for kind in entry.registry if kind not in (object, Pool))
    layers = sorted([*layers, "LastPool", "MeanPool", "MaxPool"])
    cells = "Elman, GRU, ResetBeforeGRU, LSTM, PeepholeLSTM, CoupledLSTM, and those of onnx"
    place = f"layer {path}: " if path else ""
    return TypeError(
        f"{who}: {place}{what} has no counterpart in ONNX. Layers that have one: "
        f"{', '.join(layers)}; cells: {cells}."
    )


def _record(kind: Callable[..., Params], path: str, **shapes: tuple[int, ...] | None) -> Entry:
    """A NamedTuple of arrays, of which those without a shape are None."""
    names = {field: joined(path, field) for field, shape in shapes.items() if shape is not None}
    return Entry(
        {name: shapes[field] or () for field, name in names.items()},
        lambda arrays: kind(**{f: arrays[names[f]] if f in names else None for f in shapes}),
        lambda params: {name: getattr(params, field) for field, name in names.items()},
    )


@entry.register
def _(layer: Dense, path: str, who: str) -> Entry:
    bias = (layer.outputs,) if layer.use_bias else None
    return _record(DenseParams, path, kernel=(layer.inputs, layer.outputs), bias=bias)


@entry.register
def _(layer: LayerNorm, path: str, who: str) -> Entry:
    return _record(LayerNormParams, path, scale=(layer.features,), bias=(layer.features,))


@entry.register
def _(layer: Embedding, path: str, who: str) -> Entry:
    name = joined(path, "table")
    shape = (layer.vocab, layer.features)
    return Entry({name: shape}, lambda arrays: arrays[name], lambda params: {name: params})


@entry.register(Activation)
@entry.register(Dropout)
@entry.register(VariationalDropout)
@entry.register(Pool)
def _(layer: Layer, path: str, who: str) -> Entry:
    return Entry({}, lambda arrays: (), lambda params: {})


def _several(
    who: str, parts: Sequence[Entry], join: Callable[[list[Params]], Params], split: Any
) -> Entry:
    def write(params: Params) -> dict[str, Any]:
        pairs = zip(parts, split(params), strict=True)
        return {name: array for part, p in pairs for name, array in part.write(p).items()}

    shapes: dict[str, tuple[int, ...]] = {}
    for part in parts:
        if twice := shapes.keys() & part.shapes.keys():
            raise ValueError(f"{who}: two layers have arrays of one name, {', '.join(twice)}")
        shapes |= part.shapes
    return Entry(
        shapes,
        lambda arrays: join([part.read(arrays) for part in parts]),
        write,
    )


@entry.register
def _(layer: Stack, path: str, who: str) -> Entry:
    names = range(len(layer.layers)) if layer.names is None else layer.names
    pairs = zip(names, layer.layers, strict=True)
    parts = [entry(part, joined(path, name), who) for name, part in pairs]
    if layer.names is None:
        return _several(who, parts, tuple, tuple)
    known = layer.names
    return _several(
        who,
        parts,
        lambda each: dict(zip(known, each, strict=True)),
        lambda params: [params[name] for name in known],
    )


@entry.register(Residual)
@entry.register(Repeated)
def _(layer: Any, path: str, who: str) -> Entry:
    return entry(layer.layer, path, who)


@entry.register
def _(layer: Parallel, path: str, who: str) -> Entry:
    parts = [entry(getattr(layer, name), joined(path, name), who) for name in Branches._fields]
    return _several(who, parts, lambda each: Branches(*each), tuple)


@entry.register
def _(layer: Tied, path: str, who: str) -> Entry:
    table = entry(layer.embedding, path, who)
    network = entry(layer.network, joined(path, "network"), who)
    bias = joined(path, "bias")
    shapes: dict[str, tuple[int, ...]] = {}
    if layer.use_bias:
        shapes[bias] = (layer.embedding.vocab,)
    last = Entry(
        shapes,
        lambda arrays: arrays[bias] if shapes else None,
        lambda params: {bias: params} if shapes else {},
    )
    return _several(who, [table, network, last], lambda each: TiedParams(*each), tuple)


# --- recurrent layers ---------------------------------------------------------------------------


@entry.register
def _(layer: Recurrent, path: str, who: str) -> Entry:
    one = operator([layer.cell], path, who)
    return Entry(one.shapes, lambda arrays: one.read(arrays)[0], lambda params: one.write([params]))


@entry.register
def _(layer: Bidirectional, path: str, who: str) -> Entry:
    cells = [layer.forward, layer.backward]
    if fit_one_node(cells):
        return _several(who, [operator(cells, path, who)], lambda each: Directions(*each[0]), _list)
    names = (joined(path, name) for name in Directions._fields)
    parts = [operator([cell], name, who) for cell, name in zip(cells, names, strict=True)]
    return _several(
        who,
        parts,
        lambda each: Directions(*(e[0] for e in each)),
        lambda params: [[p] for p in params],
    )


def _list(params: Params) -> list[list[Params]]:
    return [list(params)]


def fit_one_node(cells: Sequence[Cell]) -> bool:
    """Whether two directions are one node: of one operator, of one size, with the same options."""
    cores = [core(cell) for cell in cells]
    forms = [form_of(cell) for cell in cores]
    if None in forms or _learns(cells[0]) != _learns(cells[1]):
        return False
    descriptions = [_described(cell, form) for cell, form in zip(cores, forms, strict=True)]
    return bool(descriptions[0] == descriptions[1])


def _described(cell: Any, form: Any) -> tuple[Any, ...]:
    """What both directions share; activations are listed for each, but clips are one."""
    attributes = {k: v for k, v in form.attributes(cell).items() if not k.startswith("activation")}
    shapes = {name: shape[1:] for name, shape in _shapes(cell, form, 1).items()}
    return form.operator, attributes, shapes


def core(cell: Cell) -> Cell:
    """The cell inside of what learns its carry, and of what drops nothing here."""
    while isinstance(cell, (*_DROPPING, LearnedCarry)):
        cell = cell.cell
    return cell


def _learns(cell: Cell) -> bool:
    while isinstance(cell, _DROPPING):
        cell = cell.cell
    return isinstance(cell, LearnedCarry)


def operator(cells: Sequence[Cell], path: str, who: str) -> Entry:
    """The arrays of one node, with a cell for each direction; its parameters are a list of theirs.

    Raises:
        TypeError: a cell that no operator computes.
    """
    cores = [core(cell) for cell in cells]
    for cell in cores:
        if form_of(cell) is None:
            raise no_counterpart(who, path, f"the cell `{type(cell).__name__}`")
        if why := refused(cell):
            raise TypeError(f"{who}: {f'layer {path}: ' if path else ''}{why}.")
    forms: list[Form] = [form_of(cell) for cell in cores]  # type: ignore[misc]
    shapes = _shapes(cores[0], forms[0], len(cells))
    learned, size = _learns(cells[0]), shapes["R"][2]
    if learned:
        states = ("initial_h", "initial_c") if forms[0].operator == "LSTM" else ("initial_h",)
        shapes |= dict.fromkeys(states, (len(cells), 1, size))
    names = {own: joined(path, own) for own in shapes}

    def read(arrays: Mapping[str, Any]) -> list[Params]:
        here = {own: arrays[name] for own, name in names.items()}
        return [
            _params(who, cell, form, {own: array[index] for own, array in here.items()})
            for index, (cell, form) in enumerate(zip(cores, forms, strict=True))
        ]

    def write(params: Sequence[Params]) -> dict[str, Any]:
        each = [_arrays(form, p) for form, p in zip(forms, params, strict=True)]
        return {name: np.stack([arrays[own] for arrays in each]) for own, name in names.items()}

    return Entry({names[own]: shape for own, shape in shapes.items()}, read, write)


def _shapes(cell: Any, form: Form, directions: int) -> dict[str, tuple[int, ...]]:
    gates = BLOCKS[form.operator] * cell.hidden
    shapes: dict[str, tuple[int, ...]] = {
        "W": (directions, gates, cell.inputs),
        "R": (directions, gates, cell.hidden),
    }
    like = jax.eval_shape(cell.init, jax.random.key(0))
    if like.bias is not None:
        shapes["B"] = (directions, 2 * gates)
    if getattr(like, "peepholes", None) is not None:
        shapes["P"] = (directions, 3 * cell.hidden)
    return shapes


def _params(who: str, cell: Any, form: Form, arrays: dict[str, Any]) -> Params:
    weights = Weights(*(arrays.get(name) for name in Weights._fields))
    params = jax.tree.map(jnp.asarray, form.read(weights))
    if isinstance(cell, GRU) and not cell.use_candidate_bias and params.bias is not None:
        if _check.concrete(params.candidate_bias) and params.candidate_bias.any():
            raise ValueError(
                f"{who}: B has a recurrent bias of the candidate, which this `GRU` has not. "
                "Leave out `use_candidate_bias=False`."
            )
        params = params._replace(candidate_bias=None)
    if "initial_h" not in arrays:
        return params
    states = [jnp.asarray(arrays[n][0]) for n in ("initial_h", "initial_c") if n in arrays]
    return LearnedCarryParams(params, LSTMCarry(*states) if len(states) == 2 else states[0])


def _arrays(form: Form, params: Params) -> dict[str, Any]:
    start = {}
    if isinstance(params, LearnedCarryParams):
        states = jax.tree.leaves(params.start)
        start = dict(zip(("initial_h", "initial_c"), (s[None] for s in states), strict=False))
        params = params.cell
    return {**form.write(params)._asdict(), **start}
