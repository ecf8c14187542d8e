"""A check that `mix` is affine, which the hand-written derivative relies on."""

from functools import partial
from typing import Any

import jax
from jax.interpreters import partial_eval

from .._typing import Carry, Params


def check_affine(cell: Any, params: Params, carry: Carry) -> None:
    """Raise `ValueError` if the derivative of `mix` by the carry depends on the carry.

    The derivative is traced, not computed, so that this costs nothing when the program runs.
    """

    def derivative(carry: Carry, d_carry: Carry) -> Any:
        return jax.jvp(partial(cell.mix, params), (carry,), (d_carry,))[1]

    jaxpr = jax.make_jaxpr(derivative)(carry, carry).jaxpr
    _, read = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    if any(read[: len(jax.tree.leaves(carry))]):
        raise ValueError(
            f"BPTT: `mix` of {cell!r} is not affine in the carry, so that its derivative would be "
            "wrong. Move what is not into `gate`, or use `Scan()`."
        )
