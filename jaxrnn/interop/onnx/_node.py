"""How the node of a recurrent operator is written: weights, options and states."""

from typing import Any

from ..._typing import Params
from ...cells import LearnedCarry
from ...networks import Directions
from ._entries import joined, operator
from ._forms import form_of
from ._graph import WHO, Graph, Value

STATES = {"initial_h": "hidden", "initial_c": "cell"}


def write_node(
    pairs: list[tuple[Any, Params]], x: Value, graph: Graph, path: str, direction: str
) -> str:
    """One recurrent node, of a cell with its parameters for each direction.

    Its output is `[T, D, B, H]`.
    """
    cells = [cell for cell, _ in pairs]
    arrays = operator(cells, path, WHO).write([params for _, params in pairs])
    names = {name.split(".")[-1]: graph.array(name, value) for name, value in arrays.items()}
    learned = isinstance(cells[0], LearnedCarry)
    cores = [cell.cell if learned else cell for cell in cells]
    forms: list[Any] = [form_of(cell) for cell in cores]
    kind = forms[0].operator
    states = list(STATES)[: 2 if kind == "LSTM" else 1]
    parts = [joined(path, name) for name in Directions._fields] if len(cells) == 2 else [path]
    if graph.carries is not None:
        here = [[graph.carry(part, STATES[s], cores[0].hidden) for s in states] for part in parts]
        for index, state in enumerate(states):
            names[state] = _stacked([each[index] for each in here], graph, path)
    elif learned:
        shape = graph.add("Shape", x.name, at=path)
        batch = graph.add("Slice", shape, graph.axes(1), graph.axes(2), at=path)
        wide = graph.add("Concat", graph.axes(1), batch, graph.axes(1), at=path, axis=0)
        for state in states:
            names[state] = graph.add("Expand", names[state], wide, at=path)
    order = ["W", "R", "B", "sequence_lens", "initial_h"]
    order += ["initial_c", "P"] if kind == "LSTM" else []
    names["sequence_lens"] = graph.lengths or ""
    inputs = [x.name, *(names.get(name, "") for name in order)]
    while not inputs[-1]:
        inputs.pop()
    attributes: dict[str, Any] = {"hidden_size": cores[0].hidden, "direction": direction}
    for cell, form in zip(cores, forms, strict=True):
        for name, value in form.attributes(cell).items():
            before = attributes.get(name, []) if isinstance(value, list) else None
            attributes[name] = value if before is None else [*before, *value]
    attributes = {name: value for name, value in attributes.items() if value != []}
    if graph.carries is None:
        return str(graph.add(kind, *inputs, at=path, **attributes))
    y, *last = graph.add(kind, *inputs, at=path, outputs=1 + len(states), **attributes)
    for index, state in enumerate(last):
        for direction_, each in enumerate(here):
            own = graph.add("Gather", state, graph.number(direction_, "int64"), at=path, axis=0)
            graph.carry_on(each[index], own, path)
    return str(y)


def _stacked(names: list[str], graph: Graph, path: str) -> str:
    """States of one direction or two as `[D, B, H]`."""
    wide = [graph.add("Unsqueeze", name, graph.axes(0), at=path) for name in names]
    return str(wide[0] if len(wide) == 1 else graph.add("Concat", *wide, at=path, axis=0))
