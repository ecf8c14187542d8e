"""The laws of one kind of cell: what its methods owe to engines."""

from typing import Any

import jax

from . import _trees as trees
from ._cell_case import CellCase


def _over(axes: int, function: Any) -> Any:
    """A function over leading axes, one element at a time."""
    for _ in range(axes):
        function = jax.vmap(function)
    return function


def projection(case: CellCase) -> None:
    @jax.jit
    def both(cell: Any, params: Any, xs: Any, carry: Any) -> Any:
        def project(x: Any) -> Any:
            return cell.project(params, x)

        def mix(carry: Any) -> Any:
            return cell.mix(params, carry)

        return (project(xs), mix(carry)), (_over(3, project)(xs), _over(2, mix)(carry))

    for got, wanted, name in zip(*both(*case.problem()[:4]), ("project", "mix"), strict=True):
        trees.near(got, wanted, f"`{name}` over leading axes: ")


def affine(case: CellCase) -> None:
    """`mix` of `3 a - 2 b`; a constant in it stays, since 3 - 2 is 1."""
    a, b = case.carry, trees.moved(case.carry, trees.noise(case.carry, 5), 0.5)

    @jax.jit
    def three(cell: Any, params: Any, *carries: Any) -> Any:
        return tuple(cell.mix(params, carry) for carry in carries)

    combined = trees.moved(trees.moved(a, a, 2.0), b, -2.0)
    of_a, of_b, got = three(case.cell, case.params, a, b, combined)
    trees.near(got, trees.moved(trees.moved(of_a, of_a, 2.0), of_b, -2.0), "mix(3 a - 2 b)")


def coefficients(case: CellCase) -> None:
    @jax.jit
    def both(cell: Any, params: Any, xs: Any, carry: Any) -> Any:
        first = jax.tree.map(lambda leaf: leaf[0], xs)

        def elements(x: Any) -> Any:
            return cell.elements(params, x)

        def read(carry: Any, x: Any) -> Any:
            return cell.read(params, carry, x)

        one_by_one = _over(3, elements)(xs), _over(2, read)(carry, first)
        return (elements(xs), read(carry, first)), one_by_one

    for got, wanted, name in zip(*both(*case.problem()[:4]), ("elements", "read"), strict=True):
        trees.near(got, wanted, f"`{name}` over leading axes: ")


def memory(case: CellCase) -> None:
    @jax.jit
    def both(cell: Any, params: Any, xs: Any, carry: Any) -> Any:
        first = jax.tree.map(lambda leaf: leaf[0], xs)

        def project(x: Any) -> Any:
            return cell.project(params, x)

        def read(out: Any, x: Any) -> Any:
            return cell.read(params, out, x)

        _, outs = cell.advance(params, carry, project(first))
        one_by_one = _over(3, project)(xs), _over(2, read)(outs, first)
        return (project(xs), read(outs, first)), one_by_one

    for got, wanted, name in zip(*both(*case.problem()[:4]), ("project", "read"), strict=True):
        trees.near(got, wanted, f"`{name}` over leading axes: ")


def composition(case: CellCase) -> None:
    @jax.jit
    def results(cell: Any, params: Any, xs: Any, carry: Any) -> Any:
        elements = cell.elements(params, xs)
        a, b, c = (jax.tree.map(lambda leaf, t=t: leaf[t], elements) for t in range(3))
        left, right = cell.compose(cell.compose(a, b), c), cell.compose(a, cell.compose(b, c))
        stepped = cell.apply(c, cell.apply(b, cell.apply(a, carry)))
        over_time = jax.vmap(cell.compose)(elements, elements)
        return (
            (left, right),
            (cell.apply(left, carry), stepped),
            (
                cell.compose(elements, elements),
                over_time,
            ),
        )

    bracketed, applied, broadcast = results(*case.problem()[:4])
    for (got, wanted), what in (
        (applied, "the composition of three steps, applied: "),
        (bracketed, "(a b) c against a (b c): "),
        (broadcast, "`compose` over leading axes: "),
    ):
        trees.near(got, wanted, what)
