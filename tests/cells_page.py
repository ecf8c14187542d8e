"""What `docs/cells.md` says of every cell, counted.

`python -m tests.cells_page` writes the counted columns anew; what is said of a paper and of when to
choose a cell is written by hand.
"""

import dataclasses
import inspect
import itertools
import math
import pathlib
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize

from jaxrnn import cells
from tests import zoo

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "cells.md"
ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)
LETTERS = {"inputs": "I", "features": "I", "hidden": "H", "heads": "N", "key_size": "K"}
KINDS = {
    cells.GatedCell: "gated",
    cells.LinearCell: "linear",
    cells.AssociativeCell: "associative",
    cells.MemoryCell: "memory",
    cells.Cell: "plain",
}
SIZES = {"I": (3, 5, 6, 12), "H": (8, 16, 24), "N": (1, 2, 4), "K": (4, 6, 8), "state": (4, 8, 12)}


class Row(NamedTuple):
    """What is counted of a cell; formulas are Python in the letters of its sizes."""

    kind: str
    parameters: str
    state: str
    inside: str
    outside: str


def public():
    """Every public cell by name, as the zoo has it; around others, the name alone."""
    found = {}
    for cell in zoo.NOUNS.values():
        name = type(cell).__name__
        if isinstance(cell, cells.Cell) and getattr(cells, name, None) is type(cell):
            found.setdefault(name, of_defaults(cell))
    return found


def of_defaults(cell):
    """The cell with nothing but what it cannot be made without."""
    fields = [field for field in dataclasses.fields(cell) if _is_required(field)]
    return type(cell)(**{field.name: getattr(cell, field.name) for field in fields})


def _is_required(field):
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def is_around(cell):
    """Whether it holds other cells, and so has their sizes."""
    values = [getattr(cell, field.name) for field in dataclasses.fields(cell)]
    inside = [part for value in values for part in (value if type(value) is tuple else (value,))]
    return any(isinstance(part, cells.Cell) for part in inside)


def sizes(cell):
    """The fields of a cell that its counts depend on, by their letters."""
    fields = {}
    for field in dataclasses.fields(cell):
        value = getattr(cell, field.name)
        if type(value) is int and field.name not in ("steps", "kernel_size", "strides", "dilation"):
            fields[LETTERS.get(field.name, field.name)] = field.name
    return fields


def of_sizes(cell, values):
    """The cell with other sizes, or None where they do not fit."""
    try:
        return dataclasses.replace(cell, **values)
    except ValueError:
        return None


def counts(cell):
    """How many numbers its parameters and its carry have."""
    params = jax.eval_shape(cell.init, jax.random.key(0))
    carry = jax.eval_shape(cell.carry, params)
    trees = jax.tree.leaves(params), jax.tree.leaves(carry)
    return [sum(math.prod(leaf.shape) for leaf in leaves) for leaves in trees]


def samples(cell):
    """Cells of other sizes, with those sizes by letter."""
    fields = sizes(cell)
    choices = [SIZES.get(letter, (2, 3, 4)) for letter in fields]
    for values in itertools.product(*choices):
        other = of_sizes(cell, dict(zip(fields.values(), values, strict=True)))
        if other is not None:
            yield dict(zip(fields, values, strict=True)), other


def formula(cell):
    """Parameters and carry as sums of products of sizes, found from their counts."""
    every = list(samples(cell))
    found = every[:: max(1, len(every) // 80)]
    letters = list(sizes(cell))
    terms = [
        term
        for degree in range(4)
        for term in itertools.combinations_with_replacement(letters, degree)
        if degree < 3 or len({*term} - {"I", "H"}) > 0
    ]
    for divisor in {"N", "blocks"} & {*letters}:
        pairs = [term for term in terms if len(term) in (1, 2) and divisor not in term]
        terms += [(*pair, f"/{divisor}") for pair in pairs]
    table = np.array([[value_of(term, values) for term in terms] for values, _ in found])
    totals = np.array([counts(other) for _, other in found])
    return [_simplest(terms, table, totals[:, column]) for column in (0, 1)]


def value_of(term, values):
    return math.prod(1 / values[s[1:]] if s[0] == "/" else values[s] for s in term)


def _simplest(terms, table, total):
    """Factors, halves of whole numbers and none below 0, that give every count."""
    factors = np.round(2 * optimize.nnls(table, total.astype(float))[0]) / 2
    assert np.abs(table @ factors - total).max() < 1e-6, "no sum of products of sizes"
    chosen = [i for i, factor in enumerate(factors) if factor]
    return _written([terms[i] for i in chosen], factors[chosen])


def _written(terms, factors):
    ordered = sorted(zip(terms, factors, strict=True), key=lambda pair: -len(pair[0]))
    return " + ".join(_term(term, factor) for term, factor in ordered)


def _term(term, factor):
    """One product: `4*I*H`, `H*H/N`, `I*state/2`."""
    half = factor % 1 > 0
    sizes_of = [size for size in term if size[0] != "/"]
    number = f"{2 * factor if half else factor:g}"
    product = sizes_of if number == "1" and sizes_of else [number, *sizes_of]
    divisors = [size for size in term if size[0] == "/"] + (["/2"] if half else [])
    return "*".join(product) + "".join(divisors)


def operations(cell):
    """Thousands of operations of a step at I = H = 64: in the loop, and for all steps at once."""
    required = {field.name for field in dataclasses.fields(cell) if _is_required(field)}
    units = {"inputs", "features", "hidden", "outputs", "state", "oscillators", "context"}
    wide = dict.fromkeys(units & required & {*sizes(cell).values()}, 64)
    cell = of_sizes(cell, wide) or cell
    params = jax.eval_shape(cell.init, jax.random.key(0))
    shape = tuple(8 if size is None else size for size in cell.input_shape)
    xs = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    carry = jax.eval_shape(cell.carry, params)
    us = jax.eval_shape(cell.prepare, params, xs)
    u = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), us)
    outs = jax.eval_shape(cell.advance, params, carry, u)[1]
    outs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), outs)
    inside = _flops(cell.advance, params, carry, u)
    outside = _flops(cell.prepare, params, xs) + _flops(cell.finish, params, outs, xs)
    return [f"{number / 1000:.1f}" for number in (inside, outside)]


def _flops(function, *arguments):
    return jax.jit(function).lower(*arguments).cost_analysis().get("flops", 0.0)


def kind(cell):
    return KINDS[cell.kind]


def row(cell):
    if is_around(cell):
        return Row("as inside", "as inside", "as inside", "as inside", "as inside")
    parameters, state = formula(cell)
    return Row(kind(cell), f"`{parameters}`", f"`{state}`", *operations(cell))


def reference(cell):
    """The authors and the year of the paper that the docstring names."""
    text = " ".join((inspect.getdoc(type(cell)) or "").split("Reference:")[-1].split())
    who = re.split(r', "|, [A-Z]{4}|, arXiv|, Neural', text)[0].replace("ibid", "")
    names = re.sub(r"\b(?:[A-Z]\.-?)+ ?", "", who).strip()
    year = re.search(r"\b(19|20)\d\d\b", text)
    archive = re.search(r"arXiv (\d\d)\d\d", text)
    when = year.group(0) if year else f"20{archive.group(1)}" if archive else ""
    return f"{names} {when}"


def parse():
    """The rows of the page: the name of a cell, and the texts of the other columns."""
    return {
        name: [column.strip() for column in rest.split(" | ")]
        for name, rest in ROW.findall(PAGE.read_text("utf-8"))
    }


def main():
    text, written = PAGE.read_text("utf-8"), parse()
    for name, cell in public().items():
        if name in written:
            _, *_, paper, when = written[name]
            columns = " | ".join([f"`{name}`", *row(cell), paper, when])
            text = re.sub(rf"^\| `{name}` \|.*$", lambda _, c=columns: f"| {c} |", text, flags=re.M)
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
