"""`bound`: one operation of a traced program, on other arguments."""

from typing import Any


def bound(equation: Any, args: list[Any]) -> list[Any]:
    """The results of an equation of a jaxpr for these arguments."""
    with equation.ctx.manager:
        params = equation.primitive.get_bind_params(equation.params)
        results = equation.primitive.bind(*args, **params)
    return [*results] if equation.primitive.multiple_results else [results]
