"""The numbers of a carry that have derivatives, as real arrays."""

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array, Carry


def reals(carry: Carry) -> list[Array]:
    """The floating leaves; of a complex one its real and its imaginary part."""
    found = []
    for leaf in jax.tree.leaves(carry):
        if jnp.issubdtype(leaf.dtype, jnp.inexact):
            found += [leaf.real, leaf.imag] if jnp.iscomplexobj(leaf) else [leaf]
    return found


def with_reals(carry: Carry, numbers: list[Array]) -> Carry:
    """The carry with other numbers, in the order of `reals`."""
    each = iter(numbers)

    def leaf(leaf: Any) -> Any:
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return leaf
        if jnp.iscomplexobj(leaf):
            return jax.lax.complex(next(each), next(each))
        return next(each)

    return jax.tree.map(leaf, carry)
