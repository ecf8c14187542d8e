"""`phi`, the function behind what would otherwise be a difference of nearly equal numbers."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Array


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def phi(n: int, x: Array) -> Array:
    r"""$\varphi_n(x) = \sum_{j \ge 0} x^j / (j + n)!$, to full relative accuracy, for `n >= 1`.

    $\varphi_1(x) = (e^x - 1) / x$ and $\varphi_2(x) = (e^x - 1 - x) / x^2$: the functions of
    exponential integrators, whose derivatives are functions of the same kind.
    """
    near = jnp.abs(x) < 1
    large = jnp.where(near, 1, x)
    direct = jnp.expm1(large) / large
    for j in range(1, n):
        direct = (direct - 1 / math.factorial(j)) / large
    return jnp.where(near, phi_series(n, jnp.where(near, x, 0)), direct)


@phi.defjvp
def _(n: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    value = phi(n, x)
    return value, (value - n * phi(n + 1, x)) * dx


def phi_series(n: int, x: Array) -> Array:
    """`phi` of numbers from -1 to 1."""
    value = jnp.zeros_like(x)
    for j in reversed(range(19 if x.dtype.itemsize > 4 else 11)):
        value = value * x + 1 / math.factorial(j + n)
    return value
